"""The REST API over HTTP, around a model in memory: who is let in, what is done for whom, and how it ends."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from prometheus_client import CollectorRegistry

from serving.accounting import Calls
from serving.configuration import Rules, one_model
from serving.errors import ServingError
from serving.exposition import exposed
from serving.metrics import Metrics
from serving.models import Models
from serving.rest import Reply, RestApi, failure
from serving.rest_server import listening_http
from serving.services import Servicer
from serving.tests.memory import MemoryModel, MemoryStore
from serving.versions import Versions
from tests.processes import eventually

PREDICT = "/v1/models/lung:predict"
BOTH = "/v1/models/lung/versions/1/labels/x:predict"
SIGNATURE = {"signature_name": "x", "instances": [1]}
PLACES = 4
"""Requests that a server with one thread lets in."""


class Peer:
    """A server with one thread for requests, and a client of it."""

    def __init__(self, folder: Path) -> None:
        store = MemoryStore(folder / "lung")
        store.add(1)
        models = Models(store.load, Rules(), start=Versions.refresh)
        config = one_model("lung", str(store.base_path))
        models.configure(config)
        config.model_config_list.config[0].version_labels["a b"] = 1
        models.configure(config)
        self.model: MemoryModel = store.models[1]
        self.metrics = Metrics(CollectorRegistry())
        services = Servicer(models, as_content=False)
        self.api = RestApi(services, Calls(self.metrics, models.knows))
        self.server = ExitStack()
        self.port = 0

    def listen(self, *, timeout: float | None = 30, port: int = 0) -> None:
        pages: dict[str, Callable[[], Reply]] = {"/metrics": lambda: Reply(200, b"# none\n", "text/plain")}
        listening = listening_http(self.api, pages, ("127.0.0.1", port), threads=1, timeout=timeout, grace=30)
        self.port = self.server.enter_context(listening).port

    def ask(self, path: str = PREDICT, body: object = None, verb: str = "POST") -> tuple[int, Any]:
        """Return the status and the content of a reply, to `{"instances": [1]}` if no other body is given."""
        content = {"instances": [1]} if body is None else body
        sent: dict[str, Any] = {"content": content} if isinstance(content, bytes) else {"json": content}
        reply = httpx.request(
            verb, f"http://127.0.0.1:{self.port}{path}", timeout=30, **({} if verb == "GET" else sent)
        )
        assert reply.headers["content-type"] == "application/json"
        return reply.status_code, reply.json()

    def send(self, body: bytes, length: int | None = None) -> socket.socket:
        """Send a request and leave its connection open."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        head = (
            f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body) if length is None else length}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
        return connection

    def counts(self) -> Counter[str]:
        """Return how many requests ended how."""
        lines = [line for line in exposed(self.metrics.registry).splitlines() if "request_count{" in line]
        counts: Counter[str] = Counter()
        for line in lines:
            counts[line.split('"')[3]] += int(line.split()[-1])
        return counts


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    peer = Peer(tmp_path)
    with peer.server:
        yield peer
        peer.model.gate.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(PLACES + 1) as pool:
        yield pool


def busy(peer: Peer, pool: ThreadPoolExecutor) -> "Future[tuple[int, Any]]":
    """Have a request hold the server's only thread until the model's gate is opened, and return its reply."""
    peer.model.gate.clear()
    first = pool.submit(peer.ask)
    assert peer.model.started.acquire(timeout=30)
    return first


def test_a_prediction_is_answered_row_by_row(peer: Peer) -> None:
    peer.listen()

    assert peer.ask(body={"instances": [1, 2]}) == (
        200,
        {"predictions": [{"double": 2.0, "half": 0.5}, {"double": 4.0, "half": 1.0}]},
    )
    assert peer.ask(body={"inputs": {"x": [3]}}) == (200, {"outputs": {"double": [6.0], "half": [1.5]}})


@pytest.mark.parametrize("path", ["/versions/1", "/labels/a%20b"])
def test_a_version_is_named_by_its_number_or_its_label(peer: Peer, path: str) -> None:
    peer.listen()

    assert peer.ask(f"/v1/models/lung{path}:predict")[0] == 200
    assert peer.ask(f"/v1/models/lung{path}", verb="GET")[0] == 200
    assert peer.ask(f"/v1/models/lung{path}/metadata", verb="GET")[1]["model_spec"]["version"] == "1"


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "error"),
    [
        ("POST", "/v1/models/x:predict", None, 404, "Servable not found for request: Latest(x)"),
        ("POST", "/v1/models/lung/versions/7:predict", None, 404, "Servable not found for request: Specific(lung, 7)"),
        ("POST", "/v1/models/lung/labels/x:predict", None, 400, "Unrecognized servable version label: x"),
        ("POST", PREDICT, SIGNATURE, 400, 'Serving signature name: "x" not found in signature def'),
        ("POST", PREDICT, b"", 400, "JSON Parse error: The document is empty"),
        ("POST", PREDICT, b"{", 400, "JSON Parse error: Missing a name for object member. at offset: 1"),
        ("POST", PREDICT, {"instances": [[1]]}, 400, "input x has the shape [1, 1]; the signature takes [?]"),
        ("POST", PREDICT, b'{"instances": [NaN]}', 400, "x holds NaN"),
        ("POST", "/v1/models/lung:classify", None, 501, "classify is not offered by the embedded server: use predict"),
        ("POST", "/v1/models/lung:regress", None, 501, "regress is not offered by the embedded server: use predict"),
        ("GET", PREDICT, None, 400, f"Malformed request: GET {PREDICT}"),
        ("POST", BOTH, None, 400, f"Malformed request: POST {BOTH}"),
        ("GET", "/v1/models/x", None, 404, "Could not find any versions of model x"),
        ("GET", "/v1/models/lung/versions/7", None, 404, "Could not find version 7 of model lung"),
        ("GET", "/v1/models/x/metadata", None, 404, "Servable not found for request: Latest(x)"),
        ("GET", "/v1/models", None, 400, "Missing model name in request."),
        ("GET", "/v2/models/lung", None, 404, "Not found: /v2/models/lung"),
        ("DELETE", "/v1/models/lung", None, 400, "Malformed request: DELETE /v1/models/lung"),
    ],
)
def test_what_goes_wrong_has_a_status_and_a_text(
    peer: Peer, verb: str, path: str, body: object, status: int, error: str
) -> None:
    peer.listen()

    assert peer.ask(path, body, verb) == (status, {"error": error})


STATUSES = {
    "OK": 200, "CANCELLED": 499, "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504,
    "UNKNOWN": 500, "INTERNAL": 500, "DATA_LOSS": 500,
}  # fmt: skip


@pytest.mark.parametrize("code", grpc.StatusCode)
def test_every_code_has_its_status(code: grpc.StatusCode) -> None:
    assert failure(ServingError(code, "")).status == STATUSES[code.name]


def test_requests_add_up_by_status(peer: Peer) -> None:
    peer.listen()
    for body in ({"instances": [1]}, {"instances": [2]}, {}, b"{"):
        peer.ask(body=body)
    peer.ask("/v1/models/x:predict")
    peer.ask("/v1/models/lung", verb="GET")
    peer.ask("/elsewhere", verb="GET")

    assert peer.counts() == {"OK": 3, "INVALID_ARGUMENT": 2, "NOT_FOUND": 1}
    timed = 'request_latency_count{model_name="lung",API="predict",entrypoint="REST"} 2\n'
    assert timed in exposed(peer.metrics.registry)


def test_other_pages_are_shown_at_their_path(peer: Peer) -> None:
    peer.listen()
    reply = httpx.get(f"http://127.0.0.1:{peer.port}/metrics")

    assert (reply.status_code, reply.headers["content-type"], reply.content) == (200, "text/plain", b"# none\n")


def test_more_requests_than_places_are_refused_at_once(peer: Peer, pool: ThreadPoolExecutor) -> None:
    peer.listen()
    replies = [busy(peer, pool)]
    waiting = [peer.send(b'{"instances": [1]}') for _ in range(PLACES - 1)]
    eventually(
        lambda: peer.ask("/v1/models/lung", verb="GET") == (429, {"error": "Server Threadpool Exhausted"}),
        within=30,
        what="all places are taken",
    )
    peer.model.gate.set()

    assert [reply.result(30)[0] for reply in replies] == [200]
    for connection in waiting:
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.close()


def test_a_client_that_hangs_up_is_not_worked_for(peer: Peer, pool: ThreadPoolExecutor) -> None:
    peer.listen()
    first = busy(peer, pool)
    peer.send(b'{"instances": [1]}').close()
    peer.send(b'{"instan', length=1000).close()
    eventually(lambda: peer.counts() == {"CANCELLED": 1}, within=30, what="the unfinished request is counted")
    peer.model.gate.set()

    assert first.result(30)[0] == 200
    eventually(lambda: peer.counts() == {"CANCELLED": 2, "OK": 1}, within=30, what="both are counted")
    assert peer.model.runs == 1


def test_a_request_whose_time_is_up_is_not_worked_for(peer: Peer, pool: ThreadPoolExecutor) -> None:
    peer.listen(timeout=1)
    first = busy(peer, pool)
    second = peer.send(b'{"instances": [1]}')
    slow = peer.send(b'{"instan', length=1000)

    assert slow.recv(12) == b"HTTP/1.1 504"
    peer.model.gate.set()
    assert second.recv(12) == b"HTTP/1.1 504"
    assert first.result(30)[0] == 200
    assert (peer.model.runs, peer.counts()) == (1, {"DEADLINE_EXCEEDED": 2, "OK": 1})
    for connection in (slow, second):
        connection.close()


def test_a_body_announced_too_large_is_refused_before_it_is_sent(peer: Peer) -> None:
    peer.listen()
    with peer.send(b"", length=2**25 + 1) as connection, connection.makefile("rb") as reply:
        content = reply.read()  # to the end of the connection

    assert content.startswith(b"HTTP/1.1 413")
    assert b"the limit is 33554432: send fewer instances, or use gRPC" in content


def test_a_body_that_becomes_too_large_is_refused(peer: Peer) -> None:
    peer.listen()
    parts = (b"x" * 2**20 for _ in range(40))
    try:
        status = httpx.post(f"http://127.0.0.1:{peer.port}{PREDICT}", content=parts, timeout=30).status_code
    except httpx.TransportError:  # the connection ended while the client was still sending
        status = 413

    assert status == 413
    assert peer.counts() == {"RESOURCE_EXHAUSTED": 1}


def test_at_the_end_running_requests_finish_and_new_ones_are_not_taken(peer: Peer, pool: ThreadPoolExecutor) -> None:
    peer.listen()
    running = busy(peer, pool)
    closing = pool.submit(peer.server.close)
    eventually(lambda: not accepts(peer.port), within=30, what="new connections are refused")
    assert not running.done()
    peer.model.gate.set()

    assert running.result(30)[0] == 200
    closing.result(30)


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=30).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_port_that_is_taken_is_named(peer: Peer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
            peer.listen(port=port)

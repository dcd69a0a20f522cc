"""Clients that take their time: each kind is sent away, and meanwhile costs nobody else an answer."""

import resource
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.clients import sending
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import eventually

IMAGE = png(pixels(1))
PLACES = 4
SOON_S = 30  # by far more than any deadline: what is claimed is that there is one


@pytest.fixture(scope="module", params=["granian", "uvicorn"])
def small(
    request: pytest.FixtureRequest, model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Return a gateway with few places, whose time for a body never ends before that for a slow one does."""
    settings = {"server": request.param, "concurrency_limit": str(PLACES), "body_timeout_s": "600"}
    settings["request_timeout_s"] = "600"
    with serving_gateway(model_server.target, tmp_path_factory.mktemp("small"), **settings) as gateway:
        yield gateway
        assert "Traceback" not in gateway.running.output()


def connect(gateway: Gateway, first: bytes, receive_buffer: int = 0) -> socket.socket:
    address = urlsplit(gateway.url)
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect((str(address.hostname), int(address.port or 0)))
    connection.sendall(first)
    connection.settimeout(0.1)
    return connection


def dribble_until_closed(connection: socket.socket, more: bytes) -> bytes:
    """Send a little again and again until the server closes the connection; return what it said."""
    said = bytearray()

    def closed() -> bool:
        try:
            received = connection.recv(65536)
            said.extend(received)
            if received:
                return False
        except TimeoutError:
            try:
                connection.sendall(more)
            except OSError:
                return True
            return False
        except OSError:
            pass
        return True

    eventually(closed, within=SOON_S, what="the server closes the connection")
    return bytes(said)


def predicts(gateway: Gateway) -> bool:
    return httpx.post(f"{gateway.url}/predict", content=IMAGE, timeout=SOON_S).status_code == 200


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"", b""),
        (b"GET /heal", b"t"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n", b"X-a: b\r\n"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"G"),
    ],
    ids=["none", "in a line", "one after the other", "of a second request"],
)
def test_headers_that_take_too_long_end_the_connection(small: Gateway, first: bytes, more: bytes) -> None:
    """However little is missing, and although something comes all the time."""
    with connect(small, first) as connection:
        said = dribble_until_closed(connection, more)
        assert predicts(small)

    assert said.count(b"HTTP/1.1 2") == ("\r\n\r\n" in first.decode())


@pytest.mark.parametrize(
    ("headers", "more"),
    [("Content-Length: 10000", b"xx"), ("Transfer-Encoding: chunked", b"1\r\nx\r\n")],
    ids=["announced", "chunked"],
)
@pytest.mark.parametrize("path", ["/predict", "/models/rollback"])
def test_a_body_that_dribbles_is_given_up(small: Gateway, headers: str, more: bytes, path: str) -> None:
    """Long before the time for a whole body, and whoever reads it; the problem says how fast it must be."""
    with connect(small, f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode()) as connection:
        said = dribble_until_closed(connection, more)

    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"fewer than 4096 bytes a second" in said
    assert b"connection: close" in said.lower()
    assert predicts(small)


def test_slow_bodies_give_their_places_to_who_needs_them(small: Gateway) -> None:
    """With all places taken by bodies that do not come a good client is answered; who lost its place is told so."""
    with ExitStack() as stack:
        slow = [
            stack.enter_context(sending(small.url, b"x" * 200_000, announced=9_000_000)) for _ in range(PLACES)
        ]  # fast enough to be waited for
        eventually(lambda: small.total("gateway_inflight_requests") == PLACES + 1, within=SOON_S, what="all are in")
        eventually(lambda: predicts(small), within=SOON_S, what="a good client is answered")
        [evicted], _, _ = select.select(slow, [], [], SOON_S)
        answer = evicted.makefile("rb").read()
        assert [predicts(small) for _ in range(5)] == [True] * 5
        assert small.total("gateway_inflight_requests") == PLACES

    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"gives its place to a request that is" in answer
    assert b"retry-after: 1" in answer.lower()


def test_a_slow_body_that_nobody_disturbs_is_answered(small: Gateway) -> None:
    """Image by image line: slow is allowed, while there is room."""
    with connect(small, f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(IMAGE)}\r\n\r\n".encode()) as slow:
        rest = iter([IMAGE[place : place + 2000] for place in range(0, len(IMAGE), 2000)])

        def answered() -> bool:
            slow.sendall(next(rest, b""))
            try:
                return slow.recv(65536).startswith(b"HTTP/1.1 200 ")
            except TimeoutError:
                return False

        eventually(answered, within=SOON_S, what="the slow one is answered")


@pytest.mark.parametrize("requests", [1, 200])
def test_a_reader_that_does_not_read_is_dropped(small: Gateway, requests: int) -> None:
    """The kernel keeps nothing for it, neither for a server that waits nor after it has closed; others are answered."""
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n"
    with connect(small, request * requests, receive_buffer=1) as connection:
        port = connection.getsockname()[1]

        def kept() -> bool:
            others = [entry.raddr for entry in psutil.net_connections("tcp4")]
            return any(getattr(other, "port", None) == port for other in others)

        assert kept()
        assert predicts(small)
        eventually(lambda: not kept(), within=SOON_S, what="the connection is gone on the server's side")
        assert predicts(small)


def test_more_connections_than_files_are_allowed_at_first_keep_nobody_out(
    model_server: ModelServer, tmp_path: Path
) -> None:
    """The gateway raises its own limit, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            gateway = stack.enter_context(serving_gateway(model_server.target, tmp_path))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(400):
            stack.enter_context(connect(gateway, b"GET /heal"))

        assert predicts(gateway)

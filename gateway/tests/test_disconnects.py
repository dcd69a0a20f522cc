"""Clients that go away: nothing is kept for them, and nobody else notices, on either ASGI server."""

import socket
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests.clients import sending
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.processes import eventually
from tests.scripted import ScriptedServer, Version, certain, scripted

CLIENTS = 8
IMAGE = png(pixels(1))
SECONDS = 5  # that a busy machine gets where a second is promised; the requests themselves would wait for minutes


@dataclass
class Held:
    """A gateway with room for `CLIENTS` images, and a model that answers when the test lets it."""

    gateway: Gateway
    model: ScriptedServer
    version: Version

    def inflight(self) -> float:
        """Return the number of requests that the gateway works on, this question aside."""
        return self.gateway.total("gateway_inflight_requests") - 1

    def waiting(self) -> float:
        """Return the number of images that wait for the model."""
        return self.gateway.total("gateway_queue_depth")

    def rows(self) -> int:
        """Return the number of images that the model was asked for."""
        return sum(images for _, images in self.model.calls)

    def gone(self) -> float:
        """Return how many requests were counted whose client had gone."""
        return self.gateway.total("gateway_requests_total", code="499")

    def post_everywhere(self) -> list[int]:
        """Take all places at once, and return the statuses."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            replies = pool.map(lambda _: httpx.post(f"{self.gateway.url}/predict", content=IMAGE), range(CLIENTS))
            return [reply.status_code for reply in replies]


@pytest.fixture(params=["granian", "uvicorn"])
def held(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Return a gateway whose model is held."""
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "131072")  # glibc gives what is freed back to the system (man mallopt)
    version = Version(certain(0))
    settings = {"server": request.param, "concurrency_limit": str(CLIENTS), "request_timeout_s": "300"}
    with (
        scripted(v1=version) as model,
        serving_gateway(model.target, tmp_path, body_timeout_s="300", **settings) as gateway,
    ):
        model.calls.clear()  # what tried the version
        version.answers.clear()
        yield Held(gateway, model, version)
        version.answers.set()
        assert "Traceback" not in gateway.running.output()


def posting_batch(url: str, images: list[bytes]) -> socket.socket:
    """Return a connection on which a batch was posted."""
    form = httpx.Request("POST", url, files=[("files", image) for image in images])
    kind = f"Content-Type: {form.headers['Content-Type']}\r\n"
    return sending(url, form.read(), path="/predict-batch", headers=kind)


def vanish(connection: socket.socket) -> None:
    """Close as a client does that was told to stop."""
    connection.close()


def reset(connection: socket.socket) -> None:
    """Close as a client does that was killed with bytes unread: the connection is reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def stop_sending(connection: socket.socket) -> None:
    """Shut the sending side down alone, as `nc -N` does; the server closes the connection without an answer."""
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(1) == b""
    connection.close()


@pytest.mark.parametrize("leave", [vanish, reset, stop_sending])
def test_clients_that_go_while_they_wait_free_their_places(held: Held, leave: Callable[[socket.socket], None]) -> None:
    """Of those who wait for the model, no row is sent and the places are free; of the one that is asked for, too."""
    first = sending(held.gateway.url, IMAGE)
    eventually(lambda: held.rows() == 1, within=30, what="the model is asked")
    others = [sending(held.gateway.url, IMAGE) for _ in range(CLIENTS - 1)]
    eventually(lambda: held.waiting() == CLIENTS - 1, within=30, what="the others wait")

    for connection in others:
        leave(connection)
    eventually(lambda: held.inflight() == 1, within=SECONDS, what="the gateway works for the first one alone")
    leave(first)
    eventually(lambda: held.inflight() == 0, within=SECONDS, what="the gateway works for nobody")

    assert held.gone() == CLIENTS
    held.version.answers.set()
    assert held.post_everywhere() == [200] * CLIENTS
    assert held.rows() == 1 + CLIENTS


def test_a_call_that_nobody_waits_for_is_cancelled_at_the_model(held: Held) -> None:
    """The model server learns that the client has gone."""
    with sending(held.gateway.url, IMAGE):
        eventually(lambda: held.rows() == 1, within=30, what="the model is asked")

    eventually(lambda: held.model.cancelled == [(1, 1)], within=SECONDS, what="the call is cancelled")


def test_clients_that_go_in_the_middle_of_their_body_free_their_places(held: Held) -> None:
    """What was read of the body is thrown away, and the model is not asked."""
    connections = [sending(held.gateway.url, IMAGE[:100], announced=len(IMAGE)) for _ in range(CLIENTS)]
    eventually(lambda: held.inflight() == CLIENTS, within=30, what="all bodies are read")

    for connection in connections:
        connection.close()

    eventually(lambda: held.inflight() == 0, within=SECONDS, what="the gateway works for nobody")
    assert (held.gone(), held.rows()) == (CLIENTS, 0)
    held.version.answers.set()
    assert held.post_everywhere() == [200] * CLIENTS


def test_a_client_that_goes_takes_all_images_of_its_batch_along(held: Held) -> None:
    """Each of its images frees its place and leaves the queue."""
    images = CLIENTS // 2
    first = sending(held.gateway.url, IMAGE)
    eventually(lambda: held.rows() == 1, within=30, what="the model is asked")
    with posting_batch(held.gateway.url, [IMAGE] * images):
        eventually(lambda: held.waiting() == images, within=30, what="all images wait")

    eventually(lambda: held.inflight() == 1, within=SECONDS, what="the gateway works for the other client alone")
    assert (held.gone(), held.waiting(), held.rows()) == (1, 0, 1)
    held.version.answers.set()
    assert b" 200 " in first.recv(100)
    assert held.post_everywhere() == [200] * CLIENTS
    assert held.rows() == 1 + CLIENTS
    first.close()


def test_a_client_that_goes_while_its_answer_is_written_frees_its_place(held: Held) -> None:
    """The place is free at once; the row, which was handed over, is in the history when that can be written again."""
    held.version.answers.set()
    with closing(sqlite3.connect(held.gateway.history, isolation_level=None)) as history:
        history.execute("BEGIN IMMEDIATE")  # the writer waits for us
        with sending(held.gateway.url, IMAGE):
            eventually(lambda: held.rows() == 1, within=30, what="the model is asked")
            eventually(
                lambda: held.gateway.total("gateway_backend_rpc_duration_seconds_count") >= 1,
                within=30,
                what="the model has answered",
            )

        eventually(lambda: held.inflight() == 0, within=SECONDS, what="the gateway works for nobody")
        history.execute("COMMIT")
    committed = "history_rows_total"
    eventually(
        lambda: held.gateway.total(committed, outcome="committed") == 1, within=30, what="the row is in the history"
    )


def test_the_images_of_a_client_that_has_gone_are_not_kept(held: Held) -> None:
    """Memory returns to what it was at once, and not when the garbage collector comes by."""
    images = 5
    process = psutil.Process(held.gateway.running.process.pid)
    process = next(iter(process.children()), process)  # Granian serves from a child

    def come_and_go(image: bytes) -> None:
        with posting_batch(held.gateway.url, [image] * images):
            eventually(lambda: held.waiting() + held.rows() >= images, within=30, what="all images wait")
        eventually(lambda: held.inflight() == 0, within=SECONDS, what="the gateway works for nobody")
        held.model.calls.clear()

    come_and_go(IMAGE)
    before = process.memory_info().rss
    come_and_go(IMAGE + bytes(9 * 1024 * 1024))  # what follows a PNG is not looked at

    assert process.memory_info().rss - before < 9 * 1024 * 1024


def test_a_connection_is_used_again_and_its_client_may_go_at_any_time(held: Held) -> None:
    """What is watched for one request does not disturb the next one on the same connection."""
    held.version.answers.set()
    with httpx.Client(base_url=held.gateway.url) as client:
        statuses = [client.post("/predict", content=IMAGE).status_code for _ in range(20)]

    assert statuses == [200] * 20
    assert held.gone() == 0


def test_a_gateway_that_is_told_to_stop_does_not_take_that_for_clients_that_go(held: Held) -> None:
    """Who waits while it drains gets an answer."""
    with sending(held.gateway.url, IMAGE) as connection:
        eventually(lambda: held.rows() == 1, within=30, what="the model is asked")
        held.gateway.running.process.terminate()
        eventually(lambda: refused(held.gateway.url), within=30, what="it takes no new connection")
        held.version.answers.set()

        assert b" 200 " in connection.recv(100)


def refused(url: str) -> bool:
    """Return whether nobody answers there."""
    try:
        httpx.get(url)
    except httpx.TransportError:
        return True
    return False

"""What is refused before it is read: at once, counted, and with a connection that both sides understand alike."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.clients import sending
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.processes import eventually
from tests.scripted import Version, certain, scripted

IMAGE = png(pixels(1))
LARGE = bytes(260_000)


@pytest.fixture(params=["granian", "uvicorn"])
def full(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    """Return a gateway whose only place is taken until the test is over."""
    version = Version(certain(0))
    settings = {"server": request.param, "concurrency_limit": "1", "request_timeout_s": "300"}
    with scripted(v1=version) as model, serving_gateway(model.target, tmp_path, **settings) as gateway:
        model.calls.clear()  # what tried the version
        version.answers.clear()
        with sending(gateway.url, IMAGE):
            eventually(lambda: len(model.calls) == 1, within=30, what="the place is taken")
            yield gateway
        assert "Traceback" not in gateway.running.output()


def read(connection: socket.socket) -> tuple[str, bytes]:
    """Return what comes until the server closes: the head in lower case, and the rest."""
    with connection.makefile("rb") as stream:
        head, _, body = stream.read().partition(b"\r\n\r\n")
    return head.decode().lower(), body


def test_every_refused_client_is_told_so_and_may_come_again(full: Gateway) -> None:
    """A client that keeps its connections open loses no request, however many are refused with their body unread."""
    with httpx.Client(base_url=full.url, timeout=30) as client:
        replies = [client.post("/predict", content=LARGE) for _ in range(300)]

    assert {reply.status_code for reply in replies} == {429}
    assert {reply.json()["type"] for reply in replies} == {"/problems/overloaded"}
    assert {reply.headers["connection"] for reply in replies} == {"close"}
    assert full.total("gateway_requests_total", route="/predict", code="429") == 300
    assert full.total("gateway_rejected_total", reason="overloaded") == 300


async def test_a_refusal_reaches_a_client_that_is_still_sending(full: Gateway) -> None:
    """It does not look for an answer before it has sent all; a connection closed meanwhile would be reset under it."""
    async with httpx.AsyncClient(base_url=full.url, timeout=30) as client:
        replies = [await client.post("/predict", files={"file": ("slice.png", LARGE)}) for _ in range(60)]

    assert {reply.status_code for reply in replies} == {429}


@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"], ids=["", "who asks first"])
def test_overload_is_told_before_the_body_is_sent(full: Gateway, expect: str) -> None:
    """Not a byte of it is waited for, nor asked for; then the connection ends."""
    with sending(full.url, b"", announced=len(LARGE), headers=expect) as connection:
        head, body = read(connection)

    assert head.startswith("http/1.1 429 ")
    assert "\r\nconnection: close" in head
    assert "\r\nretry-after: 1" in head
    assert b"/problems/overloaded" in body


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/predict", "/predict"),
        ("/v2/models/lung/infer", "/v2/models/{model}/infer"),
        ("/v2/models/lung/versions/1/infer", "/v2/models/{model}/versions/{version}/infer"),
    ],
)
def test_the_gate_refuses_as_the_route_does(full: Gateway, path: str, template: str) -> None:
    """Who comes by another spelling of the path, which only the framework knows, is told the same."""
    gate, route = (httpx.post(full.url + path + slash, content=IMAGE) for slash in ("", "/"))

    assert gate.json() == route.json()
    assert ("error" in gate.json()) is path.startswith("/v2")
    assert full.total("gateway_requests_total", route=template, code="429") == 2
    assert gate.status_code == route.status_code == 429
    different = {"date", "x-request-id"}
    assert {k: v for k, v in gate.headers.items() if k not in different} == {
        k: v for k, v in route.headers.items() if k not in different
    }


@pytest.mark.parametrize("path", ["/nowhere", "/predict-batch"])
def test_a_connection_whose_body_was_not_read_ends(full: Gateway, path: str) -> None:
    """Whatever the reason was; the next request would be taken for the rest of the body."""
    with sending(full.url, IMAGE, path=path) as connection:
        head, _ = read(connection)

    assert "\r\nconnection: close" in head


def test_a_connection_whose_body_was_read_goes_on(full: Gateway) -> None:
    """A problem alone is no reason to end it."""
    with httpx.Client(base_url=full.url) as client:
        replies = [client.put("/models/route", content=b"no route") for _ in range(3)]

    assert [reply.status_code for reply in replies] == [422] * 3
    assert "close" not in [reply.headers.get("connection") for reply in replies]

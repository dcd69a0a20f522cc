"""What the gateway refuses: with a problem of its own type, early, and going on."""

import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.gateways import Gateway, serving_gateway
from tests.images import jpeg, pixels, png, raw_png
from tests.modelserver import ModelServer
from tests.processes import PYTHON, ROOT, eventually


@pytest.mark.parametrize(
    ("problem", "status", "request_"),
    [
        ("image-empty", 400, {"content": b""}),
        ("image-format", 415, {"content": b"hello"}),
        ("image-truncated", 422, {"content": png(pixels(1))[:500]}),
        ("image-truncated", 422, {"content": jpeg(pixels(1))[:500]}),
        ("image-corrupt", 422, {"content": raw_png(9, 9, b"\0")}),
        ("image-too-many-pixels", 413, {"content": raw_png(5000, 5000, b"")}),
        ("missing-field", 400, {"files": {"image": b"x"}}),
        ("image-empty", 400, {"files": {"file": ("a.png", b"")}}),
        ("too-many-files", 413, {"files": [("file", b"1"), ("file", b"2")]}),
        ("malformed-form", 400, {"content": b"--", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
        ("malformed-form", 400, {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
        ("malformed-form", 400, {"files": {"file": ("a" * 5000, b"1")}}),
        ("malformed-form", 400, {"files": {"file": ("a", b"1", "image/png", {f"X-{n}": "y" for n in range(9)})}}),
        ("too-many-files", 413, {"files": [(f"field{n}", b"1") for n in range(20)]}),
        ("body-too-large", 413, {"content": bytes(10 * 1024 * 1024 + 1)}),
        ("body-too-large", 413, {"content": (bytes(1024) for _ in range(10 * 1024 + 1))}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_a_problem_with_its_own_type(
    gateway: Gateway, problem: str, status: int, request_: dict[str, object]
) -> None:
    """A client learns what is wrong, and the server goes on."""
    reply = httpx.post(f"{gateway.url}/predict", **request_, timeout=30)  # type: ignore[arg-type]

    assert (status, "application/problem+json") == (reply.status_code, reply.headers["content-type"])
    assert (f"/problems/{problem}", status) == (reply.json()["type"], reply.json()["status"])
    assert reply.json()["title"]
    assert reply.json()["detail"]
    assert reply.json()["title"] in httpx.get(gateway.url + reply.json()["type"]).text
    assert httpx.post(f"{gateway.url}/predict", content=png(pixels(1))).status_code == 200


def test_a_body_announced_too_large_is_refused_before_it_is_sent(gateway: Gateway) -> None:
    """Not one byte of the body is waited for."""
    address = urlsplit(gateway.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        status = connection.makefile("rb").readline()

    assert b"413" in status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("PUT", "/predict", 405),
        ("GET", "/history?limit=0", 400),
        ("GET", "/history?limit=x", 400),
    ],
)
def test_what_no_route_answers_is_a_problem_too(gateway: Gateway, method: str, path: str, status: int) -> None:
    """There is one kind of error document."""
    reply = httpx.request(method, gateway.url + path)

    assert (reply.json()["type"], reply.json()["status"]) == ("about:blank", status)
    assert (status, "application/problem+json") == (reply.status_code, reply.headers["content-type"])


def wait_for_requests(gateway: Gateway, count: int) -> None:
    """Wait until so many requests are being answered, beside the one that asks."""
    eventually(
        lambda: gateway.total("gateway_inflight_requests") == count + 1, within=10, what=f"{count} requests in flight"
    )


def test_more_images_than_places_are_refused_with_a_time_to_come_back(
    model_server: ModelServer, tmp_path: Path
) -> None:
    """Overload is refused early; a batch takes a place for each of its images, and leaves some to single ones."""
    with serving_gateway(model_server.target, tmp_path, concurrency_limit="4") as gateway:
        address = urlsplit(gateway.url)
        files = [("files", png(pixels(1)))] * 4
        never = httpx.post(f"{gateway.url}/predict-batch", files=files)
        with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
            connection.sendall(b"POST /predict-batch HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            wait_for_requests(gateway, 1)
            reply = httpx.post(f"{gateway.url}/predict-batch", files=files[:3])
            single = httpx.post(f"{gateway.url}/predict", files={"file": files[0][1]})
        wait_for_requests(gateway, 0)
        enough = httpx.post(f"{gateway.url}/predict-batch", files=files[:3])

    assert (never.status_code, never.json()["type"]) == (413, "/problems/too-many-files")
    assert "PULMO_CONCURRENCY_LIMIT" in never.json()["detail"]
    assert (
        reply.status_code,
        reply.headers["retry-after"],
        reply.json()["type"],
    ) == (429, "1", "/problems/overloaded")
    assert (single.status_code, enough.status_code) == (200, 200)


def test_a_slow_body_is_given_up(model_server: ModelServer, tmp_path: Path) -> None:
    """A client that stops sending does not hold its place for ever."""
    with serving_gateway(model_server.target, tmp_path, body_timeout_s="0.2") as gateway:
        address = urlsplit(gateway.url)
        with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
            status = connection.makefile("rb").readline()

    assert b"408" in status


def test_a_refused_setting_ends_the_gateway_with_its_name() -> None:
    """Exit status 2, one sentence, no traceback."""
    ended = subprocess.run(
        [PYTHON, "-m", "gateway"], env={"PULMO_PORT": "0"}, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert "PULMO_PORT is '0'" in ended.stderr

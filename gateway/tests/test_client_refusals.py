"""How the client takes a refusal: told, outlasted, or asked for once more."""

import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.access.keys import new_key
from gateway.client import AsyncClient, Client, ClientError, GatewayProblem, NotUnderstood, Unreachable, calls
from gateway.client.calls import Call
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.processes import PYTHON, ROOT, eventually, free_port
from tests.scripted import ScriptedServer, Version, certain, scripted

BODIES = [png(pixels(seed)) for seed in range(7)]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Return a model server that does as a test says."""
    with scripted(v1=Version(certain(2))) as script:
        yield script


def test_a_problem_is_an_exception_with_its_parts(gateway: Gateway) -> None:
    """A program need not read sentences."""
    with Client(gateway.url) as client, pytest.raises(GatewayProblem) as caught:
        client.predict(b"not an image")

    problem = caught.value
    assert (problem.name, problem.status, problem.retry_after) == ("image-format", 415, None)
    assert (problem.type, problem.title) == ("/problems/image-format", "The image format is not supported")
    assert problem.detail in str(problem)


def test_a_refused_request_is_sent_again_until_there_is_room(server: ScriptedServer, tmp_path: Path) -> None:
    """Overload is the gateway's to refuse, and the client's to outlast."""
    model = server.versions[1]
    settings = {"concurrency_limit": "1", "max_in_flight": "1", "request_timeout_s": "60"}
    with (
        serving_gateway(server.target, tmp_path, **settings) as gateway,
        ThreadPoolExecutor(2) as pool,
        Client(gateway.url) as client,
    ):
        model.answers.clear()
        first = pool.submit(client.predict, BODIES[0])
        eventually(lambda: len(server.calls) > 0, within=20, what="the only place is taken")
        second = pool.submit(client.predict, BODIES[1])
        eventually(lambda: gateway.total("gateway_rejected_total", reason="overloaded") > 0, within=20, what="refused")
        model.answers.set()

        assert first.result().id != second.result().id


@pytest.mark.parametrize("asgi", ["granian", "uvicorn"])
async def test_a_refusal_that_comes_before_the_body_is_read_is_not_lost(
    server: ScriptedServer, tmp_path: Path, asgi: str
) -> None:
    """The gateway closes the connection on what it did not read, and with it an answer may go that nobody has read."""
    _, key = new_key("tester", ["predict"])
    small, large = tmp_path / "small.png", tmp_path / "large.png"  # a form is written in several pieces
    small.write_bytes(BODIES[0])
    large.write_bytes(png(pixels(1, 900)))
    with serving_gateway(server.target, tmp_path, server=asgi, api_keys=key.line()) as gateway:
        async with AsyncClient(gateway.url, api_key="another") as client:
            for file in (small, large) * 10:
                with pytest.raises(GatewayProblem) as caught:
                    await client.predict(file)
                assert caught.value.name == "key-invalid"


def test_a_refusal_is_asked_for_once_more_without_the_body() -> None:
    """Where the connection breaks on every body, the client still learns why, and sends no body again."""
    with answering(b"{}") as url, Client(url) as client, pytest.raises(GatewayProblem) as caught:
        client.predict(BODIES[0])

    assert caught.value.status == 401


def test_a_call_that_does_its_work_without_a_body_is_not_repeated() -> None:
    """A broken connection does not roll back twice, nor start a training that nobody asked for."""
    once: list[Call[Any]] = [
        calls.roll_back(""),
        calls.retrain({"epochs": 1}),
        calls.set_route({}),
        calls.feedback("", ""),
    ]

    assert not any(call.again for call in once)
    assert not calls.upload_data([], None).again


def test_a_gateway_without_a_model_is_waited_for(server: ScriptedServer, tmp_path: Path) -> None:
    """503 passes too."""
    server.versions[1].state = "LOADING"
    with (
        serving_gateway(server.target, tmp_path, path="/health/live") as gateway,
        ThreadPoolExecutor(1) as pool,
        Client(gateway.url) as client,
    ):
        waiting = pool.submit(client.predict, BODIES[0])
        eventually(
            lambda: gateway.total("gateway_rejected_total", reason="model-unavailable") > 0, within=20, what="503"
        )
        server.versions[1].state = "AVAILABLE"

        assert waiting.result().model_version == 1


async def test_patience_ends(server: ScriptedServer, tmp_path: Path) -> None:
    """Who waits no longer gets the last refusal, with the seconds that the gateway said."""
    server.versions[1].state = "LOADING"
    with serving_gateway(server.target, tmp_path, path="/health/live") as gateway:
        async with AsyncClient(gateway.url, timeout=1.5) as client:
            with pytest.raises(GatewayProblem) as caught:
                await client.predict(BODIES[0])

        assert (caught.value.status, caught.value.retry_after) == (503, 1)
        assert gateway.total("gateway_rejected_total", reason="model-unavailable") == 2


def test_the_gateway_learns_how_long_the_client_waits(server: ScriptedServer, tmp_path: Path) -> None:
    """So it ends the work for an answer that nobody would read."""
    with serving_gateway(server.target, tmp_path) as gateway, Client(gateway.url, timeout=0.5) as client:
        server.versions[1].answers.clear()
        with pytest.raises(ClientError):
            client.predict(BODIES[0])
        eventually(lambda: len(server.cancelled) == 1, within=5, what="the call to the model was ended")


def test_no_gateway_and_another_server_are_told_apart() -> None:
    """One is started, the other is a wrong address."""
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(Unreachable):
        client.health()
    with answering(b"<html>") as url, Client(url) as client, pytest.raises(NotUnderstood):
        client.health()


def test_the_key_comes_from_the_argument_or_from_the_environment(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong one is refused, and the command ends with status 2; a key is never shown."""
    secret, key = new_key("tester", ["predict"])
    (tmp_path / "1.png").write_bytes(BODIES[0])
    command = [PYTHON, "-m", "gateway.client", "predict", str(tmp_path / "1.png"), "--url"]
    with serving_gateway(server.target, tmp_path / "gateway", api_keys=key.line()) as gateway:
        with Client(gateway.url, api_key=secret) as client:
            assert client.predict(BODIES[0]).model_version == 1
            with pytest.raises(GatewayProblem) as caught:
                client.roll_back()
        assert (caught.value.name, caught.value.status) == ("scope-missing", 403)
        refused = subprocess.run([*command, gateway.url], capture_output=True, text=True, check=False, cwd=ROOT)
        monkeypatch.setenv("PULMO_API_KEY", secret)
        allowed = subprocess.run([*command, gateway.url], capture_output=True, text=True, check=False, cwd=ROOT)

    assert (refused.returncode, allowed.returncode) == (2, 0)
    assert "An API key is needed (401)" in refused.stderr
    assert secret not in allowed.stdout + allowed.stderr
    with pytest.raises(ClientError) as wrong:
        Client(gateway.url, api_key="secret\nkey")
    assert "secret" not in str(wrong.value)


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """Run another server than a gateway, which says the same to everybody who gets; yield its address.

    To whoever posts it answers 401, and resets the connection where there is a body.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            if self.headers["Content-Length"] != "0":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return  # it is closed now
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{other.server_port}"
        finally:
            other.shutdown()
            thread.join()

"""The client, against a real gateway: what it asks, what it reads, and how it takes a refusal."""

import inspect
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

import httpx
import pytest

from gateway.access.keys import new_key
from gateway.client import AsyncClient, Client, ClientError, GatewayProblem, NotUnderstood, Unreachable, calls
from gateway.client.calls import Call
from gateway.client.images import Limits
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.processes import PYTHON, ROOT, eventually, free_port
from tests.scripted import ScriptedServer, Version, certain, scripted
from tests.toymodel import LABELS

BODIES = [png(pixels(seed)) for seed in range(7)]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return image files; the fourth is none."""
    paths = [tmp_path / f"{n}.png" for n in range(7)]
    for path, body in zip(paths, BODIES, strict=True):
        path.write_bytes(body)
    paths[3].write_text("not an image")
    return paths


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Return a model server that does as a test says."""
    with scripted(v1=Version(certain(2))) as script:
        yield script


def offers(url: str, path: str) -> bool:
    return path in httpx.get(f"{url}/openapi.json").json()["paths"]


def test_importing_the_client_imports_nothing_of_the_gateway_and_no_server() -> None:
    """It can be installed where no gateway is: httpx, msgspec and rich will do."""
    code = (
        "import sys, gateway.client, gateway.client.__main__\n"
        "ours = {name for name in sys.modules if name.startswith(('gateway.', 'proto', 'serving', 'trainer'))}\n"
        "assert all(name.startswith('gateway.client') for name in ours), ours\n"
        "theirs = {'litestar', 'grpc', 'numpy', 'sqlalchemy', 'prometheus_client', 'granian', 'PIL', 'structlog'}\n"
        "assert not theirs & sys.modules.keys()\n"
    )

    subprocess.run([PYTHON, "-c", code], check=True, cwd=ROOT)


def test_both_clients_have_the_same_methods() -> None:
    """Whoever knows one knows the other."""

    def methods(kind: type) -> dict[str, list[inspect.Parameter]]:
        return {
            name: list(inspect.signature(method).parameters.values())
            for name, method in vars(kind).items()
            if not name.startswith("_") or name == "__init__"
        }

    assert methods(Client) == methods(AsyncClient)


def test_an_image_is_classified_from_its_bytes_or_from_its_file(gateway: Gateway, files: list[Path]) -> None:
    """Both get the same numbers; a file tells its name."""
    with Client(gateway.url) as client:
        raw, named = client.predict(BODIES[0]), client.predict(files[0])
        assert client.predict(str(files[0])).filename == "0.png"

    assert (raw.filename, named.filename) == (None, "0.png")
    assert raw.probabilities == named.probabilities
    assert raw.confidence == max(raw.probabilities.values())
    assert (raw.model_version, raw.timings.total > 0) == (1, True)


async def test_the_asynchronous_client_gets_the_same_answers(gateway: Gateway, files: list[Path]) -> None:
    """It differs in how it waits, and in nothing else."""
    async with AsyncClient(gateway.url, batch=Limits(files=2)) as client:
        one = await client.predict(files[0])
        entries = [entry async for entry in client.predict_batch(files)]
        newest = [entry.id async for entry in client.history(page=2) if entry.id in {e.id for e in entries}][:6]
        assert (await client.health()).model_loaded

    assert [path.name for path in files] == [entry.filename for entry in entries]
    assert entries[0].probabilities == one.probabilities
    assert sorted(newest) == sorted(entry.id for entry in entries if entry.id)


@pytest.mark.parametrize(
    ("limits", "requests"),
    [(Limits(files=3), 3), (Limits(size=1), 7), (Limits(), 1)],
    ids=["by number", "by bytes", "in one"],
)
def test_a_batch_is_split_and_answered_in_its_order(
    gateway: Gateway, files: list[Path], limits: Limits, requests: int
) -> None:
    """Entry i answers image i, an image that is none is an error in its place, and each request is bounded."""
    before = gateway.total("gateway_requests_total", route="/predict-batch")
    with Client(gateway.url, batch=limits) as client:
        entries = list(client.predict_batch(files))
        alone = [client.predict(body).probabilities for body in (BODIES[0], BODIES[6])]

    assert [path.name for path in files] == [entry.filename for entry in entries]
    assert [n for n, entry in enumerate(entries) if entry.error] == [3]
    assert entries[3].error is not None
    assert entries[3].error.type == "/problems/image-format"
    assert [entries[0].probabilities, entries[6].probabilities] == alone
    assert gateway.total("gateway_requests_total", route="/predict-batch") - before == requests


def test_a_batch_is_read_as_it_is_needed(gateway: Gateway) -> None:
    """A stream without an end is answered, so its images are not gathered first."""
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield BODIES[0]

    with Client(gateway.url, batch=Limits(files=2)) as client:
        answers = client.predict_batch(endless())
        for _ in range(3):
            next(answers)

    assert given <= 5


def test_the_history_is_read_to_its_end_page_by_page(server: ScriptedServer, tmp_path: Path) -> None:
    """Newest first, none twice and none left out."""
    with serving_gateway(server.target, tmp_path) as gateway, Client(gateway.url) as client:
        ids = [client.predict(body).id for body in BODIES]

        assert [entry.id for entry in client.history(page=3)] == ids[::-1]
        assert [entry.id for entry in client.history(class_=LABELS[2], min_confidence=0.5)] == ids[::-1]
        assert list(client.history(class_=LABELS[0])) == []


def test_versions_and_the_route_are_read_and_set(server: ScriptedServer, tmp_path: Path) -> None:
    """What an operator does by hand, a program can."""
    server.versions[2] = Version(certain(0))
    with serving_gateway(server.target, tmp_path) as gateway, Client(gateway.url) as client:
        eventually(
            lambda: [model.version for model in client.models() if model.ready] == [2, 1], within=20, what="ready"
        )
        pinned = client.set_route("pinned", version=1, reason="as it was")
        back = client.set_route("latest")

        assert (pinned.current, pinned.reason) == ({"mode": "pinned", "version": 1}, "as it was")
        assert [share.version for share in back.effective] == [2]
        assert client.roll_back("worse").current == {"mode": "pinned", "version": 1}
        assert client.route().actor == "operator"
        assert client.metrics().metrics["accuracy"] == 0.9


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


def test_feedback_is_taken_down(gateway: Gateway) -> None:
    """A true label finds its prediction."""
    if not offers(gateway.url, "/feedback"):
        pytest.skip("this gateway has no POST /feedback")
    with Client(gateway.url) as client:
        prediction = client.predict(BODIES[0])
        right = client.feedback(prediction.id, prediction.prediction)

    assert (right.prediction_id, right.correct, right.model_version) == (prediction.id, True, 1)


def test_data_is_uploaded_and_the_training_asked_about(gateway: Gateway, files: list[Path]) -> None:
    """The answers are read as the gateway gives them."""
    if not offers(gateway.url, "/upload-data"):
        pytest.skip("this gateway has no POST /upload-data")
    with Client(gateway.url) as client:
        uploaded = client.upload_data(files, label="normal")

        assert [file.accepted for file in uploaded.files] == [n != 3 for n in range(7)]
        assert client.training_status().status == "idle"


def test_an_image_is_explained(gateway: Gateway) -> None:
    """The overlay is a PNG, and what was predicted is told beside it."""
    if not offers(gateway.url, "/explain"):
        pytest.skip("this gateway has no POST /explain")
    with Client(gateway.url) as client:
        try:
            explanation = client.explain(BODIES[0])
        except GatewayProblem as problem:
            assert problem.name == "explain-unavailable"  # noqa: PT017 - the toy model may have no such signature
        else:
            assert explanation.image.startswith(b"\x89PNG")
            assert "pulmo-prediction" in explanation.about

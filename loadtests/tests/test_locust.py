"""Locust as it is run, against a real gateway and against servers that answer wrongly."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import imagecodecs
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import PYTHON, ROOT, free_port

LOCUSTFILE = ROOT / "loadtests" / "locustfile.py"
GOOD = b'{"prediction": "normal", "confidence": 0.5, "model_version": 1}'


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    ramp = np.arange(96 * 96, dtype=np.uint32).reshape(96, 96)
    for period in (97, 193, 251):
        (folder / f"{period}.png").write_bytes(imagecodecs.png_encode((ramp % period).astype(np.uint8)))
    return folder


class Run:
    """What a run of Locust left."""

    def __init__(self, host: str, images: Path, seconds: int) -> None:
        options = ["--headless", "-u", "2", "-r", "2", "-t", f"{seconds}s", "--stop-timeout", "10", "--json"]
        ended = subprocess.run(
            [PYTHON, "-m", "locust", "-f", LOCUSTFILE, *options, "--host", host, "--images", images],
            capture_output=True,
            text=True,
            check=False,
        )
        self.status = ended.returncode
        self.output = ended.stderr
        entries = json.loads(ended.stdout or "[]")
        self.requests = {entry["name"]: entry["num_requests"] for entry in entries}
        self.failures = sum(entry["num_failures"] for entry in entries)


def answered(gateway_url: str) -> float:
    """Return how many requests to /predict the gateway has counted."""
    text = httpx.get(f"{gateway_url}/metrics", headers={"Accept": "text/plain"}).raise_for_status().text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "gateway_requests_total" and sample.labels["route"] == "/predict"
    )


def test_every_request_is_counted_by_locust_and_by_the_gateway(gateway_url: str, images: Path) -> None:
    """
    A run against the gateway ends well, and both sides have counted the same requests.
    """
    before = answered(gateway_url)

    run = Run(gateway_url, images, seconds=3)

    assert run.status == 0, run.output
    assert run.requests["/predict"] > 0
    assert sum(run.requests.values()) == answered(gateway_url) - before
    assert run.failures == 0


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        pytest.param(200, GOOD.replace(b"0.5", b"1.5"), "confidence is 1.5", id="a confidence above 1"),
        pytest.param(503, b"", "503 without Retry-After", id="a refusal that does not say when to come again"),
    ],
)
def test_a_wrong_answer_fails_the_run(status: int, body: bytes, reason: str, images: Path) -> None:
    """
    A server that answers wrongly ends the run with status 1 and the reason.
    """
    with server([(status, {}, body)]) as url:
        run = Run(url, images, seconds=1)

    assert run.status == 1, run.output
    assert reason in run.output
    assert run.failures > 0


def test_a_host_that_is_down_fails_the_run(images: Path) -> None:
    """
    A host where nobody listens ends the run with status 1.
    """
    run = Run(f"http://127.0.0.1:{free_port()}", images, seconds=1)

    assert run.status == 1, run.output
    assert "Connection refused" in run.output
    assert run.failures > 0


def test_refusals_have_a_name_of_their_own_and_are_no_failures(images: Path) -> None:
    """
    429 with Retry-After is counted beside the answers and fails nothing.
    """
    with server([(200, {}, GOOD), (429, {"Retry-After": "1"}, b"")]) as url:
        run = Run(url, images, seconds=1)

    assert run.status == 0, run.output
    assert run.requests["/predict"] > 0
    assert abs(run.requests["/predict"] - run.requests["/predict (refused)"]) <= 1
    assert run.failures == 0


def test_refusals_alone_are_no_success(images: Path) -> None:
    """
    A run in which nothing was classified ends with status 1.
    """
    with server([(429, {"Retry-After": "1"}, b"")]) as url:
        run = Run(url, images, seconds=1)

    assert run.status == 1, run.output
    assert "No image was classified" in run.output


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    """
    Where there is nothing to post, Locust ends at once and says which folder it looked at and what to do.
    """
    folder = tmp_path / "nothing"

    run = Run("http://127.0.0.1:9", folder, seconds=1)

    assert run.status == 1
    assert f"{folder} holds no .png, .jpg or .jpeg file; name a folder of images with --images" in run.output
    assert run.requests == {}


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def server(answers: list[Answer]) -> Iterator[str]:
    """A server that answers posts with `answers`, one after the other and from the start again."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(answers)) as listener:
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}"
        listener.shutdown()
        thread.join()


def handler(answers: list[Answer]) -> type[BaseHTTPRequestHandler]:
    turn = iter(range(10**9))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, body = answers[next(turn) % len(answers)]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    return Handler

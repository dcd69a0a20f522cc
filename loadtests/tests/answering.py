"""Servers that answer as a test wants, and Locust as it is run against them."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple

from tests.processes import PYTHON, ROOT

LOCUSTFILE = ROOT / "loadtests" / "locustfile.py"
GOOD = b'{"prediction": "normal", "confidence": 0.5, "model_version": 1}'
_OTHERS = {"/health": b'{"status": "ok"}', "/history": b'{"history": [], "next": null}'}

Answer = tuple[int, dict[str, str], bytes]
REFUSAL: Answer = (429, {"Retry-After": "1"}, b"")


class Run(NamedTuple):
    """What a run of Locust left."""

    status: int
    output: str
    """Its log."""
    requests: dict[str, int]
    """By their name in its statistics."""
    failures: int


def run_locust(host: str, *options: object, seconds: int = 3, users: int = 10) -> Run:
    """Run Locust with so many users for so long, or with a scenario where the options name one."""
    manual = [] if "--scenario" in options else ["-u", str(users), "-r", str(users), "-t", f"{seconds}s"]
    command = [PYTHON, "-m", "locust", "-f", LOCUSTFILE, "--headless", "--json", *manual, "--host", host, *options]
    ended = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    entries = json.loads(ended.stdout or "[]")
    requests = {entry["name"]: entry["num_requests"] for entry in entries}
    return Run(ended.returncode, ended.stderr, requests, sum(entry["num_failures"] for entry in entries))


def run_load(host: str, scenario: str, *options: object, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run `python -m loadtests.load`, which leaves its results in `folder`/results."""
    command = [PYTHON, "-m", "loadtests.load", "run", scenario, "--host", host, *options]
    command += ["--results", folder / "results", "--files", folder / "files"]
    return subprocess.run(
        list(map(str, command)), cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )


def figures_of(folder: Path, scenario: str) -> dict[str, Any]:
    """Return the figures that `run_load` left."""
    [path] = (folder / "results").glob(f"*/{scenario}.json")
    figures: dict[str, Any] = json.loads(path.read_text())
    return figures


@contextmanager
def server(answers: Sequence[Answer]) -> Iterator[str]:
    """A server that answers posts with `answers`, one after the other and from the start again; the rest is well.

    A good answer to one image becomes one to a batch of four, where that is asked for.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(answers)) as listener:
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}"
        listener.shutdown()
        thread.join()


def _handler(answers: Sequence[Answer]) -> type[BaseHTTPRequestHandler]:
    turn, lock = iter(range(10**9)), Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = _OTHERS.get(self.path.partition("?")[0])
            self.answer(200 if body else 404, {}, body or b"")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                status, headers, body = answers[next(turn) % len(answers)]
            if self.path == "/predict-batch" and status == 200:
                body = b'{"predictions": [' + b",".join([body] * 4) + b"]}"
            self.answer(status, headers, body)

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    return Handler

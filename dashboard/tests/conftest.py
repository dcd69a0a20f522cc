"""Peers of the console: servers that are no gateway, gateways of all kinds, a Prometheus, a browser."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser

from dashboard.tests.browsers import browsing
from dashboard.tests.recording import recording
from dashboard.tests.trainings import Training
from dashboard.tests.visits import put
from loadtests.chromium import ChromiumMissing
from tests.gateways import Gateway, serving_gateway
from tests.images import pixels, png
from tests.modelserver import ModelServer
from tests.processes import PYTHON
from tests.retraining import end_all
from tests.scripted import ScriptedServer, Version, certain, scripted
from tests.toymodel import manifest

CURVES = {
    "confusion": [[9, 1, 0, 0], [0, 10, 0, 0], [0, 0, 10, 0], [0, 0, 2, 8]],
    "reliability": [{"low": 0.6, "high": 0.8, "images": 40, "confidence": 0.7, "accuracy": 0.925}],
    "roc": [[[0.0, 0.0], [0.1, 0.9], [1.0, 1.0]], [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [], []],
}
MEASURED = {"accuracy": 0.925, "macro_f1": 0.9, "loss": 0.25, "ece": 0.03}


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[str]:
    """A web server that has a page at /health and takes no posts."""
    (tmp_path / "health").write_text("<html>all is well</html>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def gateway_without_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a gateway whose model server is away."""
    folder = tmp_path_factory.mktemp("lonely")
    with serving_gateway(f"unix:{folder / 'nobody'}", folder, path="/health/live") as gateway:
        yield gateway.url


@pytest.fixture(scope="session")
def prometheus_url(gateway_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a Prometheus that scrapes the gateway of the tests often."""
    with recording(tmp_path_factory.mktemp("prometheus"), gateway_url) as url:
        yield url


@pytest.fixture(scope="session")
def judging_url(gateway_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of another one, which has our rules, and sees a host where nothing answers."""
    with recording(tmp_path_factory.mktemp("judging"), gateway_url, judging=True) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser. It ends with the module: while it runs, no asynchronous test can."""
    with ExitStack() as stack:
        try:
            running = stack.enter_context(browsing())
        except ChromiumMissing as missing:
            pytest.skip(str(missing))
        yield running


@pytest.fixture(scope="session")
def doubtful_gateway_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a gateway whose model abstains from every answer."""
    folder = tmp_path_factory.mktemp("doubtful")
    doubtful = Version(certain(2), manifest=json.dumps({**manifest(), "abstention_threshold": 0.99}))
    with scripted(v1=doubtful) as server, serving_gateway(server.target, folder) as gateway:
        yield gateway.url


@pytest.fixture
def hanging_url() -> Iterator[str]:
    """Return the address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(scope="session")
def versions() -> Iterator[ScriptedServer]:
    """Versions 1 and 3, sure of one class, and 2, sure of another one; 4 was not loaded."""
    says = json.dumps({**manifest(), "metrics": MEASURED, "curves": CURVES})
    scripts = {"v1": Version(certain(0)), "v2": Version(certain(1), manifest=says), "v3": Version(certain(0))}
    with scripted(**scripts, v4=Version(certain(3), state="END", error="it is no model")) as running:
        yield running


@pytest.fixture(scope="session")
def routed(versions: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway in front of these versions; each test begins with the newest one, if it asks for `golden`."""
    with serving_gateway(versions.target, tmp_path_factory.mktemp("models")) as gateway:
        yield gateway


@pytest.fixture
def golden(routed: Gateway, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Begin with the newest version, one image to compare on, and a console that remembers nothing of other tests.

    What it remembers is kept for each key; a gateway without keys passes over the one that is sent.
    """
    put(routed.url, mode="latest")
    folder = tmp_path / "golden"
    folder.mkdir()
    (folder / "slice.png").write_bytes(png(pixels(1)))
    monkeypatch.setenv("PULMO_GOLDEN_SET", str(folder))
    monkeypatch.setenv("PULMO_API_KEY", request.node.name)
    return folder


@pytest.fixture
def training(model_server: ModelServer, tmp_path: Path) -> Iterator[Training]:
    """Return a gateway whose trainer does as the test tells it."""
    script = tmp_path / "script"
    script.mkdir()
    (script / "says").write_bytes(b"")
    command = f"{PYTHON} -m tests.scriptedtrainer {script}"
    with serving_gateway(model_server.target, tmp_path, trainer=command, trainer_nice="0") as gateway:
        yield Training(gateway, script)
    end_all(tmp_path / "sessions")

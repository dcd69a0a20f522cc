"""Peers of the console: a server that is no gateway, a gateway without a model server, a Prometheus."""

import json
import socket
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from tests.debian import ProgramMissing, find_program
from tests.gateways import serving_gateway
from tests.processes import free_port, running
from tests.scripted import Version, certain, scripted
from tests.toymodel import manifest


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
    try:
        program = find_program("prometheus")
    except ProgramMissing as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("prometheus")
    job = {"job_name": "gateway", "static_configs": [{"targets": [urlsplit(gateway_url).netloc]}]}
    config = {"global": {"scrape_interval": "250ms"}, "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        *(str(program), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"),
        f"--web.listen-address={urlsplit(url).netloc}",
    ]
    with running(command, log=folder / "log", ready=lambda: _has_scraped(url)):
        yield url


def _has_scraped(url: str) -> bool:
    try:
        reply = httpx.get(f"{url}/api/v1/query", params={"query": "gateway_concurrency_limit"})
    except httpx.TransportError:
        return False
    return reply.is_success and bool(reply.json()["data"]["result"])


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

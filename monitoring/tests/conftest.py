"""A real Prometheus that scrapes the real gateway."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from tests.debian import ProgramMissing, alertmanager, find_program
from tests.processes import ROOT, free_port, running

CONFIG = ROOT / "monitoring" / "prometheus.yml"


@pytest.fixture(scope="session")
def promtool() -> Path:
    return program("promtool")


@pytest.fixture(scope="session")
def prometheus_url(gateway_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Prometheus with our configuration, but for two things: it scrapes often, and the gateway of the tests."""
    prometheus = program("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    config = yaml.safe_load(CONFIG.read_text())
    config["global"]["scrape_interval"] = "250ms"
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    (folder / "targets").mkdir()
    (folder / "targets" / "gateway.yaml").write_text(yaml.safe_dump([{"targets": [urlsplit(gateway_url).netloc]}]))
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(prometheus),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    url = f"http://{address}"
    with running(command, log=folder / "log", ready=lambda: is_ready(url)):
        yield url


def program(name: str, package: str = "prometheus") -> Path:
    try:
        return find_program(name, package)
    except ProgramMissing as missing:
        pytest.skip(str(missing))


def alertmanager_program() -> list[str]:
    try:
        return alertmanager()
    except ProgramMissing as missing:
        pytest.skip(str(missing))


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").is_success
    except httpx.TransportError:
        return False

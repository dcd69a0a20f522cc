"""A real Prometheus that scrapes a gateway often."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from monitoring.generate import rules
from monitoring.rules import Windows
from tests.debian import ProgramMissing, find_program
from tests.processes import free_port, running

OFTEN = "250ms"
AWAY = "TargetDown"
"""The alert that fires where a Prometheus is judging."""


@contextmanager
def recording(folder: Path, gateway_url: str, *, judging: bool = False) -> Iterator[str]:
    """Run it until the block ends, and yield its address once it has scraped the gateway.

    Where it is `judging`, it has the rules there are, with windows that are a sixtieth as long; so seconds after the
    start the alert `AWAY` fires, of a host where nothing answers.
    """
    try:
        program = find_program("prometheus")
    except ProgramMissing as missing:
        pytest.skip(str(missing))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(_configuration(gateway_url, folder, judging=judging)))
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        *(str(program), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"),
        f"--web.listen-address={urlsplit(url).netloc}",
    ]
    with running(command, log=folder / "log", ready=lambda: has(url, "gateway_concurrency_limit")):
        yield url


def has(prometheus_url: str, query: str) -> bool:
    """Return whether Prometheus is there and has an answer to a query."""
    try:
        reply = httpx.get(f"{prometheus_url}/api/v1/query", params={"query": query})
    except httpx.TransportError:
        return False
    return reply.is_success and bool(reply.json()["data"]["result"])


def _configuration(gateway_url: str, folder: Path, *, judging: bool) -> dict[str, Any]:
    jobs = {"gateway": urlsplit(gateway_url).netloc}
    files = []
    if judging:
        jobs["host"] = f"127.0.0.1:{free_port()}"
        for name, text in rules(Windows(1 / 60)).items():
            (folder / name).write_text(text)
            files.append(name)
    return {
        "global": {"scrape_interval": OFTEN, "evaluation_interval": OFTEN},
        "rule_files": files,
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": [target]}]} for name, target in jobs.items()
        ],
    }

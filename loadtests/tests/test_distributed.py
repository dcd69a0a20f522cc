"""Locust in several processes, and by its page."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from loadtests.bench.processes import stub_server
from loadtests.load.ledger import from_rows
from tests.gateways import Gateway, serving_gateway
from tests.processes import PYTHON, ROOT, eventually, free_port, running, stop

COUNTER = "gateway_requests_total"
NAMES = ("/predict", "/predict (refused)")


@contextmanager
def locust(*options: object) -> Iterator["subprocess.Popen[str]"]:
    """Locust, as it is started in the repository's root: with what locust.conf says."""
    command = [PYTHON, "-m", "locust", *map(str, options)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        yield process
        process.communicate()
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway whose model takes its time, so that many users wait for their answers when a run ends."""
    with stub_server(tmp_path, 0.7, 0.001) as (target, _), serving_gateway(target, tmp_path / "slow") as gateway:
        yield gateway


def test_a_master_tells_of_all_that_its_workers_sent(slow: Gateway, tmp_path: Path) -> None:
    """
    Started apart, as on several machines: the scenario is the master's to know, and nothing is lost at the end.
    """
    port, report = free_port(), tmp_path / "report.json"
    master_options = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", 2)
    scenario_options = ("--scenario", "high", "--quick", 8, "--host", slow.url, "--report", report)
    with ExitStack() as stack:
        master = stack.enter_context(locust("--headless", *master_options, *scenario_options))
        for _ in range(2):
            stack.enter_context(locust("--worker", "--master-host", "127.0.0.1", "--master-port", port))

    figures = json.loads(report.read_text())
    counts = from_rows(figures["counts"])
    posted = sum(number for kind, number in counts.items() if kind.route == "/predict")
    assert master.returncode == 0
    assert posted == slow.total(COUNTER, route="/predict")
    assert posted == sum(route["requests"] for route in figures["routes"] if route["name"] in NAMES)
    assert figures["generator"]["processes"] == 2


def test_the_page_starts_and_stops_users(gateway: Gateway, tmp_path: Path) -> None:
    """
    `locust` alone serves its page on loopback, from where users are started and stopped; ended, it judges the run.
    """
    page = f"http://127.0.0.1:{(port := free_port())}"
    command = [PYTHON, "-m", "locust", "--web-port", str(port), "--host", gateway.url]

    def serves() -> bool:
        try:
            return httpx.get(page).is_success
        except httpx.TransportError:
            return False

    def requests() -> int:
        return int(httpx.get(f"{page}/stats/requests").json()["stats"][-1]["num_requests"])

    with running(command, log=tmp_path / "locust.log", ready=serves) as process:
        httpx.post(f"{page}/swarm", data={"user_count": 5, "spawn_rate": 5}).raise_for_status()
        eventually(lambda: requests() > 20, within=60, what="users post")
        httpx.post(f"{page}/stop").raise_for_status()
        failures = httpx.get(f"{page}/stats/requests").json()["fail_ratio"]
        status = stop(process.process)

    assert failures == 0
    assert status == 0, process.output()

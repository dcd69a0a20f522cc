"""Scenarios from end to end: Locust against a real gateway, and whether both have counted the same requests."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from loadtests.load.ledger import from_rows
from loadtests.load.scenarios import CLAIMED, SCENARIOS
from loadtests.tests.answering import figures_of, run_load
from tests.gateways import Gateway
from tests.processes import eventually, free_port

SECONDS = 5


@pytest.mark.parametrize("scenario", CLAIMED)
def test_the_gateway_counts_what_locust_sends_in_each_scenario(scenario: str, gateway: Gateway, tmp_path: Path) -> None:
    """
    With all its users in a few seconds: no error, and the same requests by route and status on both sides.
    """
    ended = run_load(gateway.url, scenario, "--quick", SECONDS, folder=tmp_path)

    figures = figures_of(tmp_path, scenario)
    counts = from_rows(figures["counts"])
    assert ended.returncode == 0, ended.stderr
    assert (figures["problems"], figures["differences"], figures["errors"]) == ([], [], [])
    assert {kind.route for kind in counts} >= {"/predict", "/history"}
    assert {kind.code for kind in counts} <= {"200", "429", "503"}
    assert figures["users"] == SCENARIOS[scenario].users
    assert list((tmp_path / "files").glob(f"*/{scenario}.html"))


def test_several_processes_count_and_judge_as_one(gateway: Gateway, tmp_path: Path) -> None:
    """
    A master and two workers: statistics, refusals and the gateway's counters agree, though users leave under load.
    """
    ended = run_load(gateway.url, "spike", "--quick", 8, "--processes", 2, folder=tmp_path)

    figures = figures_of(tmp_path, "spike")
    summary = figures["summary"]
    counted = sum(from_rows(figures["counts"]).values())
    assert ended.returncode == 0, ended.stderr
    assert figures["differences"] == []
    assert counted == summary["answered"] + summary["refused"]
    assert figures["generator"]["processes"] == 2
    assert figures["generator"]["cores"] > 0


def test_a_threshold_that_several_processes_miss_fails_the_run(gateway: Gateway, tmp_path: Path) -> None:
    """
    The master judges what its workers saw.
    """
    ended = run_load(gateway.url, "baseline", "--quick", 4, "--processes", 2, "--min-rate", "1e6", folder=tmp_path)

    assert ended.returncode == 1
    assert "1000000.0 are demanded" in ended.stdout


@pytest.mark.parametrize("allowing", [(), ("--shared",)], ids=["alone", "shared"])
def test_requests_of_others_are_told_unless_they_are_allowed(
    allowing: tuple[str, ...], gateway: Gateway, tmp_path: Path
) -> None:
    """
    A gateway that counted more than Locust sent has other clients: that fails the run, without `--shared`.
    """
    before = gateway.total("gateway_requests_total", route="/predict")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run_load, gateway.url, "baseline", "--quick", SECONDS, *allowing, folder=tmp_path)
        eventually(
            lambda: running.done() or gateway.total("gateway_requests_total", route="/predict") > before,
            within=60,
            what="Locust posts",
        )
        other = httpx.post(f"{gateway.url}/predict", content=b"no image")
        ended = running.result()

    difference = f"Counted differently: POST /predict with status {other.status_code}: Locust 0, the gateway 1"
    assert other.is_client_error
    assert ended.returncode == (0 if allowing else 1), ended.stderr
    assert (difference in ended.stdout) is not bool(allowing)


def test_where_nobody_answers_it_is_said_what_to_do(tmp_path: Path) -> None:
    """
    No run is begun against a host that is not there.
    """
    host = f"http://127.0.0.1:{free_port()}"

    ended = run_load(host, "baseline", folder=tmp_path)

    assert ended.returncode == 1
    assert f"nobody answers at {host}" in ended.stderr
    assert "start the service (make run)" in ended.stderr
    assert not (tmp_path / "results").exists()

"""Processes are killed under load (SIGKILL), and come back as `make run` lets them come back."""

import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.postgresql import Postgres
from tests.resilience.faults import FAULTS
from tests.resilience.ledger import End
from tests.resilience.system import GATEWAY, operating, server
from tests.resilience.trial import CLIENTS, under_load
from tests.toystore import Store


def test_a_model_server_that_is_killed_is_a_503_until_it_is_back(store: Store, tmp_path: Path) -> None:
    """The gateway stays as it is, and what was under way is told at once."""
    with operating(tmp_path / "system", store.path) as system:
        gateway = system.family(GATEWAY)
        with under_load(system) as trial:
            system.kill(server(0))
            trial.sees(lambda: trial.refused("model-unavailable") > 0, "the loss shows")
            system.await_ready()
            trial.steady()
        trial.verify(FAULTS["the model server is killed"])
        assert system.family(GATEWAY) == gateway


@pytest.mark.resilience
@pytest.mark.parametrize("workers", [1, 2])
def test_a_gateway_that_is_killed_loses_nothing_that_it_acknowledged(
    store: Store, history_url: str, tmp_path: Path, workers: int
) -> None:
    """Twice. Its successor has the history and counts from nothing; the model server stays."""
    with operating(tmp_path / "system", store.path, workers=workers, history=history_url) as system:
        models = system.family(server(0))
        with under_load(system) as trial:
            killed = 0.0
            for _ in range(2):
                system.kill(GATEWAY)
                killed = time.monotonic()
                system.await_ready()
                trial.steady()
        trial.verify(FAULTS["the gateway is killed"], counted_from=killed)
        assert system.family(server(0)) == models


@pytest.mark.resilience
def test_a_gateway_that_is_told_to_stop_loses_nothing_that_it_acknowledged(store: Store, tmp_path: Path) -> None:
    """SIGTERM, as an update sends it; supervisord starts the next one."""
    with operating(tmp_path / "system", store.path) as system:
        with under_load(system) as trial:
            main = system.main(GATEWAY)
            main.terminate()
            psutil.wait_procs([main], timeout=30)
            stopped = time.monotonic()
            system.await_ready()
            trial.steady()
        trial.verify(FAULTS["the gateway is stopped"], counted_from=stopped)


@pytest.mark.resilience
def test_a_worker_of_two_that_is_killed_costs_its_own_requests_alone(store: Store, tmp_path: Path) -> None:
    """The other one answers meanwhile, and the counters of both go on."""
    with operating(tmp_path / "system", store.path, workers=2) as system:
        with under_load(system) as trial:
            one, other = system.workers_alive()
            one.kill()
            trial.sees(lambda: not one.is_running(), "it has ended")
            system.await_ready()
            trial.steady()
        lost = sum(entry.end is End.LOST for entry in trial.people.entries)
        trial.verify(FAULTS["a worker of two is killed"], torn=lost)
        assert other in system.workers_alive()
        assert lost <= CLIENTS


@pytest.mark.resilience
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["shut down", "crashed"])
def test_a_database_that_is_stopped_is_a_503_until_it_is_back(
    store: Store, postgresql: Postgres, tmp_path: Path, how: signal.Signals
) -> None:
    """What it acknowledged it still has, and the gateway connects again by itself."""
    with operating(tmp_path / "system", store.path, workers=2, history=postgresql.create()) as system:
        gateway = system.family(GATEWAY)
        with under_load(system) as trial:
            postgresql.stop(how)
            trial.sees(lambda: trial.refused("history-unavailable") > 0, "the loss shows")
            postgresql.start()
            trial.steady()
        trial.verify(FAULTS["PostgreSQL is stopped"])
        assert system.family(GATEWAY) == gateway

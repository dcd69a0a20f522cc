"""Processes are stopped under load (SIGSTOP) and let go on: alive to the kernel, and silent to everybody else."""

from pathlib import Path

import psutil
import pytest

from tests.postgresql import Postgres
from tests.resilience.faults import FAULTS, Fault
from tests.resilience.system import GATEWAY, operating, pausing, server
from tests.resilience.trial import under_load
from tests.toystore import Store

SHORT_S, LONG_S = 1.0, 13.0
"""Below and beyond the 10 s that a request may take (PULMO_REQUEST_TIMEOUT_S)."""


def test_a_short_pause_of_the_model_server_costs_no_request(store: Store, tmp_path: Path) -> None:
    """They wait."""
    with operating(tmp_path / "system", store.path) as system:
        with under_load(system) as trial:
            with system.paused(server(0)):
                trial.lasts(SHORT_S)
            trial.steady()
        trial.verify(Fault())


@pytest.mark.resilience
def test_a_long_pause_of_the_model_server_costs_what_was_waiting(store: Store, tmp_path: Path) -> None:
    """Its requests end at their deadline, and newcomers are told; when it goes on, so does all else."""
    with operating(tmp_path / "system", store.path) as system:
        with under_load(system) as trial:
            with system.paused(server(0)):
                trial.lasts(LONG_S)
            trial.steady()
        trial.verify(FAULTS["the model server is paused"])
        assert trial.refused("deadline-exceeded") > 0


@pytest.mark.resilience
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("seconds", [SHORT_S, LONG_S], ids=["short", "long"])
def test_a_gateway_that_is_paused_goes_on_where_it_was(
    store: Store, tmp_path: Path, seconds: float, workers: int
) -> None:
    """What was under way is answered, or told that it is too late."""
    with operating(tmp_path / "system", store.path, workers=workers) as system:
        with under_load(system) as trial:
            with system.paused(GATEWAY):
                trial.lasts(seconds)
            trial.steady()
        trial.verify(FAULTS["the gateway is paused"] if seconds == LONG_S else Fault())


@pytest.mark.resilience
def test_one_worker_that_is_paused_does_not_hold_up_the_other(store: Store, tmp_path: Path) -> None:
    """Only its own connections wait."""
    with operating(tmp_path / "system", store.path, workers=2) as system:
        with under_load(system) as trial:
            one, _ = system.workers_alive()
            with pausing([one]):
                trial.steady()
            trial.steady()
        trial.verify(FAULTS["the gateway is paused"])


@pytest.mark.resilience
@pytest.mark.parametrize("seconds", [SHORT_S, LONG_S], ids=["short", "long"])
def test_a_database_that_is_paused_records_each_prediction_once(
    store: Store, postgresql: Postgres, tmp_path: Path, seconds: float
) -> None:
    """Whether it was acknowledged, or refused since it took too long."""
    with operating(tmp_path / "system", store.path, history=postgresql.create()) as system:
        with under_load(system) as trial:
            assert postgresql.process is not None
            main = psutil.Process(postgresql.process.pid)
            with pausing([main, *main.children()]):
                trial.lasts(seconds)
            trial.steady()
        trial.verify(FAULTS["PostgreSQL is paused"])

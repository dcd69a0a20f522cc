"""The history's database is taken away under load, and given back."""

import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.postgresql import Postgres
from tests.resilience.faults import FAULTS
from tests.resilience.system import GATEWAY, operating
from tests.resilience.trial import under_load
from tests.toystore import Store


@pytest.mark.resilience
def test_a_database_that_is_dropped_and_made_anew_empty_takes_predictions_again(
    store: Store, postgresql: Postgres, tmp_path: Path
) -> None:
    """Its rows are gone with it; until it is there again nothing is acknowledged."""
    url = postgresql.create()
    name = make_url(url).database
    with operating(tmp_path / "system", store.path, history=url) as system:
        gateway = system.family(GATEWAY)
        with under_load(system) as trial:
            with postgresql.connect() as operator:
                operator.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload, unused-ignore]
                trial.sees(lambda: trial.refused("history-unavailable") > 0, "the loss shows")
                restored = time.monotonic()
                operator.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload, unused-ignore]
            trial.steady()
        trial.verify(FAULTS["the database is dropped"], kept_from=restored)
        assert system.family(GATEWAY) == gateway


@pytest.mark.resilience
@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_somebody_else_locks_is_a_503_until_it_is_free(store: Store, tmp_path: Path, workers: int) -> None:
    """As a backup may, that knows nothing of the gateway."""
    with operating(tmp_path / "system", store.path, workers=workers) as system:
        with under_load(system) as trial:
            other = sqlite3.connect(make_url(system.history).database or "", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            trial.sees(lambda: trial.refused("history-unavailable") > 0, "the lock shows")
            other.execute("ROLLBACK")
            other.close()
            trial.steady()
        trial.verify(FAULTS["the file is locked"])

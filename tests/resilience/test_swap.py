"""Versions come, break, go and are rolled back under load: no request fails, and each is its version's."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.brokenversions import REFUSED_BY_GATEWAY, REFUSED_BY_SERVER
from tests.resilience.faults import FAULTS
from tests.resilience.system import System, operating
from tests.resilience.trial import Trial, under_load
from tests.toystore import Store
from trainer.store.versions import retire

SWAPS, TRIALS = 10, 4


def route(system: System, **wanted: Any) -> None:  # noqa: ANN401 - a JSON document
    """Set the route."""
    httpx.put(f"{system.url}/models/route", json=wanted, timeout=30).raise_for_status()


def answered_by(trial: Trial, version: int) -> None:
    """Wait until a version answers clients."""
    before = len(trial.people.entries)

    def answers() -> bool:
        new = [entry.answer for entry in trial.people.entries[before:]]
        return any(answer is not None and answer.version == version for answer in new)

    trial.sees(answers, f"version {version} answers")


@pytest.mark.resilience
@pytest.mark.parametrize("workers", [1, 2])
def test_ten_versions_and_a_broken_one_in_between_fail_no_request(store: Store, tmp_path: Path, workers: int) -> None:
    """The broken ones are seen and never answer."""
    broken: set[int] = set()
    with operating(tmp_path / "system", store.path, workers=workers) as system:
        with under_load(system) as trial:
            for number in range(SWAPS):
                if number in {3, 7}:
                    kinds = sorted(REFUSED_BY_SERVER if number == 3 else REFUSED_BY_GATEWAY)
                    broken.add(store.publish_broken(kinds[0]))
                    trial.steady()
                answered_by(trial, store.publish())
            trial.steady()
        trial.verify(FAULTS["versions are swapped"])
    answers = [entry.answer.version for entry in trial.people.entries if entry.answer is not None]
    assert broken.isdisjoint(answers)


@pytest.mark.resilience
def test_a_trial_its_promotion_its_rollback_and_its_retirement_fail_no_request(store: Store, tmp_path: Path) -> None:
    """A canary has its part of the traffic; what an operator takes away is not asked any more."""
    with operating(tmp_path / "system", store.path) as system:
        with under_load(system) as trial:
            for _ in range(TRIALS):
                route(system, mode="pinned", version=1)
                try_and_retire(store, trial)
            trial.steady()
        trial.verify(FAULTS["versions are swapped"])
    assert trial.people.entries[-1].answer is not None
    assert trial.people.entries[-1].answer.version == 1


def try_and_retire(store: Store, trial: Trial) -> None:
    """Lead a new version through all that an operator may do with one."""
    system, version = trial.system, store.publish()
    trial.sees(lambda: version in ready(system), f"version {version} can answer")
    route(system, mode="canary", version=version, percent=50)
    answered_by(trial, version)
    answered_by(trial, 1)
    route(system, mode="latest")
    answered_by(trial, version)
    httpx.post(f"{system.url}/models/rollback", timeout=30).raise_for_status()
    answered_by(trial, 1)
    route(system, mode="latest")
    answered_by(trial, version)
    retire(store.path, version)
    trial.sees(lambda: version not in ready(system), f"version {version} has gone")


def ready(system: System) -> set[int]:
    """Return the versions that requests may be routed to."""
    entries = httpx.get(f"{system.url}/models", timeout=30).json()["models"]
    return {entry["version"] for entry in entries if entry["ready"]}

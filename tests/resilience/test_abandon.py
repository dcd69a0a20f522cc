"""Most clients do not wait for their answers."""

from pathlib import Path

import pytest

from tests.processes import eventually
from tests.resilience.faults import FAULTS
from tests.resilience.ledger import End
from tests.resilience.system import System, operating
from tests.resilience.trial import Footprint, under_load
from tests.toystore import Store

LEAVING, LEFT = 0.8, 0.7
"""The share of the clients who mean to leave, and of those who do, before they are answered, at least."""
CROWD = 32
MORE_MEMORY, MORE_FILES = 32 * 2**20, 16
"""By how much the gateway may grow, once it has seen such clients; thousands of them would show."""


def footprint(system: System) -> Footprint:
    """Return what the gateway's one worker holds."""
    [worker] = system.workers_alive()
    return Footprint.of(worker)


@pytest.mark.parametrize("history", [pytest.param("postgresql", marks=pytest.mark.resilience), "sqlite"])
def test_four_of_five_clients_leave_at_any_moment_and_the_others_are_answered(
    store: Store, request: pytest.FixtureRequest, tmp_path: Path, history: str
) -> None:
    """Places, memory, files and calls of those who left are free again."""
    url = request.getfixturevalue("postgresql").create() if history == "postgresql" else ""
    with operating(tmp_path / "system", store.path, history=url) as system:
        with under_load(system, CROWD, leaving=LEAVING) as trial:
            before = footprint(system)
            for _ in range(3):
                trial.steady()
        trial.verify(FAULTS["clients leave"])
        eventually(lambda: footprint(system).files <= before.files + MORE_FILES, within=20, what="files are closed")
        assert footprint(system).memory <= before.memory + MORE_MEMORY
    ends = [entry.end for entry in trial.people.entries]
    assert ends.count(End.LEFT) > LEFT * len(ends)

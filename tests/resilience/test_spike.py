"""Ten clients become five hundred, and ten again."""

import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from loadtests.stub import LABELS
from tests.resilience.faults import FAULTS
from tests.resilience.ledger import Entry, since
from tests.resilience.system import operating
from tests.resilience.trial import PHASE_S, under_load
from tests.toystore import Store

FEW, MANY = 10, 500
RECOVERED_S = 5.0
"""After so many seconds with few clients again all must be as before."""
RATIO, MARGIN_S = 1.5, 0.05
"""As before: the median latency is at most this many times what it was, and this much more. It is the same ten clients
before and after, in one run; what remains between them is how busy the machine is with other things."""
STUB = ("--base", "0.02", "--per-image", "0.004")
ROW = dict(zip(LABELS, (0.1, 0.2, 0.6, 0.1), strict=True))
"""What the stub says of every image."""


def says(_image: int, _version: int) -> Mapping[str, float]:
    """Return what the stub says of every image."""
    return ROW


def median_s(entries: list[Entry]) -> float:
    """Return the median latency of what was answered."""
    return statistics.median(entry.latency_s for entry in entries if entry.is_answered)


@pytest.mark.resilience
def test_a_spike_is_refused_where_it_is_too_much_and_forgotten_five_seconds_later(store: Store, tmp_path: Path) -> None:
    """From 10 to 500 clients and back: no error but refusals, and then latency and refusals are what they were."""
    with operating(tmp_path / "system", store.path, stub=STUB) as system:
        with under_load(system, FEW, truth=says) as trial:
            trial.steady()
            risen = time.monotonic()
            trial.people.resize(MANY)
            trial.lasts(5 * PHASE_S)
            trial.people.resize(FEW)
            fallen = time.monotonic()
            trial.lasts(RECOVERED_S)
            trial.steady()
            trial.steady()
        trial.verify(FAULTS["many clients come at once"])
    entries = trial.people.entries
    before, after = since(entries, 0, risen), since(entries, fallen + RECOVERED_S)
    assert any(entry.problem == "overloaded" for entry in since(entries, risen, fallen))
    assert [entry for entry in (*before, *after) if not entry.is_answered] == []
    assert median_s(after) <= RATIO * median_s(before) + MARGIN_S

"""A fault, from the load before it to the verdict after it."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import psutil
from sqlalchemy import NullPool, create_engine, select

from gateway.history.schema import PREDICTIONS
from gateway.imaging import ImageSpec, decode
from tests import toymodel
from tests.histories import damage
from tests.images import pixels, png
from tests.laws import broken
from tests.processes import eventually
from tests.resilience.checker import Row, Truth, check_counters, check_history, check_replies
from tests.resilience.counts import Counts
from tests.resilience.faults import Fault
from tests.resilience.ledger import Answer, since
from tests.resilience.load import Crowd, crowd
from tests.resilience.system import System
from tests.scrapes import Scrape
from tests.toystore import toy_of

PHASE_S = float(os.environ.get("PULMO_RESILIENCE_S", "2"))
"""Seconds of load before a fault, while it lasts, and after it."""
CLIENTS = 8
SOME = 20
"""Predictions that each of these phases has at least, where there can be any."""
BODIES = [png(pixels(seed)) for seed in range(12)]
_IDLE = Scrape({("gateway_inflight_requests", frozenset()): 1.0})  # the scrape itself
_SHOWN = 20  # contradictions, of what may be thousands
_PATIENCE_S = 120


@cache
def toys(image: int, version: int) -> Mapping[str, float]:
    """Return what a version of a `tests.toystore.Store` says of one of `BODIES`."""
    array = decode(BODIES[image], ImageSpec("L", 32, 32, "bilinear"), 10**6)
    return dict(zip(toymodel.LABELS, map(float, toymodel.expected(array, toy_of(version))), strict=True))


@dataclass(frozen=True)
class Trial:
    """A system under load."""

    system: System
    people: Crowd
    truth: Truth = toys

    def steady(self, *, answers: int = SOME) -> None:
        """Let the load go on for a phase, and for so many predictions at least."""
        end, wanted = time.monotonic() + PHASE_S, self.people.answered() + answers
        eventually(
            lambda: time.monotonic() >= end and self.people.answered() >= wanted,
            within=PHASE_S + _PATIENCE_S,
            what=f"{answers} predictions more: {self.system.supervisor.output()[-2000:]}",
        )

    def lasts(self, seconds: float = PHASE_S) -> None:
        """Let time go by, whatever comes of the requests."""
        end = time.monotonic() + seconds
        eventually(lambda: time.monotonic() >= end, within=seconds + _PATIENCE_S, what="the time is over")

    def sees(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition holds."""
        eventually(condition, within=_PATIENCE_S, what=what)

    def refused(self, problem: str) -> int:
        """Return how many requests ended in a problem so far."""
        return sum(entry.problem == problem for entry in self.people.entries[:])

    def verify(self, fault: Fault, *, counted_from: float = 0.0, torn: int = 0, kept_from: float = 0.0) -> None:
        """Assert that ledger, history and counters tell one story, which the fault explains. The clients have ended.

        Args:
            fault: what happened.
            counted_from: when the gateway that is there now took over, seconds of `time.monotonic`.
            torn: see `check_counters`.
            kept_from: when the history that is there now took over; the rows of the one before are gone.
        """
        entries, scraped, rows = self.people.entries, self.system.settled(), rows_of(self.system.history)
        counts, laws = Counts.read(scraped), [] if torn else broken(Scrape.parse(scraped) - _IDLE)
        gone = sum(entry.is_answered for entry in since(entries, 0.0, kept_from))
        found = [
            *check_replies(entries, self.truth, fault),
            *check_history(since(entries, kept_from), rows, self.truth),
            *check_counters(since(entries, counted_from), rows, counts, torn=torn, gone=gone),
            *laws,
            *damage(self.system.history),
        ]
        shown = "\n".join(found[:_SHOWN])
        assert not found, f"{len(found)} contradictions in {len(entries)} requests:\n{shown}"
        assert "Traceback" not in self.system.supervisor.output()


@contextmanager
def under_load(
    system: System,
    clients: int = CLIENTS,
    *,
    truth: Truth = toys,
    leaving: float = 0.0,
) -> Iterator[Trial]:
    """Let clients post until the block ends, a quiet phase before it included."""
    with crowd(system.url, BODIES, clients, leaving=leaving) as people:
        trial = Trial(system, people, truth)
        trial.steady()
        yield trial


def rows_of(url: str) -> list[Row]:
    """Return all predictions in the history, in the order in which they were written."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        rows = connection.execute(select(PREDICTIONS).order_by(PREDICTIONS.c.sequence)).mappings().all()
    return [
        Row(str(row["filename"]), Answer(row["id"], row["model_version"], row["prediction"], row["probabilities"]))
        for row in rows
    ]


@dataclass(frozen=True)
class Footprint:
    """What a process holds."""

    memory: int
    """Resident, bytes."""
    files: int
    """Open files and connections."""
    threads: int

    @classmethod
    def of(cls, process: psutil.Process) -> "Footprint":
        """Weigh a process."""
        return cls(process.memory_info().rss, process.num_fds(), process.num_threads())

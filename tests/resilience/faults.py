"""What clients may see of each fault; the table in `tests.resilience` says the same for people, and a test compares."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.resilience.ledger import End


@dataclass(frozen=True)
class Fault:
    """What explains a request that was not answered."""

    problems: frozenset[str] = frozenset()
    """Names of problem types."""
    ends: frozenset[End] = frozenset()
    """`LOST`: connections may break in the middle of a request. `UNSENT`: nobody may be there to take one."""


def _fault(*problems: str, ends: frozenset[End] = frozenset()) -> Fault:
    return Fault(frozenset(problems), ends)


_BROKEN = frozenset({End.LOST})
_GONE = frozenset({End.LOST, End.UNSENT})

FAULTS: Mapping[str, Fault] = {
    "the model server is killed": _fault("model-unavailable"),
    "one of several model servers is killed": _fault(),
    "the model server is paused": _fault("deadline-exceeded", "overloaded", "model-unavailable"),
    "one of several model servers is paused": _fault("deadline-exceeded", "overloaded", "model-unavailable"),
    "the gateway is killed": _fault("model-unavailable", ends=_GONE),
    "the gateway is stopped": _fault("model-unavailable", ends=_GONE),
    "a worker of two is killed": _fault("model-unavailable", ends=_BROKEN),
    "the gateway is paused": _fault("deadline-exceeded", "overloaded", "body-timeout", ends=_BROKEN),
    "PostgreSQL is stopped": _fault("history-unavailable"),
    "PostgreSQL is paused": _fault("history-unavailable", "deadline-exceeded", "overloaded"),
    "the database is dropped": _fault("history-unavailable"),
    "the file is locked": _fault("history-unavailable", "overloaded"),
    "the disk is full": _fault("history-unavailable"),
    "versions are swapped": _fault(),
    "clients leave": _fault(),
    "many clients come at once": _fault("overloaded"),
}
"""By what happens."""

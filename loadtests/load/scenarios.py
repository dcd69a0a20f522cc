"""The scenarios: how many users come how fast, for how long, and what is demanded of the answers."""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True)
class Stage:
    """A part of a scenario."""

    seconds: float
    users: int
    """How many there are to be..."""
    rate: float
    """... and how many of them come or go in a second until there are."""


@dataclass(frozen=True)
class Limits:
    """What decides whether a run was good. No request may fail in any."""

    p99_ms: float | None = None
    """The 99th percentile of the time to a prediction, milliseconds; None bounds nothing."""
    rate: float = 0.0
    """The fewest requests answered in a second, those that were refused not among them."""
    refused: float = 1.0
    """The largest share of the requests that may be refused, 0 to 1."""


@dataclass(frozen=True)
class Claim:
    """What the project that Pulmo replaces told of itself; it was never reproduced."""

    mean_ms: int
    rate: int
    """Requests a second."""
    failed: float
    """The share of the requests that failed, 0 to 1."""


@dataclass(frozen=True)
class Scenario:
    """Users that come, stay and go."""

    name: str
    stages: tuple[Stage, ...]
    limits: Limits
    claim: Claim | None = None

    @property
    def seconds(self) -> float:
        """How long it takes, without the last answers."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def users(self) -> int:
        """How many there are at most."""
        return max(stage.users for stage in self.stages)

    def stage_at(self, seconds: float) -> Stage | None:
        """Return the stage after so many seconds; None at the end."""
        for stage in self.stages:
            if seconds < stage.seconds:
                return stage
            seconds -= stage.seconds
        return None

    def quick(self, seconds: float) -> "Scenario":
        """Return the scenario in so many seconds: as many users, who come faster.

        Its limits are for errors alone: so short a time measures how quick users start, and no latency.
        """
        factor = seconds / self.seconds
        stages = tuple(Stage(stage.seconds * factor, stage.users, stage.rate / factor) for stage in self.stages)
        return replace(self, stages=stages, limits=Limits())


def _steady(name: str, minutes: float, users: int, rate: float, limits: Limits, claim: Claim | None) -> Scenario:
    return Scenario(name, (Stage(60 * minutes, users, rate),), limits, claim)


_ALL: Final = (
    _steady("baseline", 2, 10, 2, Limits(500, 10, 0), Claim(150, 15, 0)),
    _steady("normal", 5, 50, 5, Limits(1000, 40, 0), Claim(200, 45, 0)),
    _steady("high", 10, 100, 10, Limits(2000, 50, 0.02), Claim(350, 80, 0.02)),
    _steady("stress", 15, 200, 20, Limits(3000, 50, 0.5), Claim(800, 120, 0.05)),
    Scenario(
        "spike",
        (Stage(60, 10, 10), Stage(180, 500, 50), Stage(60, 10, 50)),
        Limits(5000, 40, 0.9),
        Claim(1500, 200, 0.15),
    ),
    _steady("soak", 60, 50, 5, Limits(1000, 40, 0), None),
)
SCENARIOS: Final = {scenario.name: scenario for scenario in _ALL}
"""By name. The limits are for two cores that gateway, model server and Locust share."""
CLAIMED: Final = tuple(name for name, scenario in SCENARIOS.items() if scenario.claim)
"""The five that the original project told of, in its order."""

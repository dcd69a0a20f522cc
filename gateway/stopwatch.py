"""Where the time of a request goes: laps of one clock, so that every moment belongs to exactly one stage."""

import time
from collections.abc import Callable

from gateway.metrics import STAGES, Stage
from gateway.schemas import Timings


class Stopwatch:
    """Runs from a request's arrival on. A stage that comes several times, as when a version vanishes, adds up.

    Args:
        begun: when the request arrived, on `clock`.
        clock: seconds.
    """

    def __init__(self, begun: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = self._mark = begun
        self._laps: dict[Stage, float] = dict.fromkeys(STAGES, 0.0)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the request arrived, what no stage has yet included."""
        return self._clock() - self._begun

    def lap(self, stage: Stage) -> None:
        """Give a stage all time since the lap before."""
        now = self._clock()
        self._laps[stage] += now - self._mark
        self._mark = now

    def part(self, stage: Stage, seconds: float) -> None:
        """Give a stage `seconds` of the time since the lap before; what is left of it is the next lap's."""
        self._laps[stage] += seconds
        self._mark += seconds

    def timings(self) -> Timings:
        """Return the laps so far, and their sum."""
        return Timings(
            **{stage: _ms(seconds) for stage, seconds in self._laps.items()}, total=_ms(self._mark - self._begun)
        )


def _ms(seconds: float) -> float:
    """Return milliseconds, to the microsecond."""
    return round(seconds * 1000, 3)

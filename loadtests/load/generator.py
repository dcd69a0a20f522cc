"""What the load generator itself uses, and how late it is: its own delays are in every latency that it measures."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Self

import gevent  # type: ignore[import-untyped]

from loadtests.samples import percentile

_BEAT_S: Final = 0.1
BUSY: Final = 0.9
"""Of one core. A process of Locust has no use for more than one; above this it may be what is measured."""
LATE_MS: Final = 100


@dataclass(frozen=True)
class Reading:
    """One process of the generator, so far."""

    cpu_s: float
    wall_s: float
    late_ms: Counter[int] = field(default_factory=Counter)
    """How often something that was due every 100 ms came so many milliseconds late."""

    @property
    def share(self) -> float:
        """The part of one core that it used, 0 to 1."""
        return self.cpu_s / self.wall_s if self.wall_s else 0.0

    def to_message(self) -> list[Any]:
        """Return it as JSON and MessagePack can hold it."""
        return [self.cpu_s, self.wall_s, list(map(list, self.late_ms.items()))]

    @classmethod
    def from_message(cls, message: list[Any]) -> Self:
        """Return what `to_message` was asked for."""
        cpu_s, wall_s, late = message
        return cls(cpu_s, wall_s, Counter({ms: number for ms, number in late}))  # noqa: C416 - pairs are lists here


class Generator:
    """Watches the process that it is in, from `start` to `stop`."""

    def __init__(self) -> None:
        self._cpu_s = self._begin = 0.0
        self._late_ms: Counter[int] = Counter()
        self._beating: Any = None
        self._last = Reading(0.0, 0.0)

    def start(self) -> None:
        """Begin anew."""
        self.stop()
        self._cpu_s, self._begin, self._late_ms = time.process_time(), time.monotonic(), Counter()
        self._beating = gevent.spawn(self._beat)

    def stop(self) -> None:
        """End; `read` will tell what was until now."""
        if self._beating is not None:
            self._last = self.read()
            self._beating.kill()
            self._beating = None

    def read(self) -> Reading:
        """Return what was since `start`, until now or until `stop`."""
        if self._beating is None:
            return self._last
        cpu_s, wall_s = time.process_time() - self._cpu_s, time.monotonic() - self._begin
        return Reading(cpu_s, wall_s, Counter(self._late_ms))

    def _beat(self) -> None:
        due = time.monotonic()
        while True:
            due += _BEAT_S
            gevent.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            self._late_ms[max(0, round((now - due) * 1000))] += 1
            due = max(due, now - _BEAT_S)  # what was missed meanwhile is not caught up with


def describe(readings: Iterable[Reading]) -> dict[str, Any]:
    """Return what the processes of the generator used, and in words where that touches what they measured."""
    readings = list(readings)
    late: Counter[int] = Counter()
    for reading in readings:
        late.update(reading.late_ms)
    late_ms = int(percentile(late.elements(), 99)) if late else 0
    busiest = max((reading.share for reading in readings), default=0.0)
    warnings = []
    if busiest > BUSY:
        warnings.append(f"the generator used {busiest:.0%} of a core: it measured itself; start more processes")
    if late_ms > LATE_MS:
        warnings.append(f"the generator itself was up to {late_ms} ms late (p99): so much of each latency is its own")
    return {
        "processes": len(readings),
        "cores": round(sum(reading.share for reading in readings), 3),
        "busiest": round(busiest, 3),
        "late_p99_ms": late_ms,
        "warnings": warnings,
    }

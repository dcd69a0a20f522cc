"""Bounds the work in the gateway: a request takes its places before its body is read, or is refused at once.

Clients that send their bodies slowly could so take all places and do nothing with them. Where no place is free, a body
that has been coming for a while loses its own (`gateway.places`).
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.errors import DeadlineExceeded, GatewayError, Overloaded
from gateway.lanes import PRIORITIES, Priority, ahead
from gateway.metrics import Metrics
from gateway.places import Place, Readers
from gateway.throughput import Throughput

_RESERVED = 0.25  # of the places, which bulk leaves to interactive traffic
_LONGEST_RETRY_S = 60


class Admission:
    """A count of places, one for each image between arrival and reply, and how fast they become free.

    Args:
        limit: places.
        metrics: of the gateway.
        clock: seconds, the one of deadlines.
    """

    def __init__(self, limit: int, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits: dict[Priority, int] = {
            "interactive": limit,
            "bulk": max(1, limit - math.ceil(limit * _RESERVED)),
        }
        self._taken: dict[Priority, int] = dict.fromkeys(PRIORITIES, 0)
        self._readers = Readers()
        self._working = 0
        self._throughput = Throughput()
        self._metrics = metrics
        self._clock = clock
        metrics.concurrency_limit.set(limit)

    @property
    def bulk_limit(self) -> int:
        """Places that bulk traffic can have at most."""
        return self._limits["bulk"]

    @contextmanager
    def places(
        self, count: int = 1, *, deadline: float = math.inf, priority: Priority = "interactive"
    ) -> Iterator[Place]:
        """Hold `count` places for the length of a block; one of them may be given away while a body is read.

        Raises:
            Overloaded: that many are not free, or their turn would not come before `deadline`; nothing was taken.
        """
        self.check(count, deadline=deadline, priority=priority)
        self._taken[priority] += count
        place = Place(priority, self._readers, self._clock)
        try:
            yield place
        finally:
            self._taken[priority] -= count - place.lost

    @contextmanager
    def work(self, count: int = 1) -> Iterator[None]:
        """Measure how fast images are answered; around the work on `count` of them, after their body was read."""
        self._throughput.begin(self._clock())
        self._working += count
        try:
            yield
            self._throughput.done(count, self._clock())
        except DeadlineExceeded:
            raise  # time went by, and nothing was done
        except GatewayError:
            self._throughput.done(count, self._clock())
            raise
        finally:
            self._working -= count
            if not self._working:
                self._throughput.end(self._clock())

    def expected_wait(self, priority: Priority) -> float:
        """Return the seconds until a newcomer's turn, as far as is known: those ahead of it, at the measured rate."""
        rate = self._throughput.rate(self._clock())
        return ahead(priority, **self._taken) / rate if rate else 0.0

    def check(self, count: int = 1, *, deadline: float = math.inf, priority: Priority = "interactive") -> None:
        """Say whether `places` would be given now; none is taken, but slow bodies lose theirs where they must.

        Raises:
            Overloaded: they would not.
        """
        wait = self.expected_wait(priority)
        self._metrics.expected_wait.labels(priority).set(wait)
        taken, limit = sum(self._taken.values()), self._limits["interactive"]
        own, own_limit = self._taken[priority], self._limits[priority]
        missing = max(taken + count - limit, own + count - own_limit)
        slow = self._readers.slow(missing, priority, self._clock()) if missing > 0 else []
        if missing > len(slow):
            raise Overloaded(
                f"{taken} images are being answered, {own} of them {priority}; PULMO_CONCURRENCY_LIMIT gives this "
                f"process {limit} places in all and {own_limit} for {priority} images",
                retry_after=_retry_after(wait),
            )
        left = deadline - self._clock()
        if wait > left:
            raise Overloaded(
                f"{taken} images are ahead, so an answer would take {wait:.1f} s; this request allows {left:.1f} s",
                retry_after=_retry_after(wait - left),
            )
        for place in slow:
            self._readers.take(place)
            self._taken[place.priority] -= 1


def _retry_after(seconds: float) -> int:
    """Return whole seconds for a client to wait: one at least, and not so many that it never comes back."""
    return min(max(1, math.ceil(seconds)), _LONGEST_RETRY_S)

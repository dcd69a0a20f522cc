"""Bounds the work in the gateway: a request takes its places before its body is read, or is refused at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import Overloaded
from gateway.metrics import Metrics


class Admission:
    """A count of places, one for each image between arrival and reply."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self._limit = limit
        self._taken = 0
        metrics.concurrency_limit.set(limit)

    @contextmanager
    def places(self, count: int = 1) -> Iterator[None]:
        """Hold `count` places for the length of a block.

        Raises:
            Overloaded: that many are not free; nothing was taken.
        """
        if self._taken + count > self._limit:
            raise Overloaded(
                f"{self._taken} images are being answered; the limit is PULMO_CONCURRENCY_LIMIT={self._limit}"
            )
        self._taken += count
        try:
            yield
        finally:
            self._taken -= count

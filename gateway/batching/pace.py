"""What the calls teach: how long one takes, and how many may be under way."""

from collections import OrderedDict

from gateway.batching.calltime import CallTime
from gateway.batching.concurrency import InFlightLimit

_VERSIONS = 16  # whose calls are remembered
_OVERDUE_TIMES = 4.0  # what a call takes by itself
_OVERDUE_S = 1.0  # at least


class Pace:
    """What is known of the model server's speed, by version."""

    def __init__(self, quota: int) -> None:
        self._in_flight = InFlightLimit(quota)
        self._alone: OrderedDict[int, CallTime] = OrderedDict()

    @property
    def max_in_flight(self) -> int:
        """Calls that may be under way now."""
        return self._in_flight.value

    def patience(self, version: int, images: int) -> float:
        """Return for how long an idle model may be kept waiting: as long as the call takes that could go now, seconds.

        So waiting at most doubles the time of an image. It is 0 where nothing is known.
        """
        known = self._alone.get(version)
        return (known.estimate(images) or 0.0) if known else 0.0

    def overdue_after(self, version: int, images: int) -> float:
        """Return the seconds after which a call is no reason any more to keep others waiting: it may well hang."""
        return max(_OVERDUE_TIMES * self.patience(version, images), _OVERDUE_S)

    def learn(self, version: int, images: int, seconds: float, in_flight: int, *, alone: bool) -> None:
        """Take a call into account that succeeded.

        Args:
            version: the model version that answered.
            images: in the call.
            seconds: that it took.
            in_flight: calls that were under way when it was sent, itself included.
            alone: whether no other call was under way at any moment of it.
        """
        known = self._alone.get(version)
        if known and (expected := known.estimate(images)):
            self._in_flight.learn(expected, seconds, in_flight)
        if alone:
            self._alone.setdefault(version, CallTime()).learn(images, seconds)
            self._alone.move_to_end(version)
            if len(self._alone) > _VERSIONS:
                self._alone.popitem(last=False)

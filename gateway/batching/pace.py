"""What the calls teach: how long one takes, how many are computed at a time, and when one will end."""

import math
from collections import OrderedDict

from gateway.batching.calltime import CallTime
from gateway.batching.concurrency import Parallelism

_VERSIONS = 16  # whose calls are remembered
_ALONE = 1.4  # calls under way, on average, up to which one tells how long it takes by itself
_AHEAD = 0.15  # of the time that a call takes: so long before its end the next one may go, to be there in time
_OVERDUE_TIMES = 4.0  # what a call takes by itself
_OVERDUE_S = 1.0  # at least


class Pace:
    """What is known of the model server's speed, by version.

    Args:
        quota: calls at one time at most.
    """

    def __init__(self, quota: int) -> None:
        self._quota = quota
        self._parallelism = Parallelism()
        self._alone = _Times()
        self._any = _Times()

    @property
    def computed_at_once(self) -> int:
        """Calls that the server computes at a time."""
        return min(self._parallelism.value, self._quota)

    @property
    def max_in_flight(self) -> int:
        """Calls that may be under way now: those that are computed, and one on its way."""
        return min(self._parallelism.value + 1, self._quota)

    @property
    def probing(self) -> bool:
        """Whether a call more than those that are computed should go, to see what it does."""
        return self._parallelism.probe_due and self._parallelism.value < self._quota

    def probe(self) -> None:
        """Note that one went."""
        self._parallelism.probe()

    def patience(self, version: int, images: int) -> float:
        """Return for how long an idle model may be kept waiting: as long as the call takes that could go now, seconds.

        So waiting at most doubles the time of an image. It is 0 where nothing is known.
        """
        return self._alone.estimate(version, images)

    def ending_after(self, version: int, images: int) -> float:
        """Return the seconds after which a call is about to end, so that the next one may go; inf if unknown."""
        return (1 - _AHEAD) * self._any.estimate(version, images) or math.inf

    def overdue_after(self, version: int, images: int) -> float:
        """Return the seconds after which a call is no reason any more to keep others waiting: it may well hang."""
        return max(_OVERDUE_TIMES * self._alone.estimate(version, images), _OVERDUE_S)

    def learn(self, version: int, images: int, seconds: float, together: float) -> None:
        """Take a call into account that succeeded.

        Args:
            version: the model version that answered.
            images: in the call.
            seconds: that it took.
            together: calls that were under way meanwhile, itself included; the mean over time.
        """
        self._any.learn(version, images, seconds)
        if together <= _ALONE:
            self._alone.learn(version, images, seconds)
        if expected := self._alone.estimate(version, images):
            self._parallelism.learn(expected, seconds, together)


class _Times:
    """The times of calls, for the versions that were called last."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, CallTime] = OrderedDict()

    def learn(self, version: int, images: int, seconds: float) -> None:
        self._known.setdefault(version, CallTime()).learn(images, seconds)
        self._known.move_to_end(version)
        if len(self._known) > _VERSIONS:
            self._known.popitem(last=False)

    def estimate(self, version: int, images: int) -> float:
        known = self._known.get(version)
        return (known.estimate(images) or 0.0) if known else 0.0

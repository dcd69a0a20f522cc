"""What one version did lately: counts in slices of time, so that memory is bounded. Time is a parameter."""

import math
from collections import Counter, deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from gateway.observations import Outcome

SLICES = 120
"""Slices of a window. What happens within the length of one is a moment."""
OTHER = "(other)"
"""The class under which those beyond the first 256 of a window are counted together."""

Call = tuple[int, int]
"""What is kept of a call's size and duration: `size_of` and `bin_of`."""

_FLOOR_S = 0.0001
_OCTAVE = 4  # bins until a duration has doubled: one is 19 % wide, so that is how well a quantile is known
_BINS = 80  # the last one begins at 88 s
_CLASSES = 256


class Summary(msgspec.Struct):
    """What a version did in a time: counts only, so that summaries can be added and subtracted."""

    calls: Counter[Call] = msgspec.field(default_factory=Counter)
    """Answers by the size and the duration of the call that they came with."""
    classes: Counter[str] = msgspec.field(default_factory=Counter)
    """Answers by their class."""
    failed: Counter[str] = msgspec.field(default_factory=Counter)
    """Failures by the problem's name."""
    abstained: Counter[bool] = msgspec.field(default_factory=Counter)
    """Answers by whether the version found itself too uncertain."""
    disagreed: Counter[bool] = msgspec.field(default_factory=Counter)
    """Compared answers by whether the stable version gave another class."""

    @property
    def answers(self) -> int:
        """Images that were answered."""
        return self.classes.total()

    @property
    def failures(self) -> int:
        """Images that were not."""
        return self.failed.total()

    @property
    def attempts(self) -> int:
        """Images that the version was asked for."""
        return self.answers + self.failures

    def count(self, outcome: Outcome) -> None:
        """Add one outcome to this summary."""
        if outcome.error:
            self.failed[outcome.error] += 1
            return
        known = outcome.label in self.classes or len(self.classes) < _CLASSES
        self.classes[outcome.label if known else OTHER] += 1
        self.calls[size_of(outcome.batch), bin_of(outcome.backend_s)] += 1
        self.abstained[outcome.abstained] += 1
        if outcome.disagreed is not None:
            self.disagreed[outcome.disagreed] += 1

    def plus(self, other: "Summary") -> "Summary":
        """Return what both hold together."""
        return Summary(*(mine + theirs for mine, theirs in self._pairs(other)))

    def minus(self, other: "Summary") -> "Summary":
        """Return what is left without `other`, which is a part of this one."""
        return Summary(*(mine - theirs for mine, theirs in self._pairs(other)))

    def _pairs(self, other: "Summary") -> list[tuple[Counter[Any], Counter[Any]]]:
        return [(getattr(self, name), getattr(other, name)) for name in self.__struct_fields__]


class Window:
    """The last `span_s` seconds of one version, in at most 121 slices of bounded size."""

    def __init__(self, span_s: float) -> None:
        self._slice_s = span_s / SLICES
        self._slices: deque[tuple[int, Summary]] = deque()
        self._closed = Summary()  # the sum of all slices but the newest, kept so that adding is cheap

    def add(self, outcome: Outcome, now: float) -> None:
        """Count an outcome.

        Args:
            outcome: of the version that this window is of.
            now: seconds on any clock that never goes back.
        """
        number = int(now // self._slice_s)
        if not self._slices or self._slices[-1][0] != number:
            self._forget(number)
            if self._slices:
                self._closed = self._closed.plus(self._slices[-1][1])
            self._slices.append((number, Summary()))
        self._slices[-1][1].count(outcome)

    def summary(self, now: float) -> Summary:
        """Return what is in the window."""
        self._forget(int(now // self._slice_s))
        return self._closed.plus(self._slices[-1][1]) if self._slices else Summary()

    def moments(self, now: float) -> Iterator[Summary]:
        """Yield what is in each two neighbouring slices: whatever lasted a moment is in one of them as a whole."""
        self._forget(int(now // self._slice_s))
        parts = [part for _, part in self._slices]
        yield from (one.plus(other) for one, other in pairwise([*parts, Summary()]))

    def empty(self, now: float) -> bool:
        """Say whether nothing happened in the window."""
        self._forget(int(now // self._slice_s))
        return not self._slices

    def _forget(self, number: int) -> None:
        while self._slices and self._slices[0][0] < number - SLICES:
            _, old = self._slices.popleft()
            if self._slices:  # the newest is not in the sum
                self._closed = self._closed.minus(old)


def size_of(images: int) -> int:
    """Return the size class of a call: class k > 0 holds those of more than 2^(k - 1) and at most 2^k images."""
    return (images - 1).bit_length()


def bin_of(seconds: float) -> int:
    """Return the bin of a duration: bin b > 0 holds those in (edge(b - 1), edge(b)], the last one all above, too."""
    if seconds <= _FLOOR_S:
        return 0
    return min(math.ceil(math.log2(seconds / _FLOOR_S) * _OCTAVE - 1e-9), _BINS)


def edge(number: int) -> float:
    """Return the upper edge of a bin, seconds."""
    return float(_FLOOR_S * 2 ** (number / _OCTAVE))


def of_size(calls: Counter[Call], size: int) -> Counter[int]:
    """Return the durations of the calls of one size, by their bins."""
    return Counter({number: count for (each, number), count in calls.items() if each == size})


def allowed(calls: Counter[Call], size: int) -> Counter[int]:
    """Return, by their bins, the durations that these calls allow one of `size` to have.

    A call may take as long as one with more images. Than one with fewer it may take longer by the ratio of the sizes:
    the time that an image takes does not grow with the images beside it. So neither load nor the share of the traffic,
    which both change how many images come together, makes a version look slow.
    """
    durations: Counter[int] = Counter()
    for (each, number), count in calls.items():
        durations[number + _OCTAVE * max(0, size - each)] += count
    return durations


def quantile(seconds: Counter[int], share: float) -> float:
    """Return a duration that at least `share` of the counted ones do not exceed: an upper edge; 0 of nothing."""
    wanted, seen = share * seconds.total(), 0
    for number in sorted(seconds):
        seen += seconds[number]
        if seen >= wanted:
            return edge(number)
    return 0.0


def slower(seconds: Counter[int], than_s: float) -> int:
    """Return how many of the counted durations are surely longer: those in bins that begin at `than_s` or later."""
    first = bin_of(than_s) + 1
    return sum(count for number, count in seconds.items() if number >= first)

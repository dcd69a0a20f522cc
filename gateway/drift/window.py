"""The last images of a version, counted in bins."""

from collections import deque
from collections.abc import Sequence

import msgspec


class Span(msgspec.Struct, frozen=True):
    """How far a window reaches back."""

    images: int
    """The last ones ..."""
    seconds: float
    """... of those that came within this time."""


class Window:
    """What is counted of the last images; adding one costs the same however many there are. No locks."""

    def __init__(self, bins: Sequence[int], span: Span) -> None:
        """Prepare a window for features with so many bins each."""
        self.counts = [[0] * size for size in bins]
        """Images in each bin of each feature."""
        self._span = span
        self._images: deque[tuple[float, tuple[int, ...]]] = deque()

    def add(self, places: tuple[int, ...], now: float) -> None:
        """Count an image.

        Args:
            places: its bin for each feature.
            now: seconds on any clock that never goes back.
        """
        if len(self._images) >= self._span.images:
            self._forget()
        self._images.append((now, places))
        for counts, place in zip(self.counts, places, strict=True):
            counts[place] += 1

    def expire(self, now: float) -> None:
        """Forget the images that came too long ago."""
        while self._images and self._images[0][0] <= now - self._span.seconds:
            self._forget()

    def _forget(self) -> None:
        _, places = self._images.popleft()
        for counts, place in zip(self.counts, places, strict=True):
            counts[place] -= 1

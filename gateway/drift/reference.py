"""What a version is used to, as its manifest tells: counts of answers and of images, in bins."""

from itertools import pairwise
from math import isfinite
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.imaging import APPEARANCE

CLASS, CONFIDENCE = "class", "confidence"

_Count = Annotated[int, Meta(ge=0, le=2**53)]
_MOST_EDGES = 32


class Binned(msgspec.Struct, frozen=True):
    """So many values in each bin; bin i holds those above edge i - 1 and at most edge i."""

    edges: Annotated[list[float], Meta(min_length=1, max_length=_MOST_EDGES)]
    """Ascending; all values above the last one are in a bin more."""
    counts: list[_Count]
    """One more than edges."""

    def __post_init__(self) -> None:
        """See that edges and counts belong together.

        Raises:
            ValueError: they do not; `msgspec` tells in which part of the manifest.
        """
        if not all(map(isfinite, self.edges)) or any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError(f"edges are {self.edges}; they ascend, and are finite")
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError(f"there are {len(self.counts)} counts and {len(self.edges)} edges; it is one count more")


class DriftReference(msgspec.Struct, frozen=True):
    """The counts; what is not told is not compared. Whatever changes its meaning gets another name in the manifest."""

    classes: list[_Count]
    """Answers to images that were not trained on, by their class, in the order of the labels."""
    confidence: Binned | None = None
    """Their highest probabilities."""
    appearance: dict[str, Binned] = {}
    """What images look like, by names of `gateway.imaging.APPEARANCE`; others are passed over."""

    def binned(self) -> dict[str, Binned]:
        """Return the bins of everything but the classes, by its name: each is a feature that can be compared."""
        known = {name: self.appearance[name] for name in APPEARANCE if name in self.appearance}
        return known if self.confidence is None else {CONFIDENCE: self.confidence, **known}

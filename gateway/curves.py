"""How a version's metrics came about on its validation split, as its manifest tells. The gateway only passes it on."""

from typing import Annotated

import msgspec
from msgspec import Meta

_MOST_CLASSES = 20
_MOST_BINS = 32
_MOST_POINTS = 128

Share = Annotated[float, Meta(ge=0, le=1)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Counts = Annotated[list[_Count], Meta(max_length=_MOST_CLASSES)]
_Points = Annotated[list[tuple[Share, Share]], Meta(max_length=_MOST_POINTS)]


class Bin(msgspec.Struct, frozen=True):
    """The images whose highest probability is above `low` and at most `high`."""

    low: Share
    high: Share
    images: _Count
    confidence: Share
    """Mean of the highest probabilities."""
    accuracy: Share
    """Share of right answers."""


class Curves(msgspec.Struct, frozen=True):
    """What the metrics sum up. Whatever changes its meaning gets another name in the manifest."""

    confusion: Annotated[list[_Counts], Meta(max_length=_MOST_CLASSES)]
    """Images; row: the true class, column: the answer, both in the order of the labels."""
    reliability: Annotated[list[Bin], Meta(max_length=_MOST_BINS)]
    """By how sure the answers were, ascending; bins without images are left out."""
    roc: Annotated[list[_Points], Meta(max_length=_MOST_CLASSES)]
    """For each label its ROC curve against the rest: points (share of the other images taken for it, share of its
    images found), ascending; none where the split cannot tell."""

    def fits(self, classes: int) -> bool:
        """Say whether they are of so many classes."""
        return {len(self.confusion), len(self.roc), *map(len, self.confusion)} == {classes}

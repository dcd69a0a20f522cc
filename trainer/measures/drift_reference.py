"""What a version is used to: the gateway compares what it sees and answers with it, and tells of drift.

Classes and confidences are counted on the validation split, since a network is surer of the images that it learned
from; what images look like on the training split, which has more of them.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.imaging import APPEARANCE

_BINS = 10
"""As is usual for the population stability index (Siddiqi 2006, Credit Risk Scorecards)."""
_IN_A_BIN = 15
"""Images that a bin holds at least, about: with fewer of them, chance alone would look like drift."""
_DIGITS = 10_000  # edges have four after the point


class Binned(msgspec.Struct, frozen=True):
    """So many values in each bin; bin i holds those above edge i - 1 and at most edge i."""

    edges: tuple[float, ...]
    """Ascending; all values above the last one are in a bin more."""
    counts: tuple[int, ...]
    """One more than edges."""


class DriftReference(msgspec.Struct, frozen=True, kw_only=True):
    """The counts; what is not told had too few images. Whatever changes its meaning gets another name."""

    classes: tuple[int, ...]
    """Answers by their class, in the order of the labels."""
    confidence: Binned | None
    """Their highest probabilities."""
    appearance: dict[str, Binned]
    """What images look like, by names of `gateway.imaging.APPEARANCE`."""


def drift_reference(probabilities: NDArray[np.float32], seen: NDArray[np.float64]) -> DriftReference:
    """Count what is usual.

    Args:
        probabilities: calibrated, float32 `[N, K]`, of images that were not trained on.
        seen: of the training images, float64 `[M, 6]`: a column for each name in `APPEARANCE`.
    """
    answers = np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])
    looks = {name: binned(column) for name, column in zip(APPEARANCE, seen.T, strict=True)}
    return DriftReference(
        classes=tuple(answers.tolist()),
        confidence=binned(probabilities.max(axis=1).astype(np.float64)),
        appearance={name: counted for name, counted in looks.items() if counted is not None},
    )


def binned(values: NDArray[np.float64]) -> Binned | None:
    """Part values into at most ten bins that hold as many of them each, and no fewer than fifteen, about.

    A value that is there again and again, such as no colour at all, ends a bin, so that more of it shows.

    Args:
        values: float64 `[N]`.

    Returns:
        The bins, None where there are too few values for two of them.
    """
    bins = min(_BINS, len(values) // _IN_A_BIN)
    if bins < 2:
        return None
    quantiles = np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf")  # values, and none between two
    edges = np.unique(np.ceil(quantiles * _DIGITS) / _DIGITS)
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return Binned(tuple(edges.tolist()), tuple(counts.tolist()))

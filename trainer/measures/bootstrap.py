"""How far the figures of a split can be trusted: percentile bootstrap intervals (Efron and Tibshirani 1993, ch. 13).

The images are drawn again with replacement within each class: how many images of a class the split holds was its
collector's choice and no draw, and no resample may lose a class. Images count as independent; neighbouring slices of
one patient are not, so that the true uncertainty is larger. Where every resample gives the same figure, as it does for
a flawless one, the interval has no width and tells nothing.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer.measures import formulas as measures

RESAMPLES = 1000
LEVEL = 0.95


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """Where the middle `LEVEL` of the resampled figures lie."""

    low: float
    high: float


class Intervals(msgspec.Struct, frozen=True, kw_only=True):
    """An interval for each headline figure; None where the figure itself is None."""

    level: float
    resamples: int
    seed: int
    accuracy: Interval
    macro_f1: Interval
    macro_auc: Interval | None
    sensitivity: Interval | None
    specificity: Interval | None


def intervals(
    targets: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    labels: tuple[str, ...],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Intervals:
    """Resample the answers, not the training: the spread from one training run to the next is not in the intervals.

    Args:
        targets: int64 `[N]`, places in `labels`.
        probabilities: float32 `[N, K]`.
        labels: the K classes.
        resamples: how many times the images are drawn.
        seed: of the draws.
    """
    rows = _draws(targets, resamples, np.random.default_rng(seed))
    drawn = np.array([_figures(targets[row], probabilities[row], labels) for row in rows])
    tail = (1 - LEVEL) / 2
    bounds = [
        None if np.isnan(column).any() else Interval(low=float(low), high=float(high))
        for column, low, high in zip(drawn.T, *np.quantile(drawn, (tail, 1 - tail), axis=0), strict=True)
    ]
    names = ("accuracy", "macro_f1", "macro_auc", "sensitivity", "specificity")
    return msgspec.convert(
        {"level": LEVEL, "resamples": resamples, "seed": seed, **dict(zip(names, bounds, strict=True))}, Intervals
    )


def _draws(targets: NDArray[np.int64], resamples: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each resample, int64 `[N]`: as many of each class as `targets` has."""
    members = [np.flatnonzero(targets == target) for target in np.unique(targets)]
    for _ in range(resamples):
        yield np.concatenate([generator.choice(places, len(places)) for places in members])


def _figures(
    targets: NDArray[np.int64], probabilities: NDArray[np.float32], labels: tuple[str, ...]
) -> tuple[float, float, float, float, float]:
    counts = measures.confusion(targets, probabilities.argmax(axis=1), len(labels))
    area = measures.macro_auc(measures.aucs(targets, probabilities))
    return measures.accuracy(counts), measures.macro_f1(counts), area, *measures.detection(counts, labels)

"""What the figures of a manifest sum up, so that it can be drawn by who has no image of the validation split."""

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from trainer.measures.calibration import Bin
from trainer.measures.scores import Scores

POINTS = 64
"""Of a ROC curve at most: more than a screen tells apart."""
MOST_CLASSES = 20
"""With more of them nothing is kept: the manifest travels through the model server."""

Points = tuple[tuple[float, float], ...]


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """How the answers to the validation split were. Whatever changes its meaning gets another name."""

    confusion: tuple[tuple[int, ...], ...]
    """Row: the true class; column: the answer; both in the order of the labels."""
    reliability: tuple[Bin, ...]
    """By how sure the answers were, ascending."""
    roc: tuple[Points, ...]
    """For each label its curve against the rest; empty where the split holds no image of it, or of no other."""


def curves(targets: NDArray[np.int64], probabilities: NDArray[np.float32], scores: Scores) -> Curves | None:
    """Return what was found, None where there are too many classes.

    Args:
        targets: int64 `[N]`.
        probabilities: float32 `[N, K]`.
        scores: of these answers.
    """
    if len(scores.classes) > MOST_CLASSES:
        return None
    return Curves(
        confusion=scores.confusion,
        reliability=scores.reliability,
        roc=tuple(
            roc(targets == place, probabilities[:, place]) if one.auc is not None else ()
            for place, one in enumerate(scores.classes)
        ),
    )


def roc(found: NDArray[np.bool_], certainty: NDArray[np.float32]) -> Points:
    """Return points of a ROC curve, as evenly spread along it as they are there, both of its ends among them.

    Args:
        found: bool `[N]`, the images of the class.
        certainty: float32 `[N]`, its probability.

    Returns:
        `POINTS` at most: (share of the other images taken for the class, share of its images found), ascending.
    """
    fall_out, recall, _ = roc_curve(found, certainty)
    wanted = np.searchsorted(fall_out + recall, np.linspace(0, 2, POINTS))  # both go from 0 to 1 and never back
    kept = np.unique(np.minimum(wanted, len(recall) - 1))
    return tuple(zip(fall_out[kept].round(4).tolist(), recall[kept].round(4).tolist(), strict=True))

"""The formulas behind the scores that scikit-learn has no fast or fitting form of: pure functions of arrays.

A figure that a split cannot tell, because a class has no image in it, is NaN here.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

NORMAL = "normal"
"""The class without cancer; every other class is cancer."""


def confusion(targets: NDArray[np.int64], answers: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count true classes (rows) against answers (columns), both int64 `[N]`; int64 `[classes, classes]`."""
    return np.bincount(targets * classes + answers, minlength=classes**2).reshape(classes, classes)


def accuracy(counts: NDArray[np.int64]) -> float:
    """Return the share of right answers of a confusion matrix int64 `[K, K]`."""
    return float(np.trace(counts) / counts.sum())


def macro_f1(counts: NDArray[np.int64]) -> float:
    """Return the mean over the classes of 2 TP / (2 TP + FP + FN), which is 0 for a class that never occurs."""
    both = counts.sum(axis=0) + counts.sum(axis=1)
    return float((2 * np.diag(counts) / np.maximum(both, 1)).mean())


def aucs(targets: NDArray[np.int64], probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the area under the ROC curve of each class against the rest.

    It is the chance that an image of the class gets a higher probability for it than another image does, ties counting
    half: the Mann-Whitney statistic U / (n m) (Hanley and McNeil 1982).

    Args:
        targets: int64 `[N]`.
        probabilities: float32 `[N, K]`.

    Returns:
        float64 `[K]`; NaN where a class has no image, or all of them.
    """
    member = targets[:, np.newaxis] == np.arange(probabilities.shape[1])
    inside = member.sum(axis=0)
    pairs = inside * (len(targets) - inside)
    u = (rankdata(probabilities, axis=0) * member).sum(axis=0) - inside * (inside + 1) / 2
    areas: NDArray[np.float64] = np.divide(u, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return areas


def macro_auc(areas: NDArray[np.float64]) -> float:
    """Return the mean of the areas that are no NaN, each class with the same weight."""
    told = areas[~np.isnan(areas)]
    return float(told.mean()) if told.size else float("nan")


def detection(counts: NDArray[np.int64], labels: tuple[str, ...]) -> tuple[float, float]:
    """Return sensitivity and specificity of "cancer", which is any answer but `normal`, right type or not.

    Args:
        counts: confusion matrix int64 `[K, K]`.
        labels: the K classes.

    Returns:
        The share of the cancer images that were answered as some cancer, and the share of the normal ones that were
        answered as normal; both NaN where no class is called `normal`.
    """
    if NORMAL not in labels:
        return float("nan"), float("nan")
    normal = labels.index(NORMAL)
    healthy = counts[normal].sum()
    ill = counts.sum() - healthy
    missed = counts[:, normal].sum() - counts[normal, normal]
    sensitivity = float(1 - missed / ill) if ill else float("nan")
    return sensitivity, float(counts[normal, normal] / healthy) if healthy else float("nan")

"""How good a model's answers are: the usual measures, from scikit-learn, `formulas` and `calibration`."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

from trainer.measures.calibration import Bin, calibration_error, reliability
from trainer.measures.formulas import aucs, detection, macro_auc


class ClassScore(msgspec.Struct, frozen=True, kw_only=True):
    """One class against the rest. A share whose denominator is 0 counts as 0."""

    label: str
    precision: float
    recall: float
    f1: float
    auc: float | None
    """Area under the ROC curve; None where the split holds no image of the class, or of no other."""
    images: int
    """Of this class, in truth."""


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """A model's answers on one split."""

    images: int
    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    """Means over the classes, each with the same weight."""
    macro_auc: float | None
    """Mean over the classes that have an area."""
    sensitivity: float | None
    """Share of the cancer images that were answered as cancer, of whatever type; cancer is every class but `normal`."""
    specificity: float | None
    """Share of the `normal` images that were answered so. Both are None where there are no such images."""
    loss: float
    """Mean cross-entropy in nats."""
    brier: float
    """Mean squared distance of the probabilities from the truth, summed over the classes, 0 to 2 (Brier 1950)."""
    ece: float
    """Expected calibration error over 15 bins of equal width (Guo et al. 2017)."""
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Row: the true class; column: the answer; both in the order of the labels."""
    reliability: tuple[Bin, ...]
    """What `ece` sums up."""

    def metrics(self) -> dict[str, float]:
        """Return the figures that go into the manifest; one that the split cannot tell is left out."""
        shares = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "macro_auc", "sensitivity", "specificity")
        figures = {name: getattr(self, name) for name in (*shares, "loss", "ece")}
        return {name: round(float(figure), 5) for name, figure in figures.items() if figure is not None}


def score(targets: NDArray[np.int64], probabilities: NDArray[np.float32], labels: tuple[str, ...]) -> Scores:
    """Compare answers with the truth.

    Args:
        targets: int64 `[N]`, places in `labels`.
        probabilities: float32 `[N, K]`, rows sum to 1.
        labels: the K classes.
    """
    answers = probabilities.argmax(axis=1)
    places = np.arange(len(labels))
    counts = confusion_matrix(targets, answers, labels=places)
    exact = probabilities.astype(np.float64)
    sensitivity, specificity = detection(counts, labels)
    bins = reliability(targets, probabilities)
    classes = class_scores(targets, probabilities, labels)
    return Scores(
        images=len(targets),
        accuracy=float((answers == targets).mean()),
        macro_precision=float(np.mean([one.precision for one in classes])),
        macro_recall=float(np.mean([one.recall for one in classes])),
        macro_f1=float(np.mean([one.f1 for one in classes])),
        macro_auc=_told(macro_auc(aucs(targets, probabilities))),
        sensitivity=_told(sensitivity),
        specificity=_told(specificity),
        loss=float(log_loss(targets, exact / exact.sum(axis=1, keepdims=True), labels=places)),
        brier=float(((exact - np.eye(len(labels))[targets]) ** 2).sum(axis=1).mean()),
        ece=calibration_error(bins),
        classes=classes,
        confusion=tuple(tuple(int(count) for count in row) for row in counts),
        reliability=bins,
    )


def class_scores(
    targets: NDArray[np.int64], probabilities: NDArray[np.float32], labels: tuple[str, ...]
) -> tuple[ClassScore, ...]:
    """Return one entry for each label; the arguments are those of `score`."""
    answers, places = probabilities.argmax(axis=1), np.arange(len(labels))
    columns = (
        *precision_recall_fscore_support(targets, answers, labels=places, zero_division=0),
        aucs(targets, probabilities),
    )
    return tuple(
        ClassScore(label=label, precision=float(p), recall=float(r), f1=float(f), auc=_told(float(area)), images=int(n))
        for label, p, r, f, n, area in zip(labels, *columns, strict=True)
    )


def _told(figure: float) -> float | None:
    return None if math.isnan(figure) else figure

"""How good a model's answers are: the usual measures, from scikit-learn."""

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support


class ClassScore(msgspec.Struct, frozen=True, kw_only=True):
    """One class against the rest. A share whose denominator is 0 counts as 0."""

    label: str
    precision: float
    recall: float
    f1: float
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
    loss: float
    """Mean cross-entropy in nats."""
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Row: the true class; column: the answer; both in the order of the labels."""

    def metrics(self) -> dict[str, float]:
        """Return the figures that go into the manifest."""
        names = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "loss")
        return {name: round(float(getattr(self, name)), 5) for name in names}


def score(targets: NDArray[np.int64], probabilities: NDArray[np.float32], labels: tuple[str, ...]) -> Scores:
    """Compare answers with the truth.

    Args:
        targets: int64 `[N]`, places in `labels`.
        probabilities: float32 `[N, K]`, rows sum to 1.
        labels: the K classes.
    """
    answers = probabilities.argmax(axis=1)
    places = np.arange(len(labels))
    precision, recall, f1, counts = precision_recall_fscore_support(targets, answers, labels=places, zero_division=0)
    exact = probabilities.astype(np.float64)
    return Scores(
        images=len(targets),
        accuracy=float((answers == targets).mean()),
        macro_precision=float(precision.mean()),
        macro_recall=float(recall.mean()),
        macro_f1=float(f1.mean()),
        loss=float(log_loss(targets, exact / exact.sum(axis=1, keepdims=True), labels=places)),
        classes=tuple(
            ClassScore(label=label, precision=float(p), recall=float(r), f1=float(f), images=int(n))
            for label, p, r, f, n in zip(labels, precision, recall, f1, counts, strict=True)
        ),
        confusion=tuple(
            tuple(int(count) for count in row) for row in confusion_matrix(targets, answers, labels=places)
        ),
    )

"""The plots of runs and evaluations, as PNG files in memory. Colours are Okabe and Ito's (2008), for all kinds of eyes.

Figures are made without pyplot, which keeps global state.
"""

from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from trainer.measures.calibration import Bin
from trainer.measures.epoch import Epoch
from trainer.measures.scores import Scores

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#767676"
_COLOURS = (_BLUE, _ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_LINES = ("-", "--", "-.", (0, (1, 1)))
_DPI = 120


def training_history(epochs: tuple[Epoch, ...]) -> bytes:
    """Plot loss and accuracy of each epoch, and mark the one whose weights were kept."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _curves(left, epochs, "loss")
    _curves(right, epochs, "accuracy")
    left.set(ylabel="cross-entropy (nats)", title="Loss", ylim=(0, None))
    right.set(ylabel="share of right answers", title="Accuracy", ylim=(0, 1.02))
    right.yaxis.set_major_formatter(PercentFormatter(1))
    right.legend(loc="lower right")
    return _png(figure)


def confusion_matrix(scores: Scores) -> bytes:
    """Plot how the images of each class were answered: counts, and shares of the true class as shades."""
    counts = np.array(scores.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [_wrapped(one.label) for one in scores.classes]
    side = 1.3 + 0.9 * len(labels)
    figure = Figure(figsize=(side + 0.3, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text, colour = f"{counts[row, column]}\n{share:.0%}", "white" if share > 0.55 else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(labels)), labels, fontsize=8)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set(
        xlabel="answer (in per cent of the true class)",
        ylabel="true class",
        title=f"{scores.images} images, accuracy {scores.accuracy:.1%}",
    )
    return _png(figure)


def roc(targets: NDArray[np.int64], probabilities: NDArray[np.float32], scores: Scores) -> bytes:
    """Plot the ROC curve of each class against the rest; classes that the split cannot tell about have none.

    Args:
        targets: int64 `[N]`.
        probabilities: float32 `[N, K]`.
        scores: of these answers.
    """
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    for place, one in enumerate(scores.classes):
        if one.auc is not None:
            fall_out, recall, _ = roc_curve(targets == place, probabilities[:, place])
            (line,) = axes.plot(fall_out, recall, label=f"{_plain(one.label)} ({one.auc:.3f})", linewidth=2)
            line.set(color=_COLOURS[place % len(_COLOURS)], linestyle=_LINES[place % len(_LINES)])
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=":", label="chance (0.500)")
    axes.set(xlabel="other images taken for the class", ylabel="images of the class found (recall)")
    axes.set(title="ROC, each class against the rest", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    _percent(axes)
    axes.legend(loc="lower right", title="class (area under the curve)", fontsize=8)
    return _png(figure)


def reliability(calibrated: tuple[Bin, ...], uncalibrated: tuple[Bin, ...]) -> bytes:
    """Plot how often answers were right against how sure they were, and how many there are of each kind.

    Args:
        calibrated: the bins of the answers as they are served.
        uncalibrated: those of the same answers at temperature 1.
    """
    figure = Figure(figsize=(5, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=":", label="perfectly calibrated")
    for bins, name, colour, marker in (
        (uncalibrated, "at temperature 1", _ORANGE, "s--"),
        (calibrated, "as served", _BLUE, "o-"),
    ):
        upper.plot([b.confidence for b in bins], [b.accuracy for b in bins], marker, color=colour, label=name)
    upper.set(ylabel="share of right answers", title="Reliability", ylim=(-0.02, 1.02))
    upper.legend(loc="upper left", frameon=False)
    edges, widths = [b.low for b in calibrated], [b.high - b.low for b in calibrated]
    lower.bar(edges, [b.images for b in calibrated], widths, align="edge", color=_BLUE, edgecolor="w")
    lower.set(xlabel="highest probability of the answer", ylabel="images", xlim=(0, 1.02))
    lower.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    _percent(upper)
    return _png(figure)


def _curves(axes: Axes, epochs: tuple[Epoch, ...], measure: str) -> None:
    numbers = [one.epoch for one in epochs]
    kept = min(epochs, key=lambda one: one.val_loss).epoch
    for name, label, colour, marker in (
        (measure, "training, augmented", _ORANGE, "s--"),
        (f"val_{measure}", "validation", _BLUE, "o-"),
    ):
        axes.plot(numbers, [getattr(one, name) for one in epochs], marker, color=colour, label=label, markersize=4)
    axes.axvline(kept, color=_GREY, linewidth=1, linestyle=":", label=f"kept: epoch {kept}")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)


def _percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(alpha=0.25)


def _plain(label: str) -> str:
    """Return a label that Matplotlib does not read as a formula."""
    return label.replace("$", r"\$")


def _wrapped(label: str) -> str:
    """Return a label with its last word, as dots part them, in a line of its own."""
    first, dot, last = _plain(label).rpartition(".")
    return f"{first}{dot}\n{last}" if first else last


def _png(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()

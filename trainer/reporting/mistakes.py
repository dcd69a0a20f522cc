"""The worst mistakes of a model, each with its image and with where the model looked."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.evaluate import Examined, Subject
from trainer.reporting.figures import figure, picture, to_png
from trainer.reporting.overlay import overlay

MISTAKES = 12
"""Wrong answers that are shown, the most confident first."""


def mistakes(examined: Examined) -> str:
    """Return the figures of the worst mistakes, as HTML."""
    rows = examined.answers.worst(MISTAKES)
    heatmaps = _heatmaps(examined.subject, examined.read.images[rows])
    shown = [_mistake(examined, row, heat) for row, heat in zip(rows.tolist(), heatmaps, strict=True)]
    return "\n".join(shown) or "<p>There is none.</p>"


def heat_note(subject: Subject) -> str:
    """Say how to read the heat maps, or why there are none."""
    if subject.explain is None:
        return (
            "This version has no signature explain, so where it looked is not shown: it was published before there "
            "were heat maps. Publish it again to see them."
        )
    return (
        "Beside each, the same image with a heat map (Grad-CAM): the lighter and yellower, the more that place spoke "
        "for the answer that was given. An image without colour has no such place. A heat map shows what an answer "
        "rests on, not where a disease is."
    )


def _heatmaps(subject: Subject, images: NDArray[np.uint8]) -> Sequence[NDArray[np.float32] | None]:
    """Return a heat map for each image, float32 `[H, W]`, or None for each."""
    if subject.explain is None or not len(images):
        return [None] * len(images)
    return list(subject.explain(images))


def _mistake(examined: Examined, row: int, heat: NDArray[np.float32] | None) -> str:
    probabilities, target = examined.answers.probabilities[row], int(examined.answers.targets[row])
    answer, truth = (examined.answers.labels[place] for place in (int(probabilities.argmax()), target))
    name, image = examined.read.paths[row].name, examined.read.images[row]
    pictures = picture(to_png(image), f"{name}, as the model saw it")
    if heat is not None:
        pictures += picture(to_png(overlay(image, heat)), f"{name}, with a heat map: {place(heat)} for {answer}")
    return figure(
        f'<div class="pictures">{pictures}</div>',
        name,
        f"{answer} ({probabilities.max():.0%})",
        f"in truth {truth} ({probabilities[target]:.0%})",
    )


def place(heat: NDArray[np.float32]) -> str:
    """Say where a heat map, float32 `[H, W]`, is hottest, to those who do not see it."""
    if not heat.any():
        return "no place speaks"
    rows, columns = np.nonzero(heat == heat.max())
    down = ("top", "middle", "bottom")[int(3 * rows.mean() / heat.shape[0])]
    across = ("left", "centre", "right")[int(3 * columns.mean() / heat.shape[1])]
    return f"the {down} {across} speaks most"

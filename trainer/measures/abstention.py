"""When a version should not be believed: an answer too unsure, or an image unlike those it learned from."""

import numpy as np
from numpy.typing import NDArray

from gateway.imaging import APPEARANCE, appearance

_RANGE = (0.001, 0.999)  # quantiles of the training images: one odd picture moves nothing where there are many
_MARGIN, _FEW = 0.1, 10  # shares of the range, and images: ten of them leave it as uncertain as it is wide


def abstention_threshold(probabilities: NDArray[np.float32], share: float) -> float:
    """Return the confidence that at most `share` of the answers are below, rounded down to 3 digits; 0 is never.

    Args:
        probabilities: calibrated, float32 `[N, K]`, of images that were not trained on.
        share: 0 to 1.
    """
    if not share:
        return 0.0
    confidences = probabilities.max(axis=1).astype(np.float64)
    return float(np.floor(np.quantile(confidences, share, method="lower") * 1000) / 1000)


def appearances(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Measure what images look like: uint8 `[N, H, W, C]` -> float64 `[N, 6]`, a column for each of `APPEARANCE`."""
    return np.array([[*appearance(image).values()] for image in images], np.float64)


def usual_appearance(seen: NDArray[np.float64]) -> dict[str, tuple[float, float]]:
    """Return between which numbers training images lie, by the names of `gateway.imaging.APPEARANCE`.

    The range of all but the odd ones, and a tenth of it to either side; more where few images tell where it ends.

    Args:
        seen: of the images, float64 `[N, 6]`, as `appearances` measures them.
    """
    low, high = np.quantile(seen, _RANGE, axis=0)
    margin = (_MARGIN + _FEW / len(seen)) * (high - low)
    return {
        name: (round(float(lowest), 4), round(float(highest), 4))
        for name, lowest, highest in zip(APPEARANCE, low - margin, high + margin, strict=True)
    }

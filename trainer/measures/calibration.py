"""Calibration: whether answers of 80 % are right in 80 % of the cases, and the one number that brings them there.

After Guo, Pleiss, Sun and Weinberger 2017, On Calibration of Modern Neural Networks. The logits are taken as the
logarithms of the probabilities: they differ by a constant in each row, which a softmax does not see.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

BINS = 15
"""As in the paper."""

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.2, 10.0
"""The search stays inside: without a single wrong answer the likelihood would have the temperature fall to 0."""


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """The images whose highest probability is above `low` and at most `high`."""

    low: float
    high: float
    images: int
    confidence: float
    """Mean of the highest probabilities."""
    accuracy: float


def fit_temperature(targets: NDArray[np.int64], probabilities: NDArray[np.float32]) -> float:
    """Return the temperature with the lowest mean cross-entropy, rounded to 4 digits after the point.

    Args:
        targets: int64 `[N]`.
        probabilities: float32 `[N, K]`, uncalibrated.
    """
    logits = _logits(probabilities)
    rows = np.arange(len(targets))

    def cross_entropy(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), axis=1)[rows, targets].mean())

    bounds = (np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE))
    found = minimize_scalar(cross_entropy, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return round(float(np.exp(found.x)), 4)


def scaled(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Divide the logits by the temperature, float32 `[N, K]` -> float32 `[N, K]`; as `trainer.store.signatures` does.

    The order within a row stays, and so does every answer.
    """
    if temperature == 1:
        return probabilities
    scaled_to: NDArray[np.float64] = np.exp(log_softmax(_logits(probabilities) / temperature, axis=1))
    return scaled_to.astype(np.float32)


def reliability(targets: NDArray[np.int64], probabilities: NDArray[np.float32]) -> tuple[Bin, ...]:
    """Sort the images by their highest probability into `BINS` bins of equal width; bins without images are left out.

    Args:
        targets: int64 `[N]`.
        probabilities: float32 `[N, K]`.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == targets
    places = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return tuple(
        Bin(
            low=place / BINS,
            high=(place + 1) / BINS,
            images=int((places == place).sum()),
            confidence=float(confidence[places == place].mean()),
            accuracy=float(right[places == place].mean()),
        )
        for place in np.unique(places).tolist()
    )


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Return the expected calibration error: the mean over the images of their bin's |accuracy - confidence|."""
    images = sum(one.images for one in bins)
    return sum(one.images * abs(one.accuracy - one.confidence) for one in bins) / images


def _logits(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    floor = np.finfo(np.float32).tiny
    logits: NDArray[np.float64] = np.log(np.maximum(probabilities, floor).astype(np.float64))
    return logits

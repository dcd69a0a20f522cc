"""A version that says what is usual, and images for it, of which anybody can work out the bins."""

import json
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from tests.gateways import Gateway
from tests.images import png
from tests.scripted import Version
from tests.toymodel import manifest

LEVELS = (32, 96, 160, 224)
"""Grey levels, one in the middle of each bin: an image of one of them is that far in every feature."""
REFERENCE = {
    "classes": [100] * 4,
    "confidence": {"edges": [0.55, 0.65, 0.75], "counts": [100] * 4},
    "appearance": {
        "mean": {"edges": [64, 128, 192], "counts": [100] * 4},
        "colour": {"edges": [0.0], "counts": [400, 0]},
        "wisdom": {"edges": [7.0], "counts": [1, 2]},
    },
}
FEATURES = ("class", "confidence", "mean", "colour")
"""Those of them that this gateway knows."""


def by_brightness(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Answer class k to a picture in the k-th quarter of brightness, with a confidence of 0.5 + 0.1 k."""
    rows = np.empty((len(images), 4), np.float32)
    for row, image in zip(rows, images, strict=True):
        k = int(image.mean() // 64)
        row[:] = (0.5 - 0.1 * k) / 3
        row[k] = 0.5 + 0.1 * k
    return rows


def used_to(reference: object = REFERENCE) -> Version:
    """Return a version that says so of itself."""
    return Version(by_brightness, manifest=described(reference))


def described(reference: object = REFERENCE) -> str:
    """Return its manifest."""
    text: dict[str, Any] = {**manifest(), "drift_reference": reference}
    return json.dumps(text)


def flat(level: int) -> bytes:
    """Return a file with nothing but one grey level."""
    return png(np.full((32, 32), level, np.uint8))


def post(gateway: Gateway, levels: Sequence[int]) -> None:
    """Have images of these grey levels classified, a hundred in a request."""
    files = {level: flat(level) for level in set(levels)}
    for start in range(0, len(levels), 100):
        batch = [("files", files[level]) for level in levels[start : start + 100]]
        reply = httpx.post(f"{gateway.url}/predict-batch", files=batch, timeout=60)
        assert all("prediction" in entry for entry in reply.json()["predictions"])

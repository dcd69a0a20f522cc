"""Answers of a Keras model in memory."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trainer.untyped import KerasModel

BATCH = 32
"""Images that are asked about at once."""


def predict_model(model: KerasModel, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Ask a Keras model.

    Args:
        model: keras.Model.
        images: uint8 `[N, H, W, C]`.

    Returns:
        float32 `[N, K]`.
    """
    return np.asarray(model.predict(images, batch_size=BATCH, verbose=0), np.float32)


def in_batches(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Return images, uint8 `[N, H, W, C]`, in parts of `BATCH` of them at most."""
    return (images[start : start + BATCH] for start in range(0, len(images), BATCH))

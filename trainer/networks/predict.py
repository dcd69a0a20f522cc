"""Answers of a Keras model in memory."""

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

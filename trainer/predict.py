"""Answers: of a Keras model in memory, and of a version on disk through the signature that is served."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.errors import RunError
from trainer.manifest import Manifest
from trainer.untyped import KerasModel, SavedModel

_BATCH = 32


def predict_model(model: KerasModel, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Ask a Keras model.

    Args:
        model: keras.Model.
        images: uint8 `[N, H, W, C]`.

    Returns:
        float32 `[N, K]`.
    """
    return np.asarray(model.predict(images, batch_size=_BATCH, verbose=0), np.float32)


def predict_version(loaded: SavedModel, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Ask `serving_default` of a loaded SavedModel, batch by batch; shapes as in `predict_model`."""
    serve = loaded.signatures["serving_default"]
    batches = (images[start : start + _BATCH] for start in range(0, len(images), _BATCH))
    return np.concatenate([serve(images=tf.constant(batch))["probabilities"].numpy() for batch in batches])


def load_version(folder: Path) -> SavedModel:
    """Load a SavedModel.

    Raises:
        RunError: there is none in `folder`.
    """
    if not (folder / "saved_model.pb").is_file():
        raise RunError(f"{folder} holds no saved_model.pb; publish a version with `trainer publish`")
    return tf.saved_model.load(str(folder))


def read_manifest(loaded: SavedModel) -> Manifest:
    """Ask a loaded SavedModel's `describe` signature what it is."""
    return Manifest.from_json(loaded.signatures["describe"]()["manifest"].numpy())

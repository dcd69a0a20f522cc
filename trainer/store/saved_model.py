"""A version on disk, asked through the signatures that are served."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainer.errors import RunError
from trainer.networks.predict import in_batches
from trainer.training.manifest import Manifest
from trainer.untyped import SavedModel


def predict_version(loaded: SavedModel, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Ask `serving_default` of a loaded SavedModel, batch by batch; uint8 `[N, H, W, C]` -> float32 `[N, K]`."""
    serve = loaded.signatures["serving_default"]
    return np.concatenate([serve(images=tf.constant(batch))["probabilities"].numpy() for batch in in_batches(images)])


def can_explain(loaded: SavedModel) -> bool:
    """Whether a version has heat maps; those that were published before there were any have none."""
    return "explain" in loaded.signatures


def explain_version(loaded: SavedModel, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Ask `explain` of a loaded SavedModel, batch by batch.

    Returns:
        Heat maps, float32 `[N, H, W]`, and probabilities, float32 `[N, K]`, of images uint8 `[N, H, W, C]`.
    """
    answers = [loaded.signatures["explain"](images=tf.constant(batch)) for batch in in_batches(images)]
    heatmaps, probabilities = (
        np.concatenate([answer[name].numpy() for answer in answers]) for name in ("heatmaps", "probabilities")
    )
    return heatmaps, probabilities


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

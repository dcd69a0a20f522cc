"""What a training run was asked to do; it is written into the run and into the version's manifest."""

from typing import Literal

import msgspec

Architecture = Literal["compact", "reference"]

MAX_PIXELS = 16_777_216
"""Pixels, width x height: images of a data set above it are skipped, as the gateway refuses them by default."""


class TrainingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One run. With the same configuration, data and machine, the same weights come out."""

    data: str
    """The data set's folder, as it was given."""
    architecture: Architecture = "compact"
    epochs: int = 60
    """At most; early stopping ends sooner."""
    patience: int = 12
    """Epochs without a better validation loss until training stops; the best weights are kept."""
    batch_size: int = 16
    learning_rate: float = 2e-3
    """Adam's first step size; it falls to nothing along a half cosine over `epochs`."""
    image_size: int
    """Height and width in pixels."""
    seed: int = 0

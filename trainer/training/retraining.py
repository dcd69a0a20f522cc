"""What a retraining is asked to do, derived from how the version that it starts from was trained."""

from pathlib import Path

import msgspec

from trainer.config import TrainingConfig

EPOCHS = 20
"""At most; the network knows most of it already."""
SLOWER = 0.1
"""The step size is this share of the first training's: larger ones forget what was learned."""


def retraining(trained: TrainingConfig, weights: Path, data: str | None, additions: tuple[str, ...]) -> TrainingConfig:
    """Return the configuration of a retraining, unless the operator says else.

    Args:
        trained: how the version that it starts from was trained.
        weights: that version's Keras model.
        data: the data set's folder; None is the one that the version was trained on.
        additions: folders of labelled images that come to it; those of the version stay.
    """
    return msgspec.structs.replace(
        trained,
        data=data or trained.data,
        additions=tuple(dict.fromkeys((*trained.additions, *additions))),
        initial=str(weights),
        weights="none",
        epochs=min(trained.epochs, EPOCHS),
        learning_rate=trained.learning_rate * SLOWER,
    )

"""The phases of a training: most have one; a backbone that brings weights is first left as it is, then fine-tuned."""

from typing import NamedTuple

from trainer.config import TrainingConfig


class Phase(NamedTuple):
    """Epochs with the same layers learning at the same rate."""

    first: int
    """Counted from 0."""
    end: int
    """The first epoch after it."""
    frozen: bool
    """Whether the backbone is left as it is."""
    learning_rate: float


def phases(config: TrainingConfig) -> tuple[Phase, ...]:
    """Return the phases, in order and without gaps; none is empty."""
    if config.weights == "none":
        return (Phase(0, config.epochs, frozen=False, learning_rate=config.learning_rate),)
    head = min(config.head_epochs, config.epochs)
    both = (
        Phase(0, head, frozen=True, learning_rate=config.learning_rate),
        Phase(head, config.epochs, frozen=False, learning_rate=config.fine_tuning_rate),
    )
    return tuple(phase for phase in both if phase.end > phase.first)

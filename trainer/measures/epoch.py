"""One pass over the training data, in figures."""

import msgspec


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass over the training data brought."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean cross-entropy in nats, with dropout and augmentation."""
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float

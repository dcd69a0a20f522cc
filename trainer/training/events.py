"""What happens in a training run, for whoever follows it; as JSON, `event` names the kind."""

from typing import Literal

import msgspec

from trainer.measures.deviation import Parity

Ending = Literal["epochs", "patience", "interrupted"]
"""Why training ended: all epochs done, none of the last was better, or it was told to."""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=str.lower):
    """Something that happened."""


class Started(Event, frozen=True, kw_only=True):
    """The data set is read; training begins, or goes on."""

    run: str
    labels: tuple[str, ...]
    train: int
    """Images to train on."""
    valid: int
    skipped: tuple[tuple[str, str], ...]
    """Files that are no image, each with the reason."""
    epochs: int
    """At most."""
    done: int
    """Epochs that an earlier process has done of these."""
    progress: float = 0.0


class Passed(Event, frozen=True, kw_only=True, tag="epoch"):
    """An epoch is done."""

    epoch: int
    """Counted from 1."""
    epochs: int
    progress: float
    """Share of the epochs that are done; early stopping jumps to 1."""
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


class Calibrated(Event, frozen=True, kw_only=True):
    """The temperature was fitted."""

    temperature: float
    metrics: dict[str, float]


class Finished(Event, frozen=True, kw_only=True):
    """The run is written."""

    run: str
    ended: Ending
    metrics: dict[str, float]
    model_digest: str
    progress: float = 1.0


class Judged(Event, frozen=True, kw_only=True):
    """The run may replace the current version: both answered the same images."""

    version: int
    """The number of the current version."""
    images: int
    current: float
    """The current version's macro F1."""
    run: float
    """The run's."""


class Published(Event, frozen=True, kw_only=True):
    """The run's version is in the store."""

    version: int
    store: str


class Checked(Event, frozen=True, kw_only=True):
    """The version answers as the model does, in float32; whether it may be served in bfloat16 stands in `parity`."""

    parity: Parity


class Failed(Event, frozen=True, kw_only=True):
    """The command ends without what it was asked for."""

    error: str
    """For the operator."""
    kind: str
    """The name of its class in trainer/errors.py, such as `PromotionError`."""

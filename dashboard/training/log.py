"""What a training's log says: the trainer's events, one JSON object a line, and whatever else it has printed."""

from typing import Final

import msgspec

_SHOWN: Final = 20_000  # characters of the log's end


class Epoch(msgspec.Struct, frozen=True, tag_field="event", tag="epoch"):
    """An epoch that is done. Losses are cross-entropies in nats, accuracies are shares of 0 to 1."""

    epoch: int
    """Counted from 1."""
    loss: float
    accuracy: float
    val_loss: float
    """On the validation images, as `val_accuracy`."""
    val_accuracy: float


class Log(msgspec.Struct, frozen=True):
    """A log, or the end of one."""

    epochs: list[Epoch]
    """In their order; of a long training the last ones."""
    end: str
    """Its last lines."""


_DECODER: Final = msgspec.json.Decoder(Epoch)


def read_log(content: bytes) -> Log:
    """Read the answer of `GET /training-sessions/{session_id}/log`; what is no event of an epoch is only shown."""
    epochs = []
    for line in content.splitlines():
        try:
            epochs.append(_DECODER.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return Log(epochs, content.decode(errors="replace")[-_SHOWN:])

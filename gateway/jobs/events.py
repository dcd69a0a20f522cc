"""What the trainer tells of a training, and what that means for the job; pure, so that a test needs no training.

The trainer writes one JSON object a line (trainer/README.md, "Followed by a program"). Whatever else stands there is
left out.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

JobStatus = Literal["running", "completed", "rejected", "failed", "cancelled"]
"""`completed`: a version was published; `rejected`: the trainer's gate let none pass."""

_READ, _TRAINED, _CALIBRATED, _FINISHED, _JUDGED, _DONE = 5.0, 90.0, 92.0, 94.0, 97.0, 100.0  # percent
_REFUSALS = frozenset({"PromotionError"})
_NO_RESULT = (
    "the trainer ended without a result{how}: it was killed, the machine's memory was short, or it has a bug; its log "
    "may say more"
)


class _Event(msgspec.Struct, frozen=True, tag_field="event", tag=str.lower):
    pass


class Started(_Event, frozen=True):
    """The images are read."""

    train: int
    valid: int
    epochs: int


class Passed(_Event, frozen=True, tag="epoch"):
    """An epoch is done."""

    epoch: int
    epochs: int
    progress: float
    """Of the epochs, 0 to 1."""
    val_accuracy: float


class Calibrated(_Event, frozen=True):
    """The network is calibrated."""


class Finished(_Event, frozen=True):
    """The run is written."""

    metrics: dict[str, float]


class Judged(_Event, frozen=True):
    """The run may be published."""

    current: float
    run: float


class Published(_Event, frozen=True):
    """The version is in the store."""

    version: int


class Failed(_Event, frozen=True):
    """The trainer ends without what it was asked for."""

    error: str
    kind: str = ""


Event = Started | Passed | Calibrated | Finished | Judged | Published | Failed
_DECODER = msgspec.json.Decoder(Event)


class Report(msgspec.Struct, frozen=True):
    """What is known of a training after some of its events."""

    progress: float = 0.0
    """Percent."""
    message: str = "the trainer is starting"
    version: int | None = None
    """That was published."""
    metrics: dict[str, float] = {}
    failure: Failed | None = None


def after(report: Report, lines: Iterable[bytes]) -> Report:
    """Return what is known once the trainer has written these lines, too."""
    for line in lines:
        try:
            event = _DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue  # an event that does not matter here, or no event
        report = _after(report, event)
    return report


def _after(report: Report, event: Event) -> Report:
    progress, message = _told(event)
    changes: dict[str, object] = {"message": message}
    if progress is not None:
        changes["progress"] = round(progress, 1)
    match event:
        case Finished():
            changes["metrics"] = event.metrics
        case Published():
            changes["version"] = event.version
        case Failed():
            changes["failure"] = event
    return msgspec.structs.replace(report, **changes)


def _told(event: Event) -> tuple[float | None, str]:
    """Return the percentage that an event stands for, None where it stands for none, and what it says to people."""
    told: tuple[float | None, str]
    match event:
        case Started():
            images = f"{event.train} images to train on, {event.valid} to validate"
            told = (_READ, f"{images}; {event.epochs} epochs at most")
        case Passed():
            progress = _READ + (_TRAINED - _READ) * min(max(event.progress, 0.0), 1.0)
            told = (progress, f"epoch {event.epoch} of {event.epochs}: validation accuracy {event.val_accuracy:.3f}")
        case Calibrated():
            told = (_CALIBRATED, "the network is calibrated")
        case Finished():
            told = (_FINISHED, "the run is written")
        case Judged():
            told = (_JUDGED, f"macro F1 {event.run:.3f}; the version that it may replace has {event.current:.3f}")
        case Published():
            told = (_DONE, f"version {event.version} is published")
        case Failed():
            told = (None, event.error)
    return told


def conclusion(report: Report, *, cancelled: bool, signal: str = "") -> tuple[JobStatus, str]:
    """Return what became of a job whose process has ended, and a sentence that says why.

    Args:
        report: after all that the trainer has written.
        cancelled: whether it was told to end.
        signal: the name of the one that ended it, where that is known.
    """
    if report.version is not None:
        return "completed", report.message
    if cancelled:
        return "cancelled", f"cancelled at {report.progress:g} %"
    if report.failure is not None:
        return ("rejected" if report.failure.kind in _REFUSALS else "failed"), report.failure.error
    return "failed", _NO_RESULT.format(how=f" by {signal}" if signal else "")

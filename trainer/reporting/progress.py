"""A training run as it is followed: a progress bar on a terminal, plain lines elsewhere, JSON lines for a program."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from trainer.errors import TrainerError
from trainer.reporting.console import say, summary, warn_skipped
from trainer.reporting.parity_lines import parity_lines
from trainer.reporting.style import Style
from trainer.training.events import Calibrated, Checked, Event, Failed, Finished, Judged, Passed, Published, Started

Listener = Callable[[Event], None]

_ENDINGS = {
    "epochs": "all epochs are done",
    "patience": "the validation loss falls no more",
    "interrupted": "training was told to end; go on with --resume",
}


@contextmanager
def listener(style: Style, console: Console) -> Iterator[Listener]:
    """Return what tells of events on a console in a style."""
    if style == "json":
        yield JsonLines(console.file)
    elif style == "plain" or not console.is_terminal:
        yield Lines(console)
    else:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console) as progress:
            yield Bar(console, progress)


@contextmanager
def announced(tell: Listener) -> Iterator[None]:
    """Tell of an error that ends the command, and let it pass."""
    try:
        yield
    except TrainerError as error:
        tell(Failed(error=str(error), kind=type(error).__name__))
        raise


class JsonLines:
    """Writes each event as a line of JSON, at once."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def __call__(self, event: Event) -> None:
        """Write a line."""
        self._file.write(msgspec.json.encode(event).decode() + "\n")
        self._file.flush()


class Lines:
    """Says each event in a line."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: Event) -> None:
        """Say a line, or several."""
        if isinstance(event, Started):
            _warn(self._console, event)
        for line in _lines(event):
            say(self._console, line)


class Bar:
    """Moves a bar with the epochs, and says the rest in lines above it."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._lines = Lines(console)
        self._progress = progress
        self._task: TaskID | None = None

    def __call__(self, event: Event) -> None:
        """Move the bar, or say a line."""
        if isinstance(event, Passed) and self._task is not None:
            self._progress.update(self._task, completed=event.epoch, description=_figures(event))
            return
        self._lines(event)
        if isinstance(event, Started):
            self._task = self._progress.add_task("training", total=event.epochs, completed=event.done)


def _warn(console: Console, event: Started) -> None:
    warn_skipped(console, event.skipped, event.train + event.valid + len(event.skipped))


def _lines(event: Event) -> Iterator[str]:
    match event:
        case Started():
            yield f"{event.train} images to train on, {event.valid} to validate: {', '.join(event.labels)}"
            if event.done:
                yield f"going on after epoch {event.done} of {event.epochs}"
        case Passed():
            yield f"epoch {event.epoch}: {_figures(event)}, {event.seconds:.1f} s"
        case Calibrated():
            before, after = event.metrics["ece_uncalibrated"], event.metrics["ece"]
            yield (
                f"temperature {event.temperature:.2f}: expected calibration error {before:.3f} before, {after:.3f} "
                "after, both on the validation split that it was fitted on"
            )
        case Finished():
            yield f"{_ENDINGS[event.ended]}; validation: {summary(event.metrics)}; the run is in {event.run}"
            yield f"model {event.model_digest}"
        case Published():
            yield f"published version {event.version} in {event.store}"
        case Checked():
            yield from parity_lines(event.parity)
        case Judged():
            yield (
                f"macro F1 {event.run:.3f}, against {event.current:.3f} of version {event.version}, "
                f"on the same {event.images} images"
            )


def _figures(epoch: Passed) -> str:
    return (
        f"loss {epoch.loss:.3f}, accuracy {epoch.accuracy:.3f}, "
        f"validation loss {epoch.val_loss:.3f}, accuracy {epoch.val_accuracy:.3f}"
    )

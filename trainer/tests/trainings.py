"""Training in the test's own process, which has paid for TensorFlow already; and trainings that end in the middle."""

import signal
from collections.abc import Callable
from pathlib import Path

from trainer.settings import read_config
from trainer.tests.conftest import SIZE
from trainer.training.events import Event, Passed
from trainer.training.runs import Run
from trainer.training.train import Trained, train

Figures = list[tuple[float, ...]]


class Killed(BaseException):
    """Ends a training where it is, as SIGKILL would: nothing of ours catches it."""


def trained_on(data: Path, folder: Path, *pairs: str, tell: Callable[[Event], None] | None = None) -> Trained:
    """Train with `key=value` pairs over small defaults."""
    config = read_config(None, {"data": str(data), "image_size": SIZE, "batch_size": 4}, pairs)
    return train(config, folder, tell or ignore)


def ignore(_: Event) -> None:
    """Listen to nothing."""


def killed_after(epoch: int) -> Callable[[Event], None]:
    """Return a listener that kills the training when an epoch is done."""

    def tell(event: Event) -> None:
        if isinstance(event, Passed) and event.epoch == epoch:
            raise Killed

    return tell


def signalled_after(epoch: int, number: signal.Signals) -> Callable[[Event], None]:
    """Return a listener that sends this process a signal when an epoch is done."""

    def tell(event: Event) -> None:
        if isinstance(event, Passed) and event.epoch == epoch:
            signal.raise_signal(number)

    return tell


def figures(run: Run) -> Figures:
    """Return all of a run's epochs but the seconds that they took."""
    return [(row.epoch, row.loss, row.accuracy, row.val_loss, row.val_accuracy) for row in run.history]

"""What is told of a training: to a person at a terminal, to a log, to a program."""

import json
from io import StringIO

import pytest
from rich.console import Console

from trainer.errors import DataError
from trainer.reporting.progress import announced, listener
from trainer.training.events import Calibrated, Event, Finished, Judged, Passed, Published, Started

METRICS = {"accuracy": 0.75, "macro_f1": 0.5, "ece": 0.1, "ece_uncalibrated": 0.2}


def passed(epoch: int) -> Passed:
    figures = {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.5, "val_accuracy": 0.25, "seconds": 2.0}
    return Passed(epoch=epoch, epochs=4, progress=epoch / 4, **figures)


CALIBRATED = (
    "temperature 1.25: expected calibration error 0.200 before, 0.100 after, "
    "both on the validation split that it was fitted on"
)
EVENTS: tuple[Event, ...] = (
    Started(
        run="r", labels=("a", "b"), train=9, valid=3, skipped=(("x.png", "broken"),), epochs=4, done=1, progress=0.25
    ),
    passed(2),
    passed(3),
    Calibrated(temperature=1.25, metrics=METRICS),
    Finished(run="r", ended="patience", metrics=METRICS, model_digest="sha256:0"),
    Judged(version=1, images=3, current=0.4, run=0.5),
    Published(version=2, store="lung"),
)


def told(console: Console, style: str) -> str:
    """Return what is written when all events are told."""
    assert isinstance(console.file, StringIO)
    with listener("json" if style == "json" else "auto", console) as tell:
        for event in EVENTS:
            tell(event)
    return console.file.getvalue()


def test_a_log_gets_a_line_for_each_thing() -> None:
    """
    Without a terminal there are plain lines without escape codes, in the order in which things happen.
    """
    text = told(Console(file=StringIO(), width=200), "auto")

    assert "\x1b" not in text
    assert text.splitlines() == [
        "Warning: skipped x.png: broken",
        "Warning: 1 of 13 files were skipped",
        "9 images to train on, 3 to validate: a, b",
        "going on after epoch 1 of 4",
        "epoch 2: loss 1.000, accuracy 0.500, validation loss 1.500, accuracy 0.250, 2.0 s",
        "epoch 3: loss 1.000, accuracy 0.500, validation loss 1.500, accuracy 0.250, 2.0 s",
        CALIBRATED,
        "the validation loss falls no more; validation: accuracy 0.750, macro F1 0.500; the run is in r",
        "model sha256:0",
        "macro F1 0.500, against 0.400 of version 1, on the same 3 images",
        "published version 2 in lung",
    ]


def test_a_terminal_gets_a_bar_that_goes_on_where_training_does() -> None:
    """
    Epochs move the bar instead of filling the screen; one that was resumed does not begin at 0.
    """
    text = told(Console(file=StringIO(), force_terminal=True, width=200), "auto")

    assert "3/4" in text
    assert "0/4" not in text
    assert "epoch 2:" not in text
    assert "published version 2 in lung" in text


def test_a_program_gets_nothing_but_json() -> None:
    """
    Each line is an object that names its kind; progress never falls, and ends at 1.
    """
    rows = [json.loads(line) for line in told(Console(file=StringIO()), "json").splitlines()]
    progress = [row["progress"] for row in rows if "progress" in row]

    assert [row["event"] for row in rows] == [
        "started", "epoch", "epoch", "calibrated", "finished", "judged", "published",
    ]  # fmt: skip
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0.25, 1)


def test_a_failure_is_told_and_raised() -> None:
    """
    Who follows the events learns why there are no more; the command still ends with its error.
    """
    console = Console(file=StringIO())
    with listener("json", console) as tell, pytest.raises(DataError), announced(tell):
        raise DataError("no images")

    assert isinstance(console.file, StringIO)
    assert json.loads(console.file.getvalue()) == {"event": "failed", "error": "no images", "kind": "DataError"}

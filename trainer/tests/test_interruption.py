"""Signals to a training that runs as a process of its own, as a job's owner or an operator sends them."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainer.tests.conftest import SIZE
from trainer.tests.trainings import figures, ignore
from trainer.training.runs import load_run
from trainer.training.train import Trained, resume, train

EPOCHS = 6
OPTIONS = (
    "--image-size", str(SIZE), "--batch-size", "4", "--epochs", str(EPOCHS), "--learning-rate", "0.01", "--seed", "5",
    "--set", "patience=99", "--set", "augmentation.flip=both", "--set", "augmentation.shift=0.1",
)  # fmt: skip


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start the command line; its standard output is a line of JSON for each event."""
    command = [sys.executable, "-m", "trainer", "train", "--progress", "json", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def signalled(process: subprocess.Popen[str], number: signal.Signals, epochs: int) -> list[dict[str, Any]]:
    """Send a signal when so many more epochs are done, and return all events that were told."""
    assert process.stdout is not None
    events, left = [], epochs
    for line in process.stdout:
        events.append(json.loads(line))
        left -= events[-1]["event"] == "epoch"
        if left == 0:
            process.send_signal(number)
            left = -1
    return events


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_command_with_the_run_kept_and_nothing_published(
    phantoms: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """
    The status is the signal's, as a shell would tell it; --resume ends where an uninterrupted training does.
    """
    process = start("--data", phantoms, *OPTIONS, "--run", tmp_path / "run", "--publish", tmp_path / "lung")
    events = signalled(process, number, 1)
    _, error = process.communicate()
    kept = load_run(tmp_path / "run")

    assert (process.returncode, error) == (status, "")
    assert [event["event"] for event in events[-2:]] == ["calibrated", "finished"]
    assert events[-1]["ended"] == "interrupted"
    assert events[-1]["model_digest"] == kept.manifest.model_digest
    assert 1 <= len(kept.history) < EPOCHS
    assert not (tmp_path / "lung").exists()
    assert_goes_on_as_uninterrupted(tmp_path, resume(tmp_path / "run", ignore), len(kept.history))


def test_a_training_killed_again_and_again_goes_on_as_if_it_had_not_been(phantoms: Path, tmp_path: Path) -> None:
    """
    SIGKILL after a few epochs, in what then happens to go on, twice; the third process finishes.
    """
    chance = random.Random(7)
    process = start("--data", phantoms, *OPTIONS, "--run", tmp_path / "run")
    for _ in range(2):
        signalled(process, signal.SIGKILL, chance.randint(1, 2))
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        process = start("--resume", tmp_path / "run")
    assert process.stdout is not None
    events = [json.loads(line) for line in process.stdout]
    process.communicate()

    assert process.returncode == 0
    assert 2 <= events[0]["done"] < EPOCHS
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == [
        *range(events[0]["done"] + 1, EPOCHS + 1)
    ]
    assert not (tmp_path / "run" / "checkpoint").exists()
    kept = load_run(tmp_path / "run")
    whole = train(kept.manifest.config, tmp_path / "whole", ignore).run
    assert figures(kept) == figures(whole)
    assert kept.manifest.model_digest == whole.manifest.model_digest == events[-1]["model_digest"]


def assert_goes_on_as_uninterrupted(folder: Path, again: Trained, done: int) -> None:
    """Train the same in one go, and compare all figures and the digest."""
    whole = train(again.run.manifest.config, folder / "whole", ignore).run

    assert done < len(whole.history)
    assert figures(again.run) == figures(whole)
    assert again.run.manifest.model_digest == whole.manifest.model_digest

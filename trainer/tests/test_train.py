"""Training, and the folder that it leaves."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from trainer.errors import RunError
from trainer.reporting.console import Lines, reporter
from trainer.training.runs import load_run
from trainer.training.train import train


def test_the_same_seed_trains_the_same_weights(trained: tuple[Path, Path]) -> None:
    """
    Training again, in another process, with the configuration that a run wrote down gives that run's very weights.
    """
    run = load_run(trained[0])
    again = train(run.manifest.config, Lines(Console(file=StringIO())))

    assert again.manifest.metrics == run.manifest.metrics
    assert again.manifest.data_digest == run.manifest.data_digest
    for one, other in zip(run.model.get_weights(), again.model.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_run_tells_how_it_went(trained: tuple[Path, Path]) -> None:
    """
    The run's folder holds the model, the configuration, the manifest and a row for each epoch.
    """
    folder = trained[0]
    history = json.loads((folder / "history.json").read_text())
    manifest = json.loads((folder / "manifest.json").read_text())

    assert {path.name for path in folder.iterdir()} == {
        "model.keras", "history.json", "config.json", "manifest.json", "sample.npy",
        "training_history.png", "confusion_matrix.png",
    }  # fmt: skip
    assert [row["epoch"] for row in history] == [1]
    assert history[0].keys() == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"}
    assert json.loads((folder / "config.json").read_text()) == manifest["config"]


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    """
    What is missing, and how to make it, is in the message.
    """
    with pytest.raises(RunError, match=r"is no finished run: model.keras is missing; make one with"):
        load_run(tmp_path)


def test_a_run_that_cannot_be_read_is_named(trained: tuple[Path, Path], tmp_path: Path) -> None:
    """
    A spoiled run is refused in words, not with a traceback.
    """
    for name in ("model.keras", "history.json", "sample.npy"):
        (tmp_path / name).symlink_to(trained[0] / name)
    (tmp_path / "manifest.json").write_text("{}")

    with pytest.raises(RunError, match="cannot be read: Object missing required field"):
        load_run(tmp_path)


def test_without_a_terminal_there_are_plain_lines() -> None:
    """
    Redirected, training tells of itself in lines without escape codes.
    """
    with reporter(Console(file=StringIO()), 1) as lines:
        assert type(lines) is Lines

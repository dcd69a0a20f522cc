"""Going on with a training that was interrupted."""

import signal
from pathlib import Path

import pytest
from sklearn.metrics import log_loss

from trainer.data.dataset import load_split
from trainer.errors import ConfigError, RunError, TrainingError
from trainer.networks.predict import predict_model
from trainer.tests.test_command_line import run_here
from trainer.tests.trainings import Killed, figures, ignore, killed_after, signalled_after, trained_on
from trainer.training.events import Event, Started
from trainer.training.runs import load_run
from trainer.training.train import Trained, resume

EPOCHS = 6
OPTIONS = (
    f"epochs={EPOCHS}", "seed=5", "learning_rate=0.01", "patience=99",
    "augmentation.flip=both", "augmentation.shift=0.1",
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A training that nothing interrupted."""
    return trained_on(phantoms, tmp_path_factory.mktemp("whole") / "run", *OPTIONS)


@pytest.mark.parametrize("epoch", [1, 3, EPOCHS])
def test_a_killed_training_goes_on_as_if_it_had_not_been(
    phantoms: Path, whole: Trained, tmp_path: Path, epoch: int
) -> None:
    """
    Every figure and every bit of the weights are those of a training in one go; the last epoch's end is no exception.
    """
    with pytest.raises(Killed):
        trained_on(phantoms, tmp_path / "run", *OPTIONS, tell=killed_after(epoch))
    again = resume(tmp_path / "run", ignore)

    assert figures(again.run) == figures(whole.run)
    assert again.run.manifest.model_digest == whole.run.manifest.model_digest
    assert not (tmp_path / "run" / "checkpoint").exists()
    assert not (tmp_path / "run" / "begun.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_it_with_the_best_weights(
    phantoms: Path, whole: Trained, tmp_path: Path, number: signal.Signals
) -> None:
    """
    The run is whole and can be published; going on, it ends as one that was not interrupted.
    """
    first = trained_on(phantoms, tmp_path / "run", *OPTIONS, tell=signalled_after(2, number))
    kept = load_run(tmp_path / "run")

    assert (first.ended, first.signal) == ("interrupted", number)
    assert figures(kept) == figures(whole.run)[:2]
    assert kept.manifest.model_digest == first.run.manifest.model_digest
    assert resume(tmp_path / "run", ignore).run.manifest.model_digest == whole.run.manifest.model_digest


def test_patience_that_has_run_out_is_not_given_anew(phantoms: Path, tmp_path: Path) -> None:
    """
    Killed between the epoch that ended training and the run's last file, it trains no further.
    """
    options = ("epochs=9", "patience=1", "learning_rate=0.5", "augmentation.flip=none", "schedule=constant")
    entire = trained_on(phantoms, tmp_path / "whole", *options)
    last = len(entire.run.history)
    with pytest.raises(Killed):
        trained_on(phantoms, tmp_path / "run", *options, tell=killed_after(last))
    again = resume(tmp_path / "run", ignore)

    assert (entire.ended, last < 9) == ("patience", True)
    assert (again.ended, figures(again.run)) == ("patience", figures(entire.run))
    assert again.run.manifest.model_digest == entire.run.manifest.model_digest


def test_a_signal_before_the_first_epoch_is_done_says_how_to_start_over(
    phantoms: Path, whole: Trained, tmp_path: Path
) -> None:
    """
    There are no weights worth keeping yet; the folder can be resumed all the same, and is then like any other.
    """

    def at_once(event: Event) -> None:
        if isinstance(event, Started):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(TrainingError, match=r"before its first epoch was done; start it over with --resume .*/run"):
        trained_on(phantoms, tmp_path / "run", *OPTIONS, tell=at_once)
    assert resume(tmp_path / "run", ignore).run.manifest.model_digest == whole.run.manifest.model_digest


def test_a_finished_run_is_not_resumed(trained: tuple[Path, Path]) -> None:
    """
    There is nothing to go on with.
    """
    with pytest.raises(RunError, match="is finished; begin one with `trainer train --data`"):
        resume(trained[0], ignore)


def test_a_folder_that_is_no_run_is_not_resumed(tmp_path: Path) -> None:
    """
    Neither an empty folder nor none at all.
    """
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(RunError, match="holds no run; begin one with"):
            resume(folder, ignore)


def test_other_data_is_refused(phantoms: Path, tmp_path: Path) -> None:
    """
    Half of the epochs on other images would be a model that nobody can make again.
    """
    data = tmp_path / "data"
    data.symlink_to(phantoms)
    with pytest.raises(Killed):
        trained_on(data, tmp_path / "run", *OPTIONS, tell=killed_after(1))
    data.unlink()
    for split in ("train", "valid"):
        (data / split).mkdir(parents=True)
        for kind in (phantoms / split).iterdir():
            (data / split / kind.name.swapcase()).symlink_to(kind)

    with pytest.raises(ConfigError, match=r"/data has changed since .*/run was begun; train anew with"):
        resume(tmp_path / "run", ignore)


def test_resume_takes_no_other_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The options that it cannot follow are named, the run's folder among them.
    """
    options = ("--epochs", "3", "--set", "seed=2", "--run", tmp_path / "other")

    assert run_here(monkeypatch, "train", "--resume", tmp_path / "run", *options) == 2
    error = capsys.readouterr().err
    assert "leave out epochs, set, run, or train anew without --resume" in error


def test_a_folder_that_holds_something_is_left_alone(phantoms: Path, tmp_path: Path) -> None:
    """
    A run never overwrites another, nor anything else.
    """
    (tmp_path / "notes").write_text("mine")

    with pytest.raises(RunError, match=r"is not an empty folder; go on with an unfinished run by --resume, or name"):
        trained_on(phantoms, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_the_weights_of_the_best_epoch_are_kept(phantoms: Path, tmp_path: Path) -> None:
    """
    Training goes on past its best epoch to see that it was; the run answers as it did then.
    """
    options = ("epochs=9", "patience=1", "learning_rate=0.02", "augmentation.flip=none", "schedule=constant")
    run = trained_on(phantoms, tmp_path / "run", *options).run
    losses = [epoch.val_loss for epoch in run.history]
    valid = load_split(phantoms, "valid", run.manifest.labels, run.manifest.image)
    loss = log_loss(valid.targets, predict_model(run.model, valid.images), labels=range(4))

    assert losses[-1] > min(losses)
    assert loss == pytest.approx(min(losses), rel=1e-3)

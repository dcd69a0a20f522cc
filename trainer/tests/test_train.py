"""Training, and the folder that it leaves."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from trainer.errors import RunError, TrainingError
from trainer.tests.conftest import SIZE, trainer
from trainer.tests.trainings import ignore, trained_on
from trainer.training.manifest import Manifest
from trainer.training.runs import load_run
from trainer.training.train import train


def test_the_same_seed_trains_the_same_weights(trained: tuple[Path, Path], phantoms: Path, tmp_path: Path) -> None:
    """
    Two processes with the same options give the same digest, which the published version tells as well.
    """
    options = ("--epochs", "1", "--image-size", str(SIZE), "--seed", "3", "--run", tmp_path / "run")
    done = trainer("train", "--data", phantoms, *options)
    first, again = load_run(trained[0]), load_run(tmp_path / "run")

    assert done.returncode == 0, done.stderr
    assert first.manifest.model_digest.startswith("sha256:")
    assert again.manifest.model_digest == first.manifest.model_digest
    assert f"model {first.manifest.model_digest}\n" in done.stdout
    for one, other in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        assert np.array_equal(one, other)
    published = Manifest.from_json((trained[1] / "1" / "assets.extra" / "manifest.json").read_bytes())
    assert published.model_digest == first.manifest.model_digest


def test_another_seed_trains_other_weights(trained: tuple[Path, Path], tmp_path: Path) -> None:
    """
    The seed is not merely recorded; with the run's own configuration, this process agrees with that one.
    """
    config = load_run(trained[0]).manifest.config
    same = train(config, tmp_path / "same", ignore).run.manifest
    other = trained_on(Path(config.data), tmp_path / "other", "epochs=1", "batch_size=16", "seed=4").run.manifest

    assert same.model_digest == load_run(trained[0]).manifest.model_digest != other.model_digest
    assert same.data_digest == other.data_digest


def test_a_run_tells_how_it_went(trained: tuple[Path, Path]) -> None:
    """
    The run's folder holds the model, the configuration, the manifest and a row for each epoch.
    """
    folder = trained[0]
    history = json.loads((folder / "history.json").read_text())
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = (folder / "epochs.csv").read_text().splitlines()

    assert {path.name for path in folder.iterdir()} == {
        "model.keras", "history.json", "config.json", "manifest.json", "sample.npy",
        "training_history.png", "confusion_matrix.png", "epochs.csv", "tensorboard",
    }  # fmt: skip
    assert [row["epoch"] for row in history] == [1]
    assert history[0].keys() == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"}
    assert [row.split(",") for row in rows] == [list(history[0]), [str(value) for value in history[0].values()]]
    assert json.loads((folder / "config.json").read_text()) == manifest["config"]
    assert {"augmentation", "seed", "schedule", "weights", "devices", "head_epochs"} <= manifest["config"].keys()
    assert list((folder / "tensorboard" / "validation").iterdir())


def test_a_manifest_from_before_is_still_read(trained: tuple[Path, Path]) -> None:
    """
    Fields that came later, those of the configuration included, have defaults.
    """
    manifest = json.loads((trained[0] / "manifest.json").read_text())
    old = {"data", "architecture", "image_size", "epochs", "batch_size", "learning_rate", "seed", "patience"}
    manifest["config"] = {key: value for key, value in manifest["config"].items() if key in old}
    newer = ("model_digest", "temperature", "abstention_threshold", "out_of_distribution", "drift_reference", "curves")
    for key in newer:
        del manifest[key]
    read = Manifest.from_json(json.dumps(manifest).encode())

    assert (read.model_digest, read.temperature, read.config.weights) == ("", 1.0, "none")


def test_a_loss_that_is_not_finite_names_the_learning_rate(phantoms: Path, tmp_path: Path) -> None:
    """
    A training that has blown up ends at once, and says what to try.
    """
    with pytest.raises(TrainingError, match=r"the loss of epoch 1 is .*nan.* lower --learning-rate"):
        trained_on(phantoms, tmp_path / "run", "epochs=3", "learning_rate=1e30")


def test_unbalanced_classes_are_weighed(phantoms: Path, tmp_path: Path) -> None:
    """
    `class_weights` changes what is learned where classes differ in size; where they do not, it changes nothing.
    """
    data = Path(shutil.copytree(phantoms, tmp_path / "data"))
    options = ("epochs=1", "augmentation.flip=none", "augmentation.shift=0")

    def digests(name: str) -> set[str]:
        return {
            trained_on(data, tmp_path / f"{name}-{on}", *options, f"class_weights={on}").run.manifest.model_digest
            for on in ("true", "false")
        }

    assert len(digests("even")) == 1
    for path in sorted((data / "train" / "normal").iterdir())[1:]:
        path.unlink()
    assert len(digests("uneven")) == 2


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

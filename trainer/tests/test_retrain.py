"""Retraining: from the current version's weights, with images that were added, through the same gates."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from gateway.imaging import ImageSpec
from trainer.config import TrainingConfig
from trainer.data.additions import load_additions
from trainer.data.dataset import digest, load_split
from trainer.data.phantoms import write_phantoms
from trainer.errors import DataError
from trainer.store.kept import kept_manifest, kept_model
from trainer.store.versions import versions
from trainer.tests.conftest import SIZE, trainer
from trainer.tests.oracle import publish_oracle
from trainer.training.retraining import retraining

LABELS = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")
SPEC = ImageSpec("L", SIZE, SIZE, "bilinear")


@pytest.fixture(scope="session")
def uploads(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four new labelled images, and one that is a copy of a validation image."""
    root = tmp_path_factory.mktemp("uploads")
    write_phantoms(root / "drawn", 1, 77)
    shutil.move(root / "drawn" / "train", root / "session")
    copied = next((phantoms / "valid" / "normal").iterdir())
    shutil.copy(copied, root / "session" / "normal" / "copy.png")
    return root / "session"


def test_a_retraining_starts_from_the_version_and_learns_from_what_was_added(
    phantoms: Path, trained: tuple[Path, Path], uploads: Path, tmp_path: Path
) -> None:
    """
    With steps too small to matter, the next version has the weights of the one before; its manifest says what it came
    from, and the image that would have leaked is named.
    """
    store = Path(shutil.copytree(trained[1], tmp_path / "lung"))
    small = ("--set", "learning_rate=1e-12", "--set", "epochs=1")
    done = trainer("retrain", "--store", store, "--add", uploads, *small, "--run", tmp_path / "run", "--force")

    assert done.returncode == 0, done.stderr
    assert "20 images to train on, 4 to validate" in done.stdout
    assert "copy.png: it is a copy of an image of the validation or the test split" in done.stdout
    assert f"published version 2 in {store}" in done.stdout
    manifest = kept_manifest(store / "2")
    assert manifest.config.initial == str(store / "1" / "assets.extra" / "model.keras")
    assert manifest.config.additions == (str(uploads),)
    assert manifest.data_digest == digest(phantoms, (uploads,)) != digest(phantoms)
    first, second = (keras.models.load_model(kept_model(store / number)) for number in ("1", "2"))
    for one, other in zip(first.trainable_weights, second.trainable_weights, strict=True):
        assert np.allclose(one, other, atol=1e-6)


def test_a_retraining_that_is_worse_is_not_published(
    phantoms: Path, trained: tuple[Path, Path], uploads: Path, tmp_path: Path
) -> None:
    """
    The promotion gate holds for retraining too: a current version without a mistake is not replaced by a guess.
    """
    store = tmp_path / "lung"
    manifest = kept_manifest(trained[1] / "1")
    known = load_split(phantoms, "valid", manifest.labels, manifest.image)
    perfect = publish_oracle(store, manifest, known, known.targets.tolist())
    shutil.copy(kept_model(trained[1] / "1"), kept_place(perfect))
    done = trainer("retrain", "--store", store, "--add", uploads, "--set", "epochs=1", "--run", tmp_path / "run")

    assert done.returncode == 2
    assert "the run is worse than" in done.stderr
    assert versions(store) == (1,)


def test_a_version_without_a_model_is_named(phantoms: Path, trained: tuple[Path, Path], tmp_path: Path) -> None:
    """
    A version that was published before models were kept cannot be trained on from, and the message says what to do.
    """
    store = tmp_path / "lung"
    manifest = kept_manifest(trained[1] / "1")
    known = load_split(phantoms, "valid", manifest.labels, manifest.image)
    publish_oracle(store, manifest, known, known.targets.tolist())
    done = trainer("retrain", "--store", store, "--run", tmp_path / "run")

    assert done.returncode == 2
    assert f"{store}/1 keeps no Keras model to train on from; train anew with `trainer train`" in done.stderr
    assert not (tmp_path / "run").exists()


def test_what_is_measured_is_not_learned_from(phantoms: Path, uploads: Path) -> None:
    """
    A twin of an image of the validation or the test split is left out of the additions, with its reason.
    """
    measured = tuple((phantoms / "valid").glob("*/*"))
    read = load_additions((uploads,), LABELS, SPEC, None, measured)

    assert len(read.paths) == len(read.images) == len(read.targets) == 4
    assert [skipped.path.name for skipped in read.skipped] == ["copy.png"]
    assert len(load_additions((uploads,), LABELS, SPEC, None, ()).paths) == 5


def test_an_unknown_class_among_the_additions_is_refused(uploads: Path, tmp_path: Path) -> None:
    """
    A class that the data set does not train is named; nothing is guessed.
    """
    strange = Path(shutil.copytree(uploads, tmp_path / "strange"))
    (strange / "normal").rename(strange / "mesothelioma")

    with pytest.raises(DataError, match="is of class mesothelioma, which was not trained"):
        load_additions((strange,), LABELS, SPEC, None, ())


def test_a_retraining_keeps_what_the_version_was_trained_with() -> None:
    """
    Architecture, augmentation and earlier additions stay; steps are smaller, epochs fewer, and no folder counts twice.
    """
    before = TrainingConfig(data="data", additions=("a",), epochs=60, learning_rate=1e-2, weights="imagenet", seed=4)
    after = retraining(before, Path("store/3/model.keras"), None, ("b", "a"))

    assert (after.data, after.additions, after.initial) == ("data", ("a", "b"), "store/3/model.keras")
    assert (after.epochs, after.weights, after.seed) == (20, "none", 4)
    assert after.learning_rate == pytest.approx(1e-3)
    assert after.augmentation == before.augmentation


def kept_place(version: Path) -> Path:
    return version / "assets.extra" / "model.keras"


def test_the_kept_model_knows_nothing_of_its_training(trained: tuple[Path, Path]) -> None:
    """
    An optimiser's state would make every version three times as large.
    """
    assert not keras.models.load_model(kept_model(trained[1] / "1")).compiled


def test_the_kept_manifest_is_the_described_one(trained: tuple[Path, Path]) -> None:
    """
    What a version keeps beside its graph says the same as the run that it was exported from.
    """
    run, store = trained

    assert json.loads((store / "1" / "assets.extra" / "manifest.json").read_text()) == json.loads(
        (run / "manifest.json").read_text()
    )

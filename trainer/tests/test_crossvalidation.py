"""Cross-validation, whose folds never part what belongs together."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from trainer.data.dataset import find_labels
from trainer.data.folds import Member, deal, members
from trainer.errors import DataError, TrainingError
from trainer.evaluation.crossvalidation import cross_validate, link
from trainer.settings import read_config
from trainer.tests.conftest import SIZE, trainer
from trainer.training.events import Event, Passed, Started


def test_copies_and_named_groups_are_never_parted(phantoms: Path, tmp_path: Path) -> None:
    """
    A copy stays with its original, and a table's patient stays whole: else the held-out images would have been seen.
    """
    root = Path(shutil.copytree(phantoms, tmp_path / "data"))
    one, other, *_ = sorted((root / "train" / "normal").iterdir())
    shutil.copy(one, root / "valid" / "normal" / "copy.png")
    table = tmp_path / "patients.csv"
    table.write_text(f"path,group\n{one.relative_to(root)},a\n{other.relative_to(root)},a\nvalid/normal/gone.png,a\n")

    alone = {image.path: image.group for image in members(root, None)}
    together = {image.path: image.group for image in members(root, table)}

    assert alone[one] == alone[root / "valid" / "normal" / "copy.png"] != alone[other]
    assert together[one] == together[root / "valid" / "normal" / "copy.png"] == together[other]
    assert len(alone) == 21
    assert len(set(alone.values())) == 20
    assert len(set(together.values())) == 19


def test_each_image_is_held_out_once_and_groups_stay_in_a_fold() -> None:
    """
    A group lies in one fold, every fold holds something of each class, and the same seed deals the same.
    """
    images = [Member(Path(f"{place}.png"), "ab"[place % 2], place // 6 * 2 + place % 2) for place in range(96)]
    dealt = deal(images, 4, 0)
    folds = {(image.group, fold) for image, fold in zip(images, dealt, strict=True)}
    classes = {(image.label, fold) for image, fold in zip(images, dealt, strict=True)}

    assert len(folds) == len({image.group for image in images})
    assert classes == {(label, fold) for label in "ab" for fold in range(4)}
    assert deal(images, 4, 0) == dealt


def test_a_class_with_too_few_groups_is_named(phantoms: Path) -> None:
    """
    A fold without a class would tell nothing of it.
    """
    with pytest.raises(DataError, match="has only 5 groups of images; ask for at most --folds 5"):
        deal(members(phantoms, None), 6, 0)


def test_a_table_that_is_none_is_named(phantoms: Path, tmp_path: Path) -> None:
    """
    A CSV file without the columns is refused by name.
    """
    table = tmp_path / "patients.csv"
    table.write_text("file;patient\n")
    with table.open("a") as file:
        file.write("a;b\n")

    with pytest.raises(DataError, match=r"patients\.csv is no CSV file with the columns path and group"):
        members(phantoms, table)


def test_a_fold_is_tested_the_next_one_stops_and_the_rest_trains(phantoms: Path, tmp_path: Path) -> None:
    """
    The three splits of a fold hold every image once: what is measured neither trains nor chooses the epoch.
    """
    images = members(phantoms, None)
    dealt = deal(images, 4, 0)
    root = link(images, dealt, 3, tmp_path / "data")
    found = {split: {path.resolve() for path in (root / split).glob("*/*")} for split in ("train", "valid", "test")}

    assert found["test"] == {image.path.resolve() for image, fold in zip(images, dealt, strict=True) if fold == 3}
    assert found["valid"] == {image.path.resolve() for image, fold in zip(images, dealt, strict=True) if fold == 0}
    assert sum(map(len, found.values())) == len(set.union(*found.values())) == len(images)
    assert find_labels(root) == find_labels(phantoms)


def test_a_signal_ends_all_of_it(phantoms: Path, tmp_path: Path) -> None:
    """
    Ctrl-C is for the command, not for the fold that it is at.
    """
    told: list[Event] = []

    def tell(event: Event) -> None:
        told.append(event)
        if isinstance(event, Passed):
            signal.raise_signal(signal.SIGTERM)

    images = members(phantoms, None)
    config = read_config(None, {"data": str(phantoms), "image_size": SIZE, "epochs": 2}, ())
    with pytest.raises(TrainingError, match="told to end in fold 1 of 3"):
        cross_validate(config, images, deal(images, 3, 0), tmp_path, tell)
    assert len([event for event in told if isinstance(event, Started)]) == 1


def test_the_command_measures_every_image(phantoms: Path, tmp_path: Path) -> None:
    """
    All images of train and valid are answered once, and the findings say by what configuration.
    """
    out = tmp_path / "found.json"
    small = ("--set", "epochs=1", "--set", f"image_size={SIZE}")
    done = trainer("crossvalidate", "--data", phantoms, "--folds", "3", *small, "--json", out)

    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["images"] == found["pooled"]["images"] == sum(fold["images"] for fold in found["folds"]) == 20
    assert found["config"]["epochs"] == 1
    assert "all folds together: accuracy" in done.stdout

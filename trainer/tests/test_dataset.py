"""Reading a data set."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from gateway.imaging import ImageSpec, decode
from trainer.data.dataset import digest, find_labels, load_split
from trainer.data.phantoms import KINDS
from trainer.errors import DataError

GREY = ImageSpec("L", 32, 48, "bilinear")
COLOUR = ImageSpec("RGB", 24, 24, "bilinear")


@pytest.fixture
def root(phantoms: Path, tmp_path: Path) -> Path:
    """A data set that a test may spoil."""
    return Path(shutil.copytree(phantoms, tmp_path / "data"))


@pytest.mark.parametrize("spec", [GREY, COLOUR], ids=lambda spec: spec.mode)
def test_the_trainer_sees_what_the_gateway_would_serve(phantoms: Path, spec: ImageSpec) -> None:
    """
    Each row of a split is the array that gateway.imaging makes of the same bytes (promise 8).
    """
    split = load_split(phantoms, "train", KINDS, spec)

    assert split.images.shape == (16, *spec.shape)
    assert split.images.dtype == np.uint8
    for image, target, path in zip(split.images, split.targets, split.paths, strict=True):
        assert np.array_equal(image, decode(path.read_bytes(), spec, 1_000_000))
        assert KINDS[target] == path.parent.name


def test_a_folders_suffix_is_no_part_of_the_class(root: Path) -> None:
    """
    The public set's folder names, staging included, mean the same four classes.
    """
    (root / "train" / "adenocarcinoma").rename(root / "train" / "adenocarcinoma_left.lower.lobe_T2_N0_M0_Ib")
    (root / "valid" / "large.cell.carcinoma").rename(root / "valid" / "large.cell.carcinoma_left.hilum_T2_N2_M0_IIIa")

    assert find_labels(root) == KINDS
    assert load_split(root, "train", KINDS, GREY).targets.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    assert load_split(root, "valid", KINDS, GREY).targets.tolist() == [0, 1, 2, 3]


def test_an_unreadable_image_is_skipped_and_reported(root: Path) -> None:
    """
    A broken file costs itself, not the run: its path and the reason are reported.
    """
    broken = root / "train" / "normal" / "0002.png"
    broken.write_bytes(broken.read_bytes()[:500])
    (root / "train" / "normal" / "notes.txt").write_text("not an image")

    split = load_split(root, "train", KINDS, GREY)

    assert len(split.paths) == len(split.images) == len(split.targets) == 15
    assert [path.name for path, _ in split.skipped] == ["0002.png", "notes.txt"]
    assert "truncated" in split.skipped[0].reason or "ends after" in split.skipped[0].reason


def test_a_missing_split_is_named(root: Path) -> None:
    """
    Without a split the message names its folder and what belongs there.
    """
    shutil.rmtree(root / "valid")

    with pytest.raises(DataError, match=r"/data/valid is missing; a data set holds valid/<class>/"):
        load_split(root, "valid", KINDS, GREY)


def test_an_empty_split_is_named(root: Path) -> None:
    """
    A split without classes is refused.
    """
    shutil.rmtree(root / "test")
    (root / "test").mkdir()

    with pytest.raises(DataError, match=r"/data/test is empty; put a folder for each class there"):
        load_split(root, "test", KINDS, GREY)


def test_a_class_without_a_readable_image_is_named(root: Path) -> None:
    """
    A class that has only broken images cannot be learned.
    """
    for path in (root / "train" / "normal").iterdir():
        path.write_bytes(b"")

    with pytest.raises(DataError, match=r"/data/train/normal holds no readable image"):
        load_split(root, "train", KINDS, GREY)


def test_one_class_is_too_few(root: Path) -> None:
    """
    There is nothing to tell apart in a set of one class.
    """
    for kind in KINDS[1:]:
        shutil.rmtree(root / "train" / kind)

    with pytest.raises(DataError, match=r"/data/train holds 1 class \(adenocarcinoma\); put at least 2"):
        find_labels(root)


def test_a_class_that_was_not_trained_is_named(root: Path) -> None:
    """
    A folder of valid or test whose class train does not have is an error, not a silent miss.
    """
    (root / "valid" / "normal").rename(root / "valid" / "small.cell_left")

    with pytest.raises(DataError, match=r"/data/valid/small\.cell_left is of class small\.cell, which was not trained"):
        load_split(root, "valid", KINDS, GREY)


def test_the_digest_covers_names_and_contents(root: Path, phantoms: Path) -> None:
    """
    A copy has the same digest; another name or another byte has another.
    """
    assert digest(root) == digest(phantoms)

    (root / "train" / "normal").rename(root / "train" / "normal_left")
    renamed = digest(root)
    (root / "test" / "normal" / "0001.png").write_bytes(b"changed")

    assert len({digest(phantoms), renamed, digest(root)}) == 3
    assert renamed.startswith("sha256:")

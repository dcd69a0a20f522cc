"""What an audit finds in phantoms that were spoiled on purpose."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from trainer.data.audit import Audit, Extent, Group, Leak, audit
from trainer.data.phantoms import KINDS
from trainer.data.survey import survey


def judge(root: Path) -> Audit:
    return audit(survey(root))


@pytest.fixture
def root(phantoms: Path, tmp_path: Path) -> Path:
    """A data set that a test may spoil."""
    return Path(shutil.copytree(phantoms, tmp_path / "data"))


def test_a_clean_set_has_nothing_to_complain_about(phantoms: Path) -> None:
    """
    Fresh phantoms: every image is counted, and there is no problem, warning or copy.
    """
    judged = judge(phantoms)

    assert judged.counts == {
        "train": dict.fromkeys(KINDS, 4),
        "valid": dict.fromkeys(KINDS, 1),
        "test": dict.fromkeys(KINDS, 1),
    }
    assert (judged.errors, judged.warnings) == ((), ())
    assert (judged.identical, judged.similar, judged.unreadable, judged.misnamed) == ((), (), (), ())
    assert judged.leaks == {"valid": Leak(0, 4), "test": Leak(0, 4)}


def test_leakage_is_found_and_named_first(root: Path) -> None:
    """
    A copy and a halved image of train in valid and test are leaks; groups across splits precede those within one.
    """
    normal = root / "train" / "normal"
    shutil.copy(normal / "0002.png", normal / "0001-copy.png")
    shutil.copy(normal / "0003.png", root / "valid" / "normal" / "copy.png")
    image = Image.open(normal / "0004.png")
    image.resize((image.width // 2, image.height // 2)).save(root / "test" / "normal" / "half.png")

    judged = judge(root)

    within = ("train/normal/0001-copy.png", "train/normal/0002.png")
    assert judged.leaks == {"valid": Leak(1, 5), "test": Leak(1, 5)}
    assert judged.identical == (
        Group(("train", "valid"), ("normal",), ("train/normal/0003.png", "valid/normal/copy.png")),
        Group(("train",), ("normal",), within),
    )
    assert judged.similar == (Group(("train", "test"), ("normal",), ("train/normal/0004.png", "test/normal/half.png")),)
    assert judged.warnings[0].startswith("leakage: 1 of 5 images in valid have a twin in train")
    assert judged.errors == ()


def test_one_image_in_two_classes_is_named(root: Path) -> None:
    """
    The same image under two classes cannot be right in both.
    """
    shutil.copy(root / "train" / "normal" / "0001.png", root / "train" / "adenocarcinoma" / "again.png")

    (warning, _) = judge(root).warnings

    assert warning.endswith("at most one is right: train/adenocarcinoma/again.png = train/normal/0001.png")


def test_files_that_cannot_be_read_are_listed_with_the_reason(root: Path) -> None:
    """
    A cut file, an empty one and one that is no image cost themselves and are explained.
    """
    folder = root / "train" / "normal"
    (folder / "0001.png").write_bytes((folder / "0001.png").read_bytes()[:500])
    (folder / "0002.png").write_bytes(b"")
    (folder / "notes.txt").write_text("not an image")

    judged = judge(root)

    assert [file.path for file in judged.unreadable] == [
        "train/normal/0001.png", "train/normal/0002.png", "train/normal/notes.txt"
    ]  # fmt: skip
    assert [file.reason.split(";")[0] for file in judged.unreadable] == [
        "PNG ends after 500 bytes, inside a chunk of 65536 bytes",
        "the body is empty",
        "the body begins with 6e 6f 74 20 61 6e 20 69",
    ]
    assert judged.counts["train"]["normal"] == 2
    assert judged.warnings == ("3 files cannot be read and are skipped",)


def test_sizes_modes_and_wrong_extensions_come_from_the_bytes(tmp_path: Path) -> None:
    """
    What a file is called does not matter: format, mode and size are those of its header.
    """
    rng = np.random.default_rng(0)
    for split in ("train", "valid", "test"):
        for label in ("sick", "well"):
            (tmp_path / split / label).mkdir(parents=True)
            noise = rng.integers(0, 255, (40, 30, 3), np.uint8)
            Image.fromarray(noise).save(tmp_path / split / label / "a.png")
    sick = tmp_path / "train" / "sick"
    (sick / "b.png").write_bytes(simplejpeg.encode_jpeg(rng.integers(0, 255, (50, 90, 1), np.uint8), 90, "GRAY"))
    (sick / "c.JPG").write_bytes(simplejpeg.encode_jpeg(rng.integers(0, 255, (50, 50, 3), np.uint8), 90))
    Image.fromarray(rng.integers(0, 60_000, (20, 20), np.uint16)).save(sick / "d.png")
    Image.fromarray(rng.integers(0, 255, (60, 60), np.uint8)).convert("P").save(sick / "e.jpeg", "PNG")
    Image.fromarray(rng.integers(0, 255, (60, 60, 4), np.uint8)).save(sick / "f.png")

    judged = judge(tmp_path)

    modes = {"PNG RGB": 6, "JPEG L": 1, "JPEG RGB": 1, "PNG L, 16 bit": 1, "PNG P": 1, "PNG RGBA": 1}
    assert judged.modes == modes
    assert [(file.path, file.format) for file in judged.misnamed] == [
        ("train/sick/b.png", "JPEG"), ("train/sick/e.jpeg", "PNG")
    ]  # fmt: skip
    assert (judged.width, judged.height) == (Extent(20, 30, 90), Extent(20, 40, 60))


def test_a_class_in_one_split_only_is_named(root: Path) -> None:
    """
    A class that only train has is a warning; one that only valid has stops the training, one in test does not.
    """
    shutil.rmtree(root / "valid" / "normal")
    (root / "valid" / "adenocarcinoma").rename(root / "valid" / "small.cell_left")
    (root / "test" / "normal").rename(root / "test" / "healthy")

    judged = judge(root)

    assert judged.errors == (
        f"{root}/valid has the class small.cell, which train has not; add it to train, or remove it",
    )
    assert judged.warnings == (
        "valid has no adenocarcinoma, normal, which train has: nothing is measured on it",
        "test has no normal, which train has: nothing is measured on it",
        f"{root}/test has the class healthy, which train has not; add it to train, or remove it",
    )

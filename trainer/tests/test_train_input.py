"""Data sets as people bring them, through `trainer train`."""

import re
import shutil
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from trainer.errors import DataError
from trainer.tests.conftest import SmallDisk
from trainer.tests.trainings import trained_on

DISK = 1 << 20
"""Bytes; enough for the configuration, too little for the weights of a network."""


@pytest.fixture
def data(phantoms: Path, tmp_path: Path) -> Path:
    """A copy of the phantoms that a test may spoil."""
    return Path(shutil.copytree(phantoms, tmp_path / "data"))


def test_kinds_of_images_may_be_mixed(data: Path, tmp_path: Path) -> None:
    """
    Grey, colour, with alpha, 16 bit and JPEG stand side by side in the public set; all of them train.
    """
    grey = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    colour = np.stack([grey] * 3, axis=2)
    normal = data / "train" / "normal"
    (normal / "rgba.png").write_bytes(imagecodecs.png_encode(np.dstack([colour, grey])))
    (normal / "deep.png").write_bytes(imagecodecs.png_encode(grey.astype(np.uint16) * 257))
    (normal / "jpeg.png").write_bytes(imagecodecs.jpeg_encode(colour))

    run = trained_on(data, tmp_path / "run", "epochs=1").run

    assert len(run.history) == 1
    assert run.manifest.image.mode == "L"


def test_an_unreadable_image_is_counted_and_the_rest_trains(data: Path, tmp_path: Path) -> None:
    """
    One broken file among many costs a warning with its name, not the training.
    """
    told: list[object] = []
    (data / "train" / "normal" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    trained_on(data, tmp_path / "run", "epochs=1", tell=told.append)
    (skipped,) = told[0].skipped  # type: ignore[attr-defined]

    assert skipped[0].endswith("broken.png")
    assert "PNG ends after 8 bytes" in skipped[1]


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("valid", "valid is missing; a data set holds valid/<class>"),
        ("valid/*", "valid is empty; put a folder"),
        ("train/normal/*", "normal holds no readable image; put PNG or JPEG files there"),
        ("train/normal", "normal is of class normal, which was not trained"),
        ("train/[a-n]*", "holds 1 class"),
    ],
    ids=["no split", "empty split", "class without an image", "class in one split only", "one class"],
)
def test_a_data_set_that_cannot_be_trained_on_is_named(data: Path, tmp_path: Path, gone: str, message: str) -> None:
    """
    The folder and the remedy are in the message, and no run is begun.
    """
    for path in data.glob(gone):
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    with pytest.raises(DataError, match=message):
        trained_on(data, tmp_path / "run", "epochs=1")
    assert not (tmp_path / "run").exists()


def test_a_disk_that_fills_up_while_training_is_one_line(phantoms: Path, small_disk: SmallDisk) -> None:
    """
    Whatever file it is that no longer fits, the run's folder and the remedy are named, without a traceback.
    """
    options = ("--epochs", "2", "--image-size", "32", "--run", "{disk}/run")
    done = small_disk(DISK, "-m", "trainer", "train", "--data", phantoms, *options)

    assert done.returncode == 2
    assert re.fullmatch(r"Error: .*/run cannot be written: No space left on device; .*--resume\n", done.stderr)

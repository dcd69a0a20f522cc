"""The phantoms: a data set that anybody may have."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gateway.imaging import inspect
from trainer.data.dataset import find_labels
from trainer.data.phantoms import KINDS, SPLITS, draw, write_phantoms
from trainer.errors import RunError

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.png")}


def test_the_same_seed_draws_the_same_bytes(tmp_path: Path) -> None:
    """
    Two data sets drawn with one seed are byte for byte the same, and another seed draws another.
    """
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_phantoms(tmp_path / name, 2, seed)

    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert not set(contents(tmp_path / "a").values()) & set(contents(tmp_path / "c").values())


def test_an_image_does_not_depend_on_how_many_are_drawn(tmp_path: Path) -> None:
    """
    A larger set holds the smaller one.
    """
    write_phantoms(tmp_path / "small", 1, 0)
    write_phantoms(tmp_path / "large", 2, 0)

    assert contents(tmp_path / "small").items() <= contents(tmp_path / "large").items()


def test_the_folders_are_a_data_set(phantoms: Path) -> None:
    """
    Each split holds each class, a quarter as many images in valid and test as in train.
    """
    counts = {split: [len(list((phantoms / split / kind).iterdir())) for kind in KINDS] for split in SPLITS}

    assert counts == {"train": [4] * 4, "valid": [1] * 4, "test": [1] * 4}
    assert find_labels(phantoms) == KINDS


def test_sizes_and_modes_vary_as_in_the_public_set() -> None:
    """
    Images are 256 to 420 pixels wide and high, some grey, some RGBA.
    """
    images = [draw("normal", np.random.default_rng(seed)) for seed in range(12)]

    assert {image.mode for image in images} == {"L", "RGBA"}
    assert all(256 <= side <= 420 for image in images for side in image.size)
    assert len({image.size for image in images}) > 6


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "normal"])
def test_a_lesion_is_the_only_thing_that_a_class_adds(kind: str) -> None:
    """
    Without its lesion a slice is a normal one: the classes share body, lungs and heart.
    """
    assert share_of_changed_pixels(kind) < 0.15


def share_of_changed_pixels(kind: str) -> float:
    """Before noise and softening, whose random numbers come after the lesion's."""
    from trainer.data.phantoms import _LESIONS, _Slice  # noqa: PLC0415 - the drawing without its noise

    def anatomy(name: str) -> np.ndarray:
        slice_ = _Slice(np.random.default_rng(5))
        slice_.draw_body()
        slice_.draw_lungs()
        slice_.draw_mediastinum()
        _LESIONS[name](slice_)
        return np.asarray(slice_.image)

    changed = float((anatomy(kind) != anatomy("normal")).mean())
    assert changed > 0
    return changed


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """
    Phantoms are never mixed into a folder that holds something already.
    """
    (tmp_path / "patient.png").touch()

    with pytest.raises(RunError, match="not an empty folder"):
        write_phantoms(tmp_path, 1, 0)


def samples() -> Iterator[Path]:
    return SAMPLES.glob("*.png")


def test_there_is_a_small_sample_of_each_class() -> None:
    """
    data/samples holds one image of each class, a PNG of less than 60 kB.
    """
    assert sorted(path.stem for path in samples()) == sorted(KINDS)
    for path in samples():
        assert path.stat().st_size < 60_000
        assert inspect(path.read_bytes()).format == "PNG"


def test_what_is_drawn_is_softened_and_noisy() -> None:
    """
    No two pixels rows of the air around the body are the same, as with a scanner.
    """
    image: Image.Image = draw("normal", np.random.default_rng(0)).convert("L")
    rows = np.asarray(image)[:4]

    assert len({row.tobytes() for row in rows}) == 4

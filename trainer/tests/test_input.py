"""The input pipeline, and what augmentation does to images."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.data.dataset import Split
from trainer.networks.registry import image_spec
from trainer.settings import read_config
from trainer.training.input import Batches, class_weights
from trainer.untyped import KerasModel

Array = NDArray[np.uint8]
SPEC = image_spec("compact", 32)
OFF = ("augmentation.flip=none", "augmentation.shift=0", "batch_size=4", "class_weights=false")


@pytest.fixture(scope="module")
def model() -> KerasModel:
    """A network with dropout, whose generator is set with the others."""
    from trainer.networks.compact import compact  # noqa: PLC0415

    return compact(SPEC.shape, 2)


@pytest.fixture(scope="module")
def split() -> Split:
    """18 grey images of noise, each with its number in the first pixel, none of them black or white."""
    images = np.random.default_rng(0).integers(60, 180, (18, *SPEC.shape), np.uint8)
    images[:, 0, 0, 0] = 60 + np.arange(18)
    return Split(images, np.arange(18) % 2, tuple(Path(str(n)) for n in range(18)), ())


def epoch(split: Split, model: KerasModel, number: int, *pairs: str) -> tuple[Array, Array]:
    """Return an epoch's images, and their classes."""
    config = read_config(None, {"data": ""}, [*OFF, *pairs])
    batches = Batches(split, SPEC, config, 2)
    batches.begin(number, model)
    made = [(images.numpy(), truth.numpy()) for images, truth in batches.dataset()]
    assert [len(images) for images, _ in made] == [4, 4, 4, 4, 2]
    assert len(made) == batches.steps
    images, truth = (np.concatenate(parts) for parts in zip(*made, strict=True))
    assert images.dtype == np.uint8
    return images, truth.argmax(axis=1)


def changes(split: Split, model: KerasModel, *pairs: str) -> tuple[Array, NDArray[np.int64]]:
    """Return an epoch's images as they were, and what augmentation has added to each pixel."""
    before, after = (epoch(split, model, 0, *options)[0].astype(int) for options in ((), pairs))
    return before, after - before


def test_an_epoch_is_a_permutation_of_the_images_as_they_were_decoded(split: Split, model: KerasModel) -> None:
    """
    Without augmentation each image occurs once, bit by bit, with its own class; two epochs differ in their order.
    """
    orders = []
    for number in range(2):
        images, classes = epoch(split, model, number)
        order = images[:, 0, 0, 0].astype(int) - 60
        assert sorted(order) == list(range(18))
        assert np.array_equal(images, split.images[order])
        assert np.array_equal(classes, split.targets[order])
        orders.append(order.tolist())

    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


def test_seed_and_epoch_say_all(split: Split, model: KerasModel) -> None:
    """
    The same batches, bit by bit, whatever was asked for before; another seed or epoch has others.
    """
    changed = ("augmentation.flip=both", "augmentation.shift=0.2", "augmentation.rotation=20", "augmentation.zoom=0.1")
    first = epoch(split, model, 3, *changed)[0]
    other = epoch(split, model, 4, *changed)[0]
    seeded = epoch(split, model, 3, *changed, "seed=1")[0]

    assert np.array_equal(epoch(split, model, 3, *changed)[0], first)
    assert not np.array_equal(other, first)
    assert not np.array_equal(seeded, first)


@pytest.mark.parametrize(("flip", "axis"), [("horizontal", 2), ("vertical", 1)])
def test_a_flip_mirrors_some_images_and_no_other(split: Split, model: KerasModel, flip: str, axis: int) -> None:
    """
    Each image comes as it was or as its mirror image.
    """
    before, added = changes(split, model, f"augmentation.flip={flip}")
    after = before + added
    mirrored = np.flip(before, axis)
    kept = (after == before).all(axis=(1, 2, 3))

    assert 0 < kept.sum() < 18
    assert np.array_equal(after[~kept], mirrored[~kept])


def test_what_is_shifted_in_is_black(split: Split, model: KerasModel) -> None:
    """
    As air around a body; the greys that stay are within those that were there.
    """
    before, added = changes(split, model, "augmentation.shift=0.25")
    after = before + added

    assert (after == 0).any(axis=(1, 2, 3)).sum() > 9
    assert (after == 0).mean() < 0.45
    assert after.max() <= before.max()


def test_brightness_adds_one_grey_to_an_image_within_its_bound(split: Split, model: KerasModel) -> None:
    """
    At most the share that was asked for, another for each image.
    """
    _, added = changes(split, model, "augmentation.brightness=0.1")
    spread = added.max(axis=(1, 2, 3)) - added.min(axis=(1, 2, 3))

    assert spread.max() <= 1
    assert 0 < np.abs(added).max() <= 26
    assert len(set(added[:, 5, 5, 0].tolist())) > 4


def test_contrast_stretches_about_the_mean_within_its_bound(split: Split, model: KerasModel) -> None:
    """
    The mean stays where it is, distances from it change by at most the share that was asked for.
    """
    before, added = changes(split, model, "augmentation.contrast=0.2")
    distances = np.abs(before - before.mean(axis=(1, 2), keepdims=True))

    assert np.abs(added).max() > 2
    assert (np.abs(added) <= 0.2 * distances + 1).all()


def test_erasing_paints_a_rectangle(split: Split, model: KerasModel) -> None:
    """
    With probability 1 every image loses a part; what lies outside is as it was.
    """
    _, added = changes(split, model, "augmentation.erasing=1")

    for image in added[..., 0] != 0:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        assert 0.01 < box / image.size < 0.5
        assert image.sum() > 0.9 * box


def test_classes_count_alike() -> None:
    """
    Each class's images weigh N / K together, so the mean weight of an image is 1; a class without images does no harm.
    """
    targets = np.array([0] * 6 + [1] * 2 + [2])
    weights = class_weights(targets, 3)

    assert [weights[kind] * count for kind, count in enumerate((6, 2, 1))] == pytest.approx([3, 3, 3])
    assert np.isfinite(list(class_weights(targets, 4).values())).all()

"""The limits beyond which a version should not be believed, as a training finds them."""

from pathlib import Path

import numpy as np
import pytest

from gateway.imaging import APPEARANCE, ImageSpec, appearance
from trainer.data.dataset import load_split
from trainer.data.phantoms import KINDS
from trainer.measures.abstention import abstention_threshold, appearances, usual_appearance
from trainer.measures.calibration import scaled
from trainer.networks.predict import predict_model
from trainer.training.runs import Run


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_at_most_the_share_of_the_answers_is_under_the_threshold(share: float) -> None:
    """And no fewer than whole images allow."""
    probabilities = np.random.default_rng(0).dirichlet((1, 1, 1, 1), 200).astype(np.float32)

    under = (probabilities.max(axis=1) < abstention_threshold(probabilities, share)).mean()

    assert share - 0.02 <= under <= share


def test_a_share_of_nothing_never_abstains() -> None:
    """`abstain = 0` is the way to have no threshold."""
    assert abstention_threshold(np.full((5, 2), 0.5, np.float32), 0.0) == 0.0


def test_a_trained_version_abstains_from_few_of_its_validation_images(run: Run, phantoms: Path) -> None:
    """The threshold is of the calibrated confidence, which is what the gateway sees."""
    valid = load_split(phantoms, "valid", KINDS, run.manifest.image)
    answers = scaled(predict_model(run.model, valid.images), run.manifest.temperature)

    assert run.manifest.abstention_threshold == abstention_threshold(answers, run.manifest.config.abstain) > 0
    assert (answers.max(axis=1) < run.manifest.abstention_threshold).mean() <= run.manifest.config.abstain


def test_a_trained_version_knows_its_images_and_no_noise(run: Run, phantoms: Path) -> None:
    """Drawings of the same kind that it has not seen are inside, in all numbers; noise, a page and nothing are not."""
    spec = run.manifest.image
    known = [image for split in ("train", "valid", "test") for image in load_split(phantoms, split, KINDS, spec).images]
    random = np.random.default_rng(1)
    page = np.where(random.random(spec.shape) < 0.1, 0, 255).astype(np.uint8)
    strange = [random.integers(0, 256, spec.shape, np.uint8), page, np.zeros(spec.shape, np.uint8)]

    def outside(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bool:
        seen = appearance(image)
        return any(not low <= seen[name] <= high for name, (low, high) in run.manifest.out_of_distribution.items())

    assert set(run.manifest.out_of_distribution) == set(APPEARANCE)
    assert [outside(image) for image in known] == [False] * len(known)
    assert [outside(image) for image in strange] == [True] * len(strange)


def test_few_images_leave_more_room_than_many() -> None:
    """Where the usual ends is known the worse, the fewer were seen."""
    spec = ImageSpec("L", 16, 16, "bilinear")
    images = np.random.default_rng(2).integers(0, 256, (400, *spec.shape), np.uint8)

    few, many = usual_appearance(appearances(images[:10])), usual_appearance(appearances(images))

    assert few["mean"][1] - few["mean"][0] > many["mean"][1] - many["mean"][0]

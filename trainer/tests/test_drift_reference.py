"""What a training writes down as usual, for the gateway to compare with."""

from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from gateway.imaging import APPEARANCE
from trainer.data.dataset import load_split
from trainer.data.phantoms import KINDS
from trainer.measures.abstention import appearances
from trainer.measures.calibration import scaled
from trainer.measures.drift_reference import Binned, DriftReference, binned, drift_reference
from trainer.networks.predict import predict_model
from trainer.training.runs import Run

VALUES = arrays(np.float64, st.integers(30, 400), elements=st.floats(0, 255))


@given(VALUES)
def test_every_value_is_in_one_bin_by_the_edges(values: NDArray[np.float64]) -> None:
    """Counted again in the plainest way; edges ascend, and there are ten bins at most."""
    found = binned(values)

    assert found is not None
    bounds = [-np.inf, *found.edges, np.inf]
    assert list(found.edges) == sorted(set(found.edges))
    assert 2 <= len(found.counts) <= 10
    assert list(found.counts) == [sum(low < value <= high for value in values) for low, high in pairwise(bounds)]


@pytest.mark.parametrize(("images", "bins"), [(29, 0), (30, 2), (72, 4), (150, 10), (9999, 10)])
def test_bins_are_as_many_as_the_images_fill(images: int, bins: int) -> None:
    """Values that differ part into equal bins of fifteen at least; for two of them thirty are needed."""
    found = binned(np.random.default_rng(0).random(images) * 100)
    counts = found.counts if found else ()

    assert len(counts) == bins
    assert sum(counts) == (images if bins else 0)
    assert all(15 <= count <= images // bins + 1 for count in counts)


def test_a_value_that_most_images_share_ends_a_bin() -> None:
    """So anything above it, such as colour where there was none, is in another one."""
    some = binned(np.concatenate([np.zeros(150), np.arange(1.0, 51.0)]))

    assert binned(np.zeros(200)) == Binned((0.0,), (200, 0))
    assert some is not None
    assert (some.edges[0], some.counts[0]) == (0.0, 150)


def test_answers_are_counted_by_class_and_confidence() -> None:
    """Classes that are never answered have their place."""
    rows = np.array([[0.9, 0.1, 0.0]] * 20 + [[0.3, 0.7, 0.0]] * 20, np.float32)

    reference = drift_reference(rows, np.zeros((5, len(APPEARANCE))))

    assert reference.classes == (20, 20, 0)
    assert reference.confidence is not None
    assert (reference.confidence.edges, reference.confidence.counts) == ((0.7,), (20, 20))
    assert reference.appearance == {}


def test_a_run_is_used_to_its_own_images(run: Run, phantoms: Path) -> None:
    """Answers on the validation split, calibrated; what images look like on the training split. It is read back."""
    train, valid = (load_split(phantoms, split, KINDS, run.manifest.image).images for split in ("train", "valid"))
    answers = scaled(predict_model(run.model, valid), run.manifest.temperature)

    assert run.manifest.drift_reference == drift_reference(answers, appearances(train))


def test_a_reference_adds_little_to_a_manifest() -> None:
    """A large data set, all bins full: under two kilobytes."""
    random = np.random.default_rng(1)
    reference = drift_reference(
        random.dirichlet((1, 1, 1, 1), 10_000).astype(np.float32), random.random((10_000, len(APPEARANCE))) * 255
    )

    assert set(reference.appearance) == set(APPEARANCE)
    assert len(text := msgspec.json.encode(reference)) < 2000
    assert msgspec.json.decode(text, type=DriftReference) == reference

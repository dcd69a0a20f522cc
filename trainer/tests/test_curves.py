"""The curves that a version carries."""

from pathlib import Path

import numpy as np
import pytest

from trainer.evaluation.evaluate import examine, of_run
from trainer.measures.curves import POINTS, curves, roc
from trainer.measures.scores import score
from trainer.training.runs import load_run


def test_a_curve_is_that_of_the_ranked_images() -> None:
    """
    Of four images in the order right, wrong, right, wrong, each step is one image more.
    """
    found, certainty = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1], np.float32)

    assert roc(found, certainty) == ((0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1))


def test_a_long_curve_keeps_its_ends_and_its_area() -> None:
    """
    Thousands of steps become a few points of the same curve.
    """
    generator = np.random.default_rng(1)
    found = generator.random(5000) < 0.3
    certainty = (generator.random(5000) + found * 0.3).astype(np.float32)
    columns = np.stack([1 - certainty / 2, certainty / 2], axis=1).astype(np.float32)

    points = roc(found, certainty)

    fall_out, recall = np.array(points).T
    area = float(np.trapezoid(recall, fall_out))
    assert POINTS / 2 < len(points) <= POINTS
    assert (points[0], points[-1]) == ((0, 0), (1, 1))
    assert np.all(np.diff(fall_out) >= 0)
    assert area == pytest.approx(score(found.astype(np.int64), columns, ("a", "b")).classes[1].auc, abs=0.005)


def test_a_class_that_the_split_lacks_has_no_curve() -> None:
    targets, probabilities = np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]], np.float32)

    kept = curves(targets, probabilities, score(targets, probabilities, ("a", "b", "c")))

    assert kept is not None
    assert [len(points) > 0 for points in kept.roc] == [True, True, False]


def test_of_very_many_classes_nothing_is_kept() -> None:
    """
    A confusion matrix grows with their square.
    """
    labels, targets = tuple(map(str, range(21))), np.arange(21)
    probabilities = np.full((21, 21), 1 / 21, np.float32)

    assert curves(targets, probabilities, score(targets, probabilities, labels)) is None


def test_a_version_carries_the_curves_of_its_validation_split(phantoms: Path, trained: tuple[Path, Path]) -> None:
    """
    They are those that an evaluation of the same images finds.
    """
    kept = load_run(trained[0]).manifest.curves

    found = examine(of_run(trained[0]), phantoms, "valid").evaluation

    assert kept is not None
    assert kept.confusion == found.confusion
    assert [one.images for one in kept.reliability] == [one.images for one in found.reliability]
    assert len(kept.roc) == len(found.classes)

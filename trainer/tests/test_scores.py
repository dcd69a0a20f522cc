"""The measures."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from trainer.measures.formulas import aucs
from trainer.measures.scores import score

LABELS = ("a", "b", "c")


def test_the_measures_of_a_small_example() -> None:
    """
    Accuracy, precision, recall and F1 are those counted by hand; a class that never occurs counts as 0.
    """
    targets = np.array([0, 0, 0, 1], np.int64)
    probabilities = np.array([[0.9, 0.1, 0], [0.6, 0.3, 0.1], [0.2, 0.8, 0], [0.1, 0.8, 0.1]], np.float32)

    scores = score(targets, probabilities, ("a", "b", "c"))

    assert scores.confusion == ((2, 1, 0), (0, 1, 0), (0, 0, 0))
    assert scores.accuracy == 0.75
    assert [(c.precision, c.recall, c.images) for c in scores.classes] == [(1, 2 / 3, 3), (0.5, 1, 1), (0, 0, 0)]
    assert [c.f1 for c in scores.classes] == pytest.approx([0.8, 2 / 3, 0])
    assert scores.macro_f1 == pytest.approx((0.8 + 2 / 3) / 3)
    assert scores.loss == pytest.approx(-np.log([0.9, 0.6, 0.2, 0.8]).mean(), abs=1e-6)


def test_the_area_under_the_curve_counts_ranked_pairs() -> None:
    """
    A perfect order has the area 1, a reversed one 0, one that says nothing 1/2, and of 4 pairs 3 in order 3/4.
    """
    targets = np.array([0, 0, 1, 1], np.int64)

    def area(*of_class_1: float) -> float:
        column = np.array(of_class_1, np.float32)
        return float(aucs(targets, np.stack([1 - column, column], axis=1))[1])

    assert area(0.1, 0.2, 0.7, 0.8) == 1
    assert area(0.7, 0.8, 0.1, 0.2) == 0
    assert area(0.5, 0.5, 0.5, 0.5) == 0.5
    assert area(0.1, 0.4, 0.3, 0.8) == 0.75


def test_the_area_is_that_of_scikit_learn() -> None:
    """
    On random answers with many ties, areas and their mean are scikit-learn's, and near 1/2.
    """
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 3, 3000)
    probabilities = generator.dirichlet(np.ones(3), 3000).round(1).astype(np.float32)
    areas = aucs(targets, probabilities)

    assert areas == pytest.approx([roc_auc_score(targets == k, probabilities[:, k]) for k in range(3)])
    assert score(targets, _rows(probabilities), LABELS).macro_auc == pytest.approx(0.5, abs=0.03)


def test_a_class_that_is_absent_has_no_area() -> None:
    """
    Where the split holds no image of a class its area is None, the mean is of the others, and the JSON says null.
    """
    targets = np.array([0, 0, 1, 1], np.int64)
    probabilities = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1]], np.float32)
    scores = score(targets, probabilities, ("a", "b", "c"))

    assert [one.auc for one in scores.classes] == [1, 1, None]
    assert scores.macro_auc == 1
    assert b'"auc":null' in msgspec.json.encode(scores)


def test_a_split_of_one_class_has_no_area_at_all() -> None:
    """
    Without images of another class there is no order to judge: None, and no such key in the manifest's metrics.
    """
    scores = score(np.zeros(2, np.int64), np.array([[0.9, 0.1], [0.2, 0.8]], np.float32), ("a", "b"))

    assert scores.macro_auc is None
    assert "macro_auc" not in scores.metrics()
    assert all(type(figure) is float for figure in scores.metrics().values())


def test_cancer_of_the_wrong_type_is_found_all_the_same() -> None:
    """
    Of 4 cancers 3 are answered as some cancer (1 of them as another type), of 2 normal images 1 as normal.
    """
    answers = [0, 1, 1, 2, 2, 0]
    targets = np.array([0, 0, 1, 1, 2, 2], np.int64)
    scores = score(targets, np.eye(3, dtype=np.float32)[answers] * 0.8 + np.float32(0.2 / 3), ("a", "b", "normal"))

    assert scores.sensitivity == 0.75
    assert scores.specificity == 0.5


def test_without_a_normal_class_nothing_is_said_of_cancer() -> None:
    """
    Sensitivity and specificity are None where no class is called normal, and where it has no image or all of them.
    """
    targets = np.array([0, 1], np.int64)
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)

    unnamed = score(targets, probabilities, ("a", "b"))
    healthy = score(targets * 0, probabilities, ("normal", "a"))
    ill = score(targets * 0, probabilities, ("a", "normal"))

    assert (unnamed.sensitivity, unnamed.specificity) == (None, None)
    assert (healthy.sensitivity, healthy.specificity) == (None, 0.5)
    assert (ill.sensitivity, ill.specificity) == (0.5, None)


def test_the_brier_score_is_the_squared_distance_from_the_truth() -> None:
    """
    Sure and right is 0, sure and wrong 2, undecided between two classes 1/2.
    """
    targets = np.array([0, 0, 0], np.int64)
    probabilities = np.array([[1, 0], [0, 1], [0.5, 0.5]], np.float32)

    assert score(targets, probabilities, ("a", "b")).brier == pytest.approx((0 + 2 + 0.5) / 3)


def _rows(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = probabilities / probabilities.sum(axis=1, keepdims=True)
    return rows

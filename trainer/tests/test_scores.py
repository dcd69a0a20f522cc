"""The measures."""

import numpy as np
import pytest

from trainer.scores import score


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

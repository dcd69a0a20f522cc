"""Bootstrap intervals."""

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.measures.bootstrap import Interval, intervals
from trainer.measures.scores import score

LABELS = ("a", "b", "normal")
NAMES = ("accuracy", "macro_f1", "macro_auc", "sensitivity", "specificity")


def answers(count: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return answers that are better than chance: int64 `[count]` and float32 `[count, 3]`."""
    generator = np.random.default_rng(seed)
    targets = np.arange(count) % 3
    weights = generator.random((count, 3)) + np.eye(3)[targets] * 0.4
    return targets, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def test_an_interval_holds_its_figure_and_shrinks_with_more_images() -> None:
    """
    Each figure lies in its interval; sixteen times the images make the interval about a quarter as wide.
    """
    widths = []
    for count in (150, 2400):
        targets, probabilities = answers(count)
        scores, found = score(targets, probabilities, LABELS), intervals(targets, probabilities, LABELS)
        spans: list[Interval] = [getattr(found, name) for name in NAMES]
        assert all(one.low < getattr(scores, name) < one.high for one, name in zip(spans, NAMES, strict=True))
        widths.append([one.high - one.low for one in spans])

    assert np.divide(widths[1], widths[0]) == pytest.approx(0.25, abs=0.1)


def test_the_interval_of_a_share_is_the_textbooks() -> None:
    """
    A specificity of 0.8 among 400 normal images spans 2 x 1.96 standard errors of sqrt(0.8 x 0.2 / 400).
    """
    targets = np.repeat([0, 2], [10, 400])
    right = np.arange(410) % 5 != 0
    probabilities = np.eye(3, dtype=np.float32)[np.where(right, targets, 1)]
    found = intervals(targets, probabilities, LABELS).specificity

    assert found is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / 400), rel=0.1)
    assert (found.high + found.low) / 2 == pytest.approx(0.8, abs=0.01)


def test_the_same_seed_draws_the_same_interval() -> None:
    """
    Two calls agree to the last digit, and another seed gives other draws.
    """
    targets, probabilities = answers(90)

    assert intervals(targets, probabilities, LABELS) == intervals(targets, probabilities, LABELS)
    assert intervals(targets, probabilities, LABELS, seed=1) != intervals(targets, probabilities, LABELS)


def test_a_rare_class_is_in_every_resample() -> None:
    """
    One normal image among a hundred is drawn every time, so that its figures exist; it alone gives no width.
    """
    targets, probabilities = answers(99)
    targets = np.where(np.arange(99) == 0, 2, targets % 2)
    found = intervals(targets, probabilities, LABELS)

    assert found.macro_auc is not None
    assert found.specificity is not None
    assert found.specificity.low == found.specificity.high


def test_what_has_no_figure_has_no_interval() -> None:
    """
    Without a class called normal there is no interval for sensitivity and specificity.
    """
    found = intervals(*answers(30), ("a", "b", "c"), resamples=20)

    assert (found.sensitivity, found.specificity) == (None, None)
    assert found.accuracy.low < found.accuracy.high

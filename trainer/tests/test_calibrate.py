"""Temperature scaling, and the error that it mends."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from trainer.measures.calibration import MIN_TEMPERATURE, calibration_error, fit_temperature, reliability, scaled


def honest(count: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return targets that were drawn from the softmax of the logits beside them: temperature 1 is right for them."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=2, size=(count, 4))
    chances = softmax(logits, axis=1).cumsum(axis=1)
    targets = (generator.random((count, 1)) > chances).sum(axis=1)
    return np.minimum(targets, 3), logits


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_factor_that_spoiled_the_logits_is_found(factor: float) -> None:
    """
    Logits that are honest but for a known factor get that factor as their temperature, and are honest again.
    """
    targets, logits = honest(20_000)
    spoiled = softmax(logits * factor, axis=1).astype(np.float32)
    temperature = fit_temperature(targets, spoiled)

    assert temperature == pytest.approx(factor, rel=0.03)
    assert scaled(spoiled, factor) == pytest.approx(softmax(logits, axis=1), abs=1e-5)
    assert calibration_error(reliability(targets, scaled(spoiled, temperature))) < 0.01


def test_overconfidence_is_measured_and_mended() -> None:
    """
    Logits three times too large are far from calibrated; their temperature brings the error down by ten.
    """
    targets, logits = honest(5000, seed=1)
    spoiled = softmax(logits * 3, axis=1).astype(np.float32)
    mended = scaled(spoiled, fit_temperature(targets, spoiled))

    before, after = (calibration_error(reliability(targets, answers)) for answers in (spoiled, mended))
    assert before > 0.15
    assert after < before / 10


@pytest.mark.parametrize("temperature", [0.2, 0.7, 2.5, 10])
def test_no_answer_is_changed(temperature: float) -> None:
    """
    Whatever the temperature, each row keeps its top class and its sum of 1, even where a probability is 0.
    """
    _, logits = honest(500, seed=2)
    probabilities = np.concatenate([softmax(logits * 5, axis=1), np.eye(4)]).astype(np.float32)
    changed = scaled(probabilities, temperature)

    assert changed.dtype == np.float32
    assert np.array_equal(changed.argmax(axis=1), probabilities.argmax(axis=1))
    assert changed.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(changed).all()


def test_without_a_mistake_the_search_ends_at_its_bound() -> None:
    """
    A split without a wrong answer would be most likely at temperature 0; the temperature stops at the bound.
    """
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)

    assert fit_temperature(np.array([0, 1]), probabilities) == pytest.approx(MIN_TEMPERATURE, abs=1e-3)


def test_the_calibration_error_of_a_small_example() -> None:
    """
    Four answers of 0.95, three right, and one of 0.7, wrong: (4 |0.75 - 0.95| + 1 |0 - 0.7|) / 5 = 0.3.
    """
    targets = np.array([0, 0, 0, 1, 1], np.int64)
    probabilities = np.array([[0.95, 0.05]] * 4 + [[0.7, 0.3]], np.float32)
    bins = reliability(targets, probabilities)

    assert [(one.images, one.accuracy) for one in bins] == [(1, 0), (4, 0.75)]
    assert [one.confidence for one in bins] == pytest.approx([0.7, 0.95])
    assert all(one.low < one.confidence <= one.high for one in bins)
    assert calibration_error(bins) == pytest.approx(0.3)


def test_the_bins_cover_all_that_a_probability_can_be() -> None:
    """
    Confidence 1 falls into the last bin and the least that there is, 1/K, into its own; no image is lost.
    """
    bins = reliability(np.array([0, 0]), np.array([[1, 0, 0, 0], [0.25] * 4], np.float32))

    assert [(one.images, one.high) for one in bins] == [(1, 4 / 15), (1, 1)]

"""What chance explains: the bounds of the guard against exact numbers and against draws."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.guard.chance import dealt, distance_by_chance, drawn

COUNTS = st.integers(0, 60).flatmap(lambda images: st.tuples(st.integers(0, images), st.just(images)))


@given(COUNTS, COUNTS)
def test_dealt_is_fishers_exact_probability(one: tuple[int, int], other: tuple[int, int]) -> None:
    """The sum of the hypergeometric probabilities, as fractions, is the same number."""
    (bad, images), (other_bad, other_images) = one, other
    every, total = bad + other_bad, images + other_images
    exact = sum(
        Fraction(comb(every, k) * comb(total - every, images - k), comb(total, images))
        for k in range(bad, min(every, images) + 1)
    )

    if bad * total > every * images:
        assert dealt(bad, images, other_bad, other_images) == pytest.approx(float(exact), rel=1e-9)
    else:
        assert dealt(bad, images, other_bad, other_images) == 1


def test_one_failure_in_fifty_is_no_proof() -> None:
    """The example of the docstring, where the normal approximation says fourteen standard deviations."""
    assert dealt(1, 50, 0, 10_000) == pytest.approx(50 / 10_050)


@given(COUNTS, st.floats(0.01, 0.99))
def test_drawn_is_never_less_than_the_binomial_tail(count: tuple[int, int], rate: float) -> None:
    """A bound that were too small would call chance proof."""
    bad, images = count
    tail = sum(comb(images, k) * rate**k * (1 - rate) ** (images - k) for k in range(bad, images + 1))

    assert tail <= drawn(bad, images, rate) * (1 + 1e-9)


def test_what_cannot_happen_is_no_chance() -> None:
    """A disagreement where none is tolerated needs no statistics."""
    assert drawn(1, 50, 0.0) == 0
    assert drawn(0, 50, 0.0) == 1
    assert drawn(0, 0, 0.5) == 1


@pytest.mark.parametrize("images", [50, 500])
@pytest.mark.parametrize("mix", [(0.25, 0.25, 0.25, 0.25), (0.9, 0.1), (0.5, 0.3, 0.1, 0.05, 0.03, 0.02)])
def test_equal_mixes_stay_within_the_distance_of_chance(images: int, mix: tuple[float, ...]) -> None:
    """Of 20,000 pairs of samples fewer lie beyond the bound for 1 % than 1 %."""
    random, pairs = np.random.default_rng(0), 20_000
    candidate = random.multinomial(images, mix, pairs) / images
    stable = random.multinomial(950, mix, pairs) / 950
    distances = np.abs(candidate - stable).sum(axis=1) / 2

    assert (distances > distance_by_chance(images, 950, len(mix), 0.01)).mean() < 0.01

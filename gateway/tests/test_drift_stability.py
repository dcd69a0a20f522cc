"""The population stability index, without a gateway."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.drift.stability import FEWEST, LARGE, drift, stability_index

BINS = st.integers(2, 12)
PAIRS = BINS.flatmap(
    lambda bins: st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=bins, max_size=bins)
).filter(lambda pairs: all(map(any, zip(*pairs, strict=True))))


def test_the_index_is_the_one_worked_out_by_hand() -> None:
    """Shares of 59.5, 29.5 and 10.5 in 99.5 + 2 images, against 39.5, 39.5 and 20.5: (a - e) ln(a / e), summed."""
    by_hand = (
        20 / 101.5 * math.log(60.5 / 40.5) + 10 / 101.5 * math.log(40.5 / 30.5) + 10 / 101.5 * math.log(20.5 / 10.5)
    )

    assert stability_index([60, 30, 10], [40, 40, 20]) == pytest.approx(by_hand, abs=1e-12)


@given(PAIRS)
def test_the_index_is_a_distance_of_populations(pairs: list[tuple[int, int]]) -> None:
    """It is never below 0, the same from either side, and does not ask which bin comes first."""
    seen, usual = zip(*pairs, strict=True)
    index = stability_index(seen, usual)

    assert 0 <= index < math.inf
    assert stability_index(usual, seen) == pytest.approx(index)
    assert stability_index(seen[::-1], usual[::-1]) == pytest.approx(index)


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=12).filter(any))
def test_the_same_counts_are_no_difference(counts: list[int]) -> None:
    """Empty bins included."""
    assert stability_index(counts, counts) == 0


@given(st.lists(st.integers(1, 50), min_size=2, max_size=10), st.integers(50, 100), st.integers(50, 100))
def test_the_same_shares_of_more_images_are_no_drift(shares: list[int], one: int, other: int) -> None:
    """However many there are on either side."""
    assert drift([share * one for share in shares], [share * other for share in shares]) == pytest.approx(0, abs=0.01)


def test_bins_that_nobody_uses_change_nothing() -> None:
    """A class that no image is of is no reason to expect more of chance."""
    assert drift([90, 30, 0, 0], [60, 60, 0, 0]) == drift([90, 30], [60, 60])


@pytest.mark.parametrize(
    ("seen", "usual", "told"),
    [
        ([FEWEST // 2, FEWEST // 2], [500, 500], True),
        ([FEWEST // 2, FEWEST // 2 - 1], [500, 500], False),
        ([500, 500], [12, 13], True),
        ([500, 500], [10, 10], False),
        ([500, 500], [0, 0], False),
        ([100] * 10, [100] * 10, True),
        ([100] * 10, [7] * 10, False),
        ([200, 0], [100, 0], True),
    ],
)
def test_nothing_is_told_where_too_few_images_tell(seen: Sequence[int], usual: Sequence[int], *, told: bool) -> None:
    """On either side; more bins need more images."""
    assert (drift(seen, usual) is not None) is told


@pytest.mark.parametrize(("images", "others", "bins"), [(150, 600, 10), (200, 72, 4), (2000, 2000, 10)])
def test_chance_alone_is_no_drift(images: int, others: int, bins: int) -> None:
    """Samples of one population, a thousand times: next to nothing on average, and hardly ever a large index."""
    random = np.random.default_rng(3)
    shares = random.dirichlet([5] * bins)
    found = [drift(*(random.multinomial(size, shares).tolist() for size in (images, others))) for _ in range(1000)]
    raised = [value for value in found if value is not None]

    assert len(raised) == len(found)
    assert np.mean(raised) < 0.03
    assert np.mean(np.array(raised) > LARGE) <= 0.003


def test_another_population_is_seen_through_chance() -> None:
    """A fifth of the images has moved to the last of four bins, seen with the fewest images that are enough."""
    assert (found := drift([15, 15, 15, 55], [100] * 4)) is not None
    assert found > LARGE

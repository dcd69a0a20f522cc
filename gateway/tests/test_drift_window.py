"""The last images of a version, and what several workers have seen of them."""

import os
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gateway.drift.pool import Pool
from gateway.drift.tally import Tally
from gateway.drift.window import Span, Window

IMAGES = st.lists(st.tuples(st.floats(0, 3), st.tuples(st.integers(0, 3), st.integers(0, 1))), max_size=60)


@given(IMAGES, st.integers(1, 20), st.floats(0.5, 10))
def test_a_window_holds_the_last_images_of_the_last_seconds(
    images: list[tuple[float, tuple[int, int]]], most: int, seconds: float
) -> None:
    """Counted again from all that ever came, after each of them."""
    window = Window([4, 2], Span(most, seconds))
    came: list[tuple[float, tuple[int, int]]] = []
    now = 0.0
    for wait, places in images:
        now += wait
        window.expire(now)
        window.add(places, now)
        came.append((now, places))
        kept = [each for when, each in came[-most:] if when > now - seconds]
        for feature, counts in enumerate(window.counts):
            expected = Counter(each[feature] for each in kept)
            assert counts == [expected[place] for place in range(len(counts))]


def test_workers_are_summed_bin_by_bin_where_they_have_the_same_model() -> None:
    """Another version, another model under the same number and other bins are left out."""
    own = Tally(1, "a", {"class": [1, 2], "mean": [3, 0]})
    others = [
        Tally(1, "a", {"class": [10, 20], "mean": [30, 0]}),
        Tally(2, "a", {"class": [9, 9], "mean": [9, 9]}),
        Tally(1, "b", {"class": [9, 9], "mean": [9, 9]}),
        Tally(1, "a", {"class": [9, 9, 9], "mean": [9, 9]}),
        Tally(1, "a", {"class": [9, 9]}),
    ]

    assert own.plus(others) == Tally(1, "a", {"class": [11, 22], "mean": [33, 0]})
    assert own.plus(others).images == 33
    assert own.plus([]) == own


def test_what_dead_workers_saw_is_forgotten(tmp_path: Path) -> None:
    """A worker reads those that have its own parent and live; a file that somebody left is removed."""
    tally = Tally(1, "a", {"class": [1, 2]})
    Pool(tmp_path).exchange([tally])
    (own,) = tmp_path.iterdir()
    parent, stranger = tmp_path / f"drift_{os.getppid()}.json", own.with_name("drift_999999999.json")
    parent.write_bytes(own.read_bytes())
    stranger.write_bytes(own.read_bytes())

    assert Pool(tmp_path).exchange([tally]) == []
    assert [*tmp_path.iterdir()] == [own]

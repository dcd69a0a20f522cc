"""What the guard remembers of a version."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.guard.window import (
    OTHER,
    SLICES,
    Summary,
    Window,
    allowed,
    bin_of,
    edge,
    of_size,
    quantile,
    size_of,
    slower,
)
from gateway.observations import Outcome

OUTCOMES = st.builds(
    Outcome,
    version=st.just(1),
    role=st.just("stable"),
    backend_s=st.floats(0, 200),
    batch=st.integers(1, 64),
    error=st.sampled_from(["", "", "model-failed", "deadline-exceeded"]),
    label=st.sampled_from(["a", "b", "c"]),
    abstained=st.booleans(),
    disagreed=st.sampled_from([None, True, False]),
)


def summary_of(outcomes: list[Outcome]) -> Summary:
    summary = Summary()
    for outcome in outcomes:
        summary.count(outcome)
    return summary


@given(st.lists(st.tuples(OUTCOMES, st.floats(0, 30)), max_size=40), st.floats(0, 200))
def test_a_window_holds_what_happened_within_it(events: list[tuple[Outcome, float]], later: float) -> None:
    """Whenever one looks, it is the sum of the outcomes since the oldest slice."""
    window, now, heard = Window(SLICES), 0.0, []
    for outcome, pause in events:
        now += pause
        window.add(outcome, now)
        heard.append((int(now), outcome))
    now += later

    expected = summary_of([outcome for second, outcome in heard if second >= int(now) - SLICES])
    assert window.summary(now) == expected
    assert window.empty(now) == (expected == Summary())


def test_memory_does_not_grow_with_time_or_traffic_or_names() -> None:
    """After any traffic there are 121 slices at most, and a bounded number of classes in each."""
    window = Window(span_s=12)
    for i in range(40_000):
        window.add(Outcome(1, "stable", backend_s=i / 100, label=f"class {i}"), now=i * 0.0003)

    assert len(list(window.moments(12))) <= SLICES + 1
    summary = window.summary(12)
    assert summary.classes[OTHER] > 0
    assert max(len(moment.classes) for moment in window.moments(12)) <= 2 * 257
    assert len(summary.calls) <= 81


@given(st.lists(st.tuples(OUTCOMES, st.floats(0, 3)), min_size=1, max_size=40), st.integers(0, 38))
def test_what_lasts_as_long_as_a_slice_is_within_one_moment(events: list[tuple[Outcome, float]], first: int) -> None:
    """Leaving that moment out leaves nothing of it."""
    window, now, heard = Window(SLICES), 0.0, []
    for outcome, pause in events:
        now += pause
        window.add(outcome, now)
        heard.append((now, outcome))
    begin = heard[min(first, len(heard) - 1)][0]
    mishap = summary_of([outcome for time, outcome in heard if begin <= time < begin + 1])

    assert any(moment.minus(mishap).plus(mishap) == moment for moment in window.moments(now))


@given(st.floats(0, 80))
def test_a_duration_lies_within_its_bin(seconds: float) -> None:
    """The edges of a bin are around what is counted in it."""
    number = bin_of(seconds)

    assert seconds <= edge(number) * (1 + 1e-6)
    assert number == 0 or seconds > edge(number - 1)


@given(st.lists(st.floats(0.001, 50), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_right_to_a_fifth(durations: list[float], share: float) -> None:
    """At least the share is not longer; and what is counted as slower than it is slower."""
    seconds = Counter(bin_of(each) for each in durations)
    value = quantile(seconds, share)

    assert sum(each <= value * (1 + 1e-6) for each in durations) >= share * len(durations)
    assert min(durations) <= value * (1 + 1e-6)
    assert value <= max(durations) * 1.2
    assert slower(seconds, value) <= sum(each > value * (1 - 1e-6) for each in durations)


def test_nothing_has_no_quantile() -> None:
    """No division by nothing."""
    assert quantile(Counter(), 0.95) == 0


@pytest.mark.parametrize("error", ["model-failed", "deadline-exceeded"])
def test_a_failure_counts_as_nothing_else(error: str) -> None:
    """It has no class and no duration that could be compared."""
    summary = summary_of([Outcome(1, "candidate", backend_s=9.0, error=error)])

    assert (summary.attempts, summary.failures, summary.answers) == (1, 1, 0)
    assert not summary.calls


def test_a_size_class_is_a_power_of_two() -> None:
    """Calls of 5 to 8 images are compared with each other."""
    assert [size_of(images) for images in (1, 2, 3, 4, 5, 8, 9, 32, 1024)] == [0, 1, 2, 2, 3, 3, 4, 5, 10]


def test_a_call_may_take_as_long_as_a_larger_one_or_in_proportion_to_a_smaller_one() -> None:
    """What 8 images took is allowed to 4, and four times what 2 took to 8; not the other way round."""
    eight = Counter({(size_of(8), bin_of(0.08)): 1})
    two = Counter({(size_of(2), bin_of(0.02)): 1})

    assert quantile(allowed(eight, size_of(4)), 1) == pytest.approx(0.08, rel=0.19)
    assert quantile(allowed(two, size_of(8)), 1) == pytest.approx(0.08, rel=0.19)
    assert of_size(eight, size_of(4)) == Counter()

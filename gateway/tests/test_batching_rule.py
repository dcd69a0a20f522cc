"""When a batch is due, how long it is waited for, and how many calls may be under way."""

import asyncio
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.batching.calls import Calls
from gateway.batching.calltime import CallTime
from gateway.batching.concurrency import Parallelism
from gateway.batching.entries import Entry
from gateway.batching.pace import Pace
from gateway.batching.rule import Limits, Standing, Trigger, due, share
from gateway.batching.waiting import WaitingRoom

LIMITS = Limits(max_batch=4, computed_at_once=1, max_in_flight=2, patience_s=0.1, probing=False)


@pytest.mark.parametrize(
    ("standing", "draining", "expected"),
    [
        pytest.param(Standing(0, 0, 0.0, 0, 0), False, None, id="nothing waits"),
        pytest.param(Standing(1, 0, 0.0, 0, 0), False, "idle", id="an idle model gets what waits at once"),
        pytest.param(Standing(1, 3, 0.0, 0, 0), False, None, id="unless more is being decoded"),
        pytest.param(Standing(1, 3, 0.1, 0, 0), False, "linger", id="but not for longer than patience lasts"),
        pytest.param(Standing(3, 0, 9.0, 1, 0), False, None, id="a busy model is waited for"),
        pytest.param(Standing(3, 0, 9.0, 1, 1), False, "ahead", id="until it is about to be free"),
        pytest.param(Standing(3, 1, 0.0, 1, 1), False, None, id="unless more is being decoded then"),
        pytest.param(Standing(4, 0, 0.0, 1, 0), False, "full", id="a full batch goes ahead of it"),
        pytest.param(Standing(9, 9, 9.0, 2, 2), False, None, id="never more calls than the limit"),
        pytest.param(Standing(1, 1, 0.0, 1, 0), True, "drain", id="shutting down waits for nothing"),
        pytest.param(Standing(1, 0, 0.0, 2, 0), True, None, id="but keeps to the limit"),
    ],
)
def test_a_batch_is_due(standing: Standing, draining: bool, expected: Trigger | None) -> None:  # noqa: FBT001
    """The idle model gets what waits, together with what could join; a busy one only a full batch."""
    assert expected == due(standing, LIMITS, draining=draining)


def test_a_server_that_computes_several_calls_at_a_time_is_idle_until_it_does() -> None:
    """With two calls that are computed at a time, the second one goes beside the first."""
    two = Limits(max_batch=4, computed_at_once=2, max_in_flight=3, patience_s=0.1, probing=False)

    assert due(Standing(1, 0, 0.0, 1, 0), two) == "idle"
    assert due(Standing(1, 0, 0.0, 2, 0), two) is None
    assert due(Standing(1, 0, 0.0, 2, 1), two) == "ahead"


def test_now_and_then_a_busy_server_is_given_one_call_more() -> None:
    """To see whether it computes that as well; what is being decoded is waited for."""
    probing = Limits(max_batch=4, computed_at_once=1, max_in_flight=2, patience_s=0.1, probing=True)

    assert due(Standing(1, 0, 0.0, 1, 0), probing) == "probe"
    assert due(Standing(1, 1, 0.0, 1, 0), probing) is None
    assert due(Standing(1, 0, 0.0, 2, 0), probing) is None


@pytest.mark.parametrize(
    ("waiting", "in_flight", "computed_at_once", "probing", "expected"),
    [
        pytest.param(3, 0, 1, False, 3, id="one idle server gets all"),
        pytest.param(3, 0, 2, False, 2, id="two share it"),
        pytest.param(3, 1, 2, False, 3, id="what is left goes to the second one"),
        pytest.param(3, 0, 1, True, 2, id="a probe needs its share"),
        pytest.param(9, 1, 1, False, 4, id="never more than a full batch"),
    ],
)
def test_calls_that_could_go_now_get_equal_shares(
    waiting: int,
    in_flight: int,
    computed_at_once: int,
    probing: bool,  # noqa: FBT001
    expected: int,
) -> None:
    """Servers beside each other are not left idle while one has everything."""
    limits = Limits(4, computed_at_once, computed_at_once + 1, 0.1, probing)

    assert share(Standing(waiting, 0, 0.0, in_flight, 0), limits) == expected


async def test_only_images_that_were_coming_already_are_waited_for() -> None:
    """A stream of newcomers does not keep the first image waiting."""
    room = WaitingRoom()
    early, answer = room.expect(), asyncio.get_running_loop().create_future()
    room.add(Entry(1, np.zeros((1, 1, 1), np.uint8), 9.0, 0.0, answer), "interactive", 0.0)
    room.expect()

    assert room.standing(0.0, 0, 0).coming == 1
    room.forget(early)
    assert room.standing(0.0, 0, 0).coming == 0


def test_the_time_of_a_call_is_learnt_for_sizes_that_were_not_seen() -> None:
    """A fixed part and a part for each image are told apart, also when they change."""
    times = CallTime()
    assert times.estimate(1) is None
    for images in [1, 8, 16, 32] * 20:
        times.learn(images, 0.100 + 0.020 * images)
    for images in [1, 8, 16, 32] * 100:
        times.learn(images, 0.010 + 0.002 * images)

    assert times.estimate(24) == pytest.approx(0.058, rel=0.05)


def test_little_is_made_of_one_size_for_others() -> None:
    """Else the speed of a server would be guessed, and calls be thought not to have waited."""
    times = CallTime()
    for _ in range(50):
        times.learn(8, 0.080)

    assert [times.estimate(images) for images in (4, 8, 32)] == [pytest.approx(s) for s in (0.040, 0.080, 0.080)]


@given(st.lists(st.tuples(st.integers(1, 64), st.floats(0.001, 10)), min_size=1, max_size=50), st.integers(1, 64))
def test_no_call_is_thought_to_take_less_than_no_time(calls: list[tuple[int, float]], images: int) -> None:
    """Whatever was measured, the estimate is finite, not negative, and does not fall with the size."""
    times = CallTime()
    for size, seconds in calls:
        times.learn(size, seconds)

    estimates = [times.estimate(images), times.estimate(images + 1)]
    assert all(estimate is not None and 0 <= estimate < 1000 for estimate in estimates)
    assert estimates == sorted(estimates, key=lambda estimate: estimate or 0)


@pytest.mark.parametrize("servers", [1, 2, 4])
def test_so_many_calls_are_found_to_be_computed_at_a_time_as_there_are_servers(servers: int) -> None:
    """With one call more than are thought to be computed, and noise: no more and no fewer are found."""
    parallelism, noise = Parallelism(), random.Random(0)
    for _ in range(500):
        together = parallelism.value + 1
        parallelism.learn(1.0, max(1.0, together / servers) * noise.uniform(0.95, 1.05), together)

    assert parallelism.value == servers


def test_a_server_that_lost_its_capacity_is_found_out() -> None:
    """Where four calls were computed at a time and now one is, the estimate comes down again."""
    parallelism = Parallelism()
    for servers in (4, 1):
        for _ in range(500):
            together = parallelism.value + 1
            parallelism.learn(1.0, max(1.0, together / servers), together)

    assert parallelism.value == 1


def test_a_quiet_gateway_forgets_nothing() -> None:
    """Calls that met no other one say nothing about how many are computed at a time."""
    parallelism = Parallelism()
    for _ in range(500):
        parallelism.learn(1.0, max(1.0, (parallelism.value + 1) / 3), parallelism.value + 1)
    for _ in range(500):
        parallelism.learn(1.0, 1.0, 1.0)

    assert parallelism.value == 3


@pytest.mark.parametrize(("servers", "fewest", "most"), [(1, 8, 16), (2, 16, 200)])
def test_probes_become_rare_where_they_teach_nothing(servers: int, fewest: int, most: int) -> None:
    """Each takes some images out of a better batch; where they change the estimate, the next one comes soon."""
    parallelism, probes = Parallelism(), 0
    for _ in range(1000):
        parallelism.learn(1.0, 1.0, 1.0)
        if parallelism.probe_due:
            parallelism.probe()
            probes += 1
            parallelism.learn(1.0, max(1.0, 2.0 / servers), 2.0)
        if parallelism.value == servers > 1:
            parallelism = Parallelism()

    assert fewest <= probes < most


def test_never_more_calls_than_the_quota() -> None:
    """However many the server seems to compute at a time."""
    pace = Pace(quota=4)
    pace.learn(1, 1, 1.0, 1.0)
    for _ in range(500):
        pace.learn(1, 1, 1.0, 9.0)

    assert (pace.computed_at_once, pace.max_in_flight) == (4, 4)


async def test_the_mean_number_of_calls_under_way_is_taken_over_time() -> None:
    """A call that met another for half of its time was together with one and a half."""
    calls = Calls()
    first = calls.begin([], 0.0, math.inf, math.inf)
    second = calls.begin([], 1.0, math.inf, math.inf)
    calls.together(second, 2.0)
    calls.end(second)

    assert calls.together(first, 2.0) == pytest.approx(1.5)
    assert calls.together(first, 4.0) == pytest.approx(1.25)


def test_a_call_is_in_flight_then_about_to_end_then_overdue() -> None:
    """Each at its time, and the moments at which that changes are known."""
    calls = Calls()
    calls.begin([], 0.0, ending_after=0.8, overdue_after=4.0)

    assert [(calls.in_flight(now), calls.ending(now)) for now in (0.5, 1.0, 5.0)] == [(1, 0), (1, 1), (0, 0)]
    assert [calls.moments(now) for now in (0.5, 1.0, 5.0)] == [[pytest.approx(0.3), 3.5], [3.0], []]


def test_patience_is_as_long_as_a_call_and_none_before_one_was_seen() -> None:
    """An image is kept waiting at most for as long as the call that could go takes."""
    pace = Pace(quota=8)
    assert pace.patience(1, 4) == 0
    pace.learn(1, 4, 0.2, 1.0)

    assert pace.patience(1, 4) == pytest.approx(0.2)
    assert pace.patience(2, 4) == 0, "another version is another model"


def test_the_next_call_goes_shortly_before_one_ends_and_not_before_anything_is_known() -> None:
    """So that the model server has it when it is free."""
    pace = Pace(quota=8)
    assert pace.ending_after(1, 4) == math.inf
    pace.learn(1, 4, 0.2, 2.0)

    assert 0.1 < pace.ending_after(1, 4) < 0.2

"""When a batch is due, how long it is waited for, and how many calls may be under way."""

import asyncio
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.batching.calltime import CallTime
from gateway.batching.concurrency import InFlightLimit
from gateway.batching.entries import Entry
from gateway.batching.pace import Pace
from gateway.batching.rule import Limits, Standing, Trigger, due
from gateway.batching.waiting import WaitingRoom

LIMITS = Limits(max_batch=4, max_in_flight=2, patience_s=0.1)


@pytest.mark.parametrize(
    ("waiting", "coming", "waited_s", "computing", "draining", "expected"),
    [
        pytest.param(0, 0, 0.0, 0, False, None, id="nothing waits"),
        pytest.param(1, 0, 0.0, 0, False, "idle", id="an idle model gets what waits at once"),
        pytest.param(1, 3, 0.0, 0, False, None, id="unless more is being decoded"),
        pytest.param(1, 3, 0.1, 0, False, "linger", id="but not for longer than patience lasts"),
        pytest.param(3, 0, 9.0, 1, False, None, id="a busy model is waited for"),
        pytest.param(4, 9, 0.0, 1, False, "full", id="unless the batch is full"),
        pytest.param(9, 9, 9.0, 2, False, None, id="never more calls than the limit"),
        pytest.param(1, 1, 0.0, 1, True, "drain", id="shutting down waits for nothing"),
        pytest.param(1, 0, 0.0, 2, True, None, id="but keeps to the limit"),
    ],
)
def test_a_batch_is_due(
    *, waiting: int, coming: int, waited_s: float, computing: int, draining: bool, expected: Trigger | None
) -> None:
    """The idle model gets what waits, together with what could join; a busy one only a full batch."""
    assert expected == due(Standing(waiting, coming, waited_s, computing), LIMITS, draining=draining)


def test_a_server_that_computes_several_calls_at_a_time_is_idle_until_it_does() -> None:
    """With room for three calls, one of them on its way, the second one goes beside the first."""
    three = Limits(max_batch=4, max_in_flight=3, patience_s=0.1)

    assert due(Standing(1, 0, 0.0, 1), three) == "idle"
    assert due(Standing(1, 0, 0.0, 2), three) is None


async def test_only_images_that_were_coming_already_are_waited_for() -> None:
    """A stream of newcomers does not keep the first image waiting."""
    room = WaitingRoom()
    early, answer = room.expect(), asyncio.get_running_loop().create_future()
    room.add(Entry(1, np.zeros((1, 1, 1), np.uint8), 9.0, 0.0, answer), "interactive", 0.0)
    room.expect()

    assert room.standing(0.0, 0).coming == 1
    room.forget(early)
    assert room.standing(0.0, 0).coming == 0


def test_the_time_of_a_call_is_learnt_for_sizes_that_were_not_seen() -> None:
    """A fixed part and a part for each image are told apart, also when they change."""
    times = CallTime()
    assert times.estimate(1) is None
    for images in [1, 8, 16, 32] * 20:
        times.learn(images, 0.100 + 0.020 * images)
    for images in [1, 8, 16, 32] * 100:
        times.learn(images, 0.010 + 0.002 * images)

    assert times.estimate(24) == pytest.approx(0.058, rel=0.05)


@given(st.lists(st.tuples(st.integers(1, 64), st.floats(0.001, 10)), min_size=1, max_size=50), st.integers(1, 64))
def test_no_call_is_thought_to_take_less_than_no_time(calls: list[tuple[int, float]], images: int) -> None:
    """Whatever was measured, the estimate is finite, not negative, and does not fall with the size."""
    times = CallTime()
    for size, seconds in calls:
        times.learn(size, seconds)

    estimates = [times.estimate(images), times.estimate(images + 1)]
    assert all(estimate is not None and 0 <= estimate < 1000 for estimate in estimates)
    assert estimates == sorted(estimates, key=lambda estimate: estimate or 0)


@pytest.mark.parametrize(("servers", "expected"), [(1, 2), (2, 3), (4, 5), (40, 8)])
def test_one_call_is_on_its_way_beside_those_that_are_computed(servers: int, expected: int) -> None:
    """The limit settles at one more than the calls that the server computes at a time, and at the quota at most."""
    limit, noise = InFlightLimit(quota=8), random.Random(0)
    for _ in range(500):
        in_flight = limit.value
        took = max(1.0, in_flight / servers) * noise.uniform(0.95, 1.05)
        limit.learn(1.0, took, in_flight)

    assert abs(limit.value - expected) <= (1 if servers > 1 else 0)
    assert limit.value <= 8


def test_the_limit_follows_a_server_that_lost_its_capacity() -> None:
    """Where four calls were computed at a time and now one is, the limit comes down again."""
    limit = InFlightLimit(quota=16)
    for servers in (4, 1):
        for _ in range(500):
            in_flight = limit.value
            limit.learn(1.0, max(1.0, in_flight / servers), in_flight)

    assert limit.value == 2


def test_what_did_not_fill_the_limit_teaches_nothing() -> None:
    """A quiet gateway does not grow its limit on calls that met nobody."""
    limit = InFlightLimit(quota=8)
    for _ in range(500):
        limit.learn(1.0, 1.0, in_flight=1)

    assert limit.value == 2


def test_patience_is_as_long_as_a_call_and_none_before_one_was_seen() -> None:
    """An image is kept waiting at most for as long as the call that could go takes."""
    pace = Pace(quota=8)
    assert pace.patience(1, 4) == 0
    pace.learn(1, 4, 0.2, 1, alone=True)

    assert pace.patience(1, 4) == pytest.approx(0.2)
    assert pace.patience(2, 4) == 0, "another version is another model"

"""The batching rule, and the laws that hold whatever happens around it."""

import asyncio
from collections import deque
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from gateway.batching import Answer, Batcher, Entry, Limits, Row, Scores, Trigger, due, take
from gateway.errors import DeadlineExceeded, GatewayError, ModelFailed
from gateway.metrics import Metrics

LIMITS = Limits(max_batch=4, max_in_flight=2)


class Echo:
    """A model that answers each image with its first pixel and the version, when it is let go."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[int]]] = []
        self.open = asyncio.Event()
        self.error: GatewayError | None = None

    async def __call__(self, version: int, images: Sequence[Row], _timeout_s: float, /) -> list[Answer]:
        values = [int(image[0, 0, 0]) for image in images]
        self.batches.append((version, values))
        await self.open.wait()
        if self.error is not None:
            return [self.error] * len(images)
        return [np.array([value, version], np.float32) for value in values]


class Clock:
    """A clock that tests set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def row(value: int) -> Row:
    return np.full((2, 2, 1), value, np.uint8)


def batcher(model: Echo, clock: Clock | None = None) -> tuple[Batcher, Metrics]:
    metrics = Metrics(CollectorRegistry())
    return Batcher(model, LIMITS, metrics, clock or Clock()), metrics


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("waiting", "in_flight", "draining", "expected"),
    [
        (0, 0, False, None),
        (1, 0, False, "idle"),
        (3, 1, False, None),
        (4, 1, False, "full"),
        (4, 2, False, None),
        (1, 1, True, "drain"),
        (1, 2, True, None),
    ],
)
def test_a_batch_is_due(waiting: int, in_flight: int, draining: bool, expected: Trigger | None) -> None:  # noqa: FBT001
    """The idle model gets what waits; a busy one only a full batch; never more calls than the limit."""
    assert expected == due(waiting, in_flight, LIMITS, draining=draining)


async def test_a_batch_never_mixes_versions_and_keeps_the_order() -> None:
    """Images of another version wait for the next batch, in their order."""
    loop = asyncio.get_running_loop()
    waiting = deque(Entry(version, row(n), 9.0, 0.0, loop.create_future()) for n, version in enumerate([1, 2, 1, 2, 1]))

    batch, dropped = take(waiting, 4, now=0.0)

    assert [int(entry.row[0, 0, 0]) for entry in batch] == [0, 2, 4]
    assert [int(entry.row[0, 0, 0]) for entry in waiting] == [1, 3]
    assert dropped == []


async def test_cancelled_images_are_not_sent() -> None:
    """An image whose client has gone does not take a place in a batch."""
    model = Echo()
    batching, metrics = batcher(model)
    first = asyncio.create_task(batching.submit(1, row(1), 9.0))
    await settle()
    gone, kept = (asyncio.create_task(batching.submit(1, row(n), 9.0)) for n in (2, 3))
    await settle()
    gone.cancel()
    await settle()
    model.open.set()
    await asyncio.gather(first, kept)

    assert model.batches == [(1, [1]), (1, [3])]
    assert metrics.dropped._value.get() == 1  # noqa: SLF001 - the client library offers no other way to read


async def test_expired_images_are_not_sent_and_are_told_so() -> None:
    """An image whose deadline passed in the queue never reaches the model."""
    model, clock = Echo(), Clock()
    batching, _ = batcher(model, clock)
    first = asyncio.create_task(batching.submit(1, row(1), 9.0))
    await settle()
    late = asyncio.create_task(batching.submit(1, row(2), 1.0))
    await settle()
    clock.now = 2.0
    model.open.set()

    with pytest.raises(DeadlineExceeded, match=r"waited 2\.0 s"):
        await late
    await first
    assert model.batches == [(1, [1])]


async def test_closing_answers_what_waits() -> None:
    """Shutting down loses nobody who was let in."""
    model = Echo()
    batching, _ = batcher(model)
    tasks = [asyncio.create_task(batching.submit(1, row(n), 9.0)) for n in range(7)]
    await settle()
    closing = asyncio.create_task(batching.close())
    await settle()
    model.open.set()
    await closing

    assert list(range(7)) == [int(task.result().probabilities[0]) for task in tasks]


async def test_a_failed_call_is_told_to_all_of_its_batch_and_to_nobody_else() -> None:
    """The next batch is answered."""
    model = Echo()
    model.error = ModelFailed("no")
    batching, _ = batcher(model)
    first = asyncio.create_task(batching.submit(1, row(1), 9.0))
    await settle()
    model.open.set()
    with pytest.raises(ModelFailed):
        await first
    model.error = None

    assert (await batching.submit(1, row(2), 9.0)).probabilities[0] == 2


@given(st.lists(st.tuples(st.integers(1, 2), st.sampled_from(["stay", "leave", "expire"])), max_size=30), st.booleans())
def test_each_image_is_answered_exactly_once(clients: list[tuple[int, str]], fails: bool) -> None:  # noqa: FBT001
    """With clients that leave, images that expire and calls that fail: who stays gets the own answer."""

    async def scenario() -> None:
        model, clock = Echo(), Clock()
        model.error = ModelFailed("no") if fails else None
        batching, _ = batcher(model, clock)
        tasks = [
            asyncio.create_task(batching.submit(version, row(n), 1.0 if fate == "expire" else 9.0))
            for n, (version, fate) in enumerate(clients)
        ]
        await settle()
        for task, (_, fate) in zip(tasks, clients, strict=True):
            if fate == "leave":
                task.cancel()
        clock.now = 2.0
        model.open.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for n, (result, (version, fate)) in enumerate(zip(results, clients, strict=True)):
            if isinstance(result, Scores):
                assert [n, version] == result.probabilities.tolist()
            elif isinstance(result, asyncio.CancelledError):
                assert fate == "leave"
            else:
                assert isinstance(result, DeadlineExceeded) if fate == "expire" and not fails else fails
        sent = [value for _, values in model.batches for value in values]
        assert len(sent) == len(set(sent))
        assert all(len(values) <= LIMITS.max_batch for _, values in model.batches)
        assert batching.statistics().waiting == 0

    asyncio.run(scenario())

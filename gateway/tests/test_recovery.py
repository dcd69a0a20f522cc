"""What becomes of a call that fails: nobody pays for a neighbour, and a retry never multiplies the load."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from gateway.backend import Backend
from gateway.batching.entries import Answer, Row
from gateway.errors import (
    DeadlineExceeded,
    GatewayError,
    ModelBusy,
    ModelFailed,
    ModelRefused,
    ModelUnavailable,
    VersionGone,
)
from gateway.metrics import RETRIES, Metrics
from gateway.observations import ObservedModel, Outcome
from gateway.recovery import Recovery, RetryBudget
from tests.processes import eventually
from tests.scripted import ScriptedServer, Version, certain, scripted

POISON = 255


class Model:
    """A model that refuses batches with a poisoned row, and fails as often as it is told to; a call takes `takes_s`."""

    def __init__(self, *failures: type[GatewayError], takes_s: float = 0.0) -> None:
        self.failures = deque(failures)
        self.takes_s = takes_s
        self.now = 0.0
        self.batches: list[list[int]] = []
        self.timeouts: list[float] = []

    async def __call__(self, _version: int, images: Sequence[Row], timeout_s: float, /) -> NDArray[np.float32]:
        values = [int(image[0, 0, 0]) for image in images]
        self.batches.append(values)
        self.timeouts.append(timeout_s)
        self.now += self.takes_s
        if self.failures:
            raise self.failures.popleft()("as the test has it")
        if POISON in values:
            raise ModelRefused("not these")
        return np.array([[value, 0] for value in values], np.float32)


def rows(*values: int) -> list[Row]:
    return [np.full((2, 2, 1), value, np.uint8) for value in values]


def recovery(model: Model, reserve: int = 10) -> tuple[Recovery, Metrics]:
    metrics = Metrics(CollectorRegistry())
    return Recovery(model, metrics, RetryBudget(reserve), lambda: model.now), metrics


def told(answers: Sequence[Answer]) -> list[object]:
    """Return the first number of each answer, or the class of the error."""
    return [type(answer) if isinstance(answer, GatewayError) else int(answer[0]) for answer in answers]


def retries(metrics: Metrics) -> dict[str, float]:
    return {outcome: metrics.retries.labels(outcome)._value.get() for outcome in RETRIES}  # noqa: SLF001


@given(st.lists(st.sampled_from([1, 2, 3, POISON]), min_size=1, max_size=33))
def test_a_refused_row_fails_alone_and_its_neighbours_are_answered(values: list[int]) -> None:
    """Whatever rows are refused, wherever they stand: one outcome for each image, in order, in 2N - 1 calls at most."""
    model = Model()
    recover, _ = recovery(model)

    answers = asyncio.run(recover(1, rows(*values), 9.0))

    assert told(answers) == [ModelRefused if value == POISON else value for value in values]
    assert len(model.batches) <= 2 * len(values) - 1
    answered = [value for batch in model.batches if POISON not in batch for value in batch]
    assert sorted(answered) == sorted(value for value in values if value != POISON)


async def test_parting_a_batch_ends_at_its_deadline() -> None:
    """Each part is told what time is left, and what comes too late is not sent."""
    model = Model(takes_s=4.0)
    recover, metrics = recovery(model)

    answers = await recover(1, rows(1, POISON, 2, 3), 9.0)

    assert model.timeouts == [9.0, 5.0, 1.0]
    assert told(answers) == [DeadlineExceeded, DeadlineExceeded, 2, 3]
    assert metrics.bisections._value.get() == 2  # noqa: SLF001 - the client library offers no other way to read


async def test_a_lost_call_is_sent_once_more() -> None:
    """The client does not notice, and the deadline stays what it was."""
    model = Model(ModelUnavailable, takes_s=1.0)
    recover, metrics = recovery(model)

    assert told(await recover(1, rows(1, 2), 9.0)) == [1, 2]
    assert model.batches == [[1, 2], [1, 2]]
    assert model.timeouts == [9.0, 8.0]
    assert retries(metrics) == {"answered": 1, "failed": 0, "over_budget": 0}


async def test_a_call_that_is_lost_twice_is_not_sent_again() -> None:
    """A server that is away is a 503 at once."""
    model = Model(ModelUnavailable, ModelUnavailable)
    recover, metrics = recovery(model)

    assert told(await recover(1, rows(1, 2), 9.0)) == [ModelUnavailable, ModelUnavailable]
    assert len(model.batches) == 2
    assert retries(metrics) == {"answered": 0, "failed": 1, "over_budget": 0}


@pytest.mark.parametrize("error", [ModelBusy, VersionGone, DeadlineExceeded, ModelFailed])
async def test_no_other_failure_is_sent_again(error: type[GatewayError]) -> None:
    """A busy or late server gets no second helping; a version that has gone is not there a moment later."""
    model = Model(error)
    recover, _ = recovery(model)

    assert told(await recover(1, rows(1, 2), 9.0)) == [error, error]
    assert len(model.batches) == 1


async def test_a_lost_call_whose_time_is_up_is_not_sent_again() -> None:
    """Nobody would wait for the answer."""
    model = Model(ModelUnavailable, takes_s=2.0)
    recover, _ = recovery(model)

    assert told(await recover(1, rows(1), 1.0)) == [DeadlineExceeded]
    assert len(model.batches) == 1


@given(st.integers(0, 5), st.lists(st.booleans(), max_size=300))
def test_retries_are_a_tenth_of_the_calls_and_the_reserve_at_most(reserve: int, losses: list[bool]) -> None:
    """However many calls are lost, and in whatever order."""
    model = Model()
    recover, metrics = recovery(model, reserve)

    async def scenario() -> None:
        for lost in losses:
            model.failures.extend([ModelUnavailable, ModelUnavailable] if lost else [])
            await recover(1, rows(1), 9.0)
            model.failures.clear()

    asyncio.run(scenario())
    count = retries(metrics)
    assert len(model.batches) - len(losses) == count["failed"] <= reserve + len(losses) / 10
    assert count["failed"] + count["over_budget"] == sum(losses)


def test_a_budget_that_was_spent_fills_again() -> None:
    """Ten calls pay for one retry; more than the reserve is never saved."""
    budget = RetryBudget(2)
    spent = [budget.withdraw() for _ in range(3)]
    for _ in range(10):
        budget.pay_in()
    again = [budget.withdraw() for _ in range(2)]
    for _ in range(1000):
        budget.pay_in()

    assert (spent, again) == ([True, True, False], [True, False])
    assert [budget.withdraw() for _ in range(3)] == [True, True, False]


async def test_a_version_is_blamed_for_the_images_that_failed_and_for_no_other() -> None:
    """Who watches versions hears of each refused image, once; a lost connection is nobody's fault."""
    blamed: list[Outcome] = []
    model = Model()
    recover, _ = recovery(model)
    observed = ObservedModel(recover, lambda _: "candidate", blamed.append)

    answers = await observed(7, rows(1, POISON, 2, POISON), 9.0)
    model.failures.extend([ModelUnavailable, ModelUnavailable])
    await observed(7, rows(1, 2), 9.0)

    assert told(answers) == [1, ModelRefused, 2, ModelRefused]
    assert [(each.version, each.role, each.error) for each in blamed] == [(7, "candidate", "model-failed")] * 2


@asynccontextmanager
async def asking(server: ScriptedServer) -> AsyncIterator[Recovery]:
    """Return a recovery that asks a real server."""
    metrics = Metrics(CollectorRegistry())
    backend = Backend.connect(server.target, "lung", metrics)
    try:
        yield Recovery(backend.predict, metrics)
    finally:
        await backend.close()


async def test_the_row_that_a_server_refuses_fails_alone() -> None:
    """INVALID_ARGUMENT on the wire is what parts a batch."""

    def picky(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        if (images == POISON).any():
            raise ValueError("not these")
        return certain(1)(images)

    with scripted(v1=Version(picky)) as server:
        async with asking(server) as recover:
            answers = await recover(1, rows(1, 2, POISON, 3), 9.0)

    assert [isinstance(answer, ModelRefused) for answer in answers] == [False, False, True, False]
    assert server.calls == [(1, 4), (1, 2), (1, 2), (1, 1), (1, 1)]


async def test_who_leaves_cancels_what_is_under_way() -> None:
    """The server is told, so that it computes for nobody."""
    version = Version(certain(1))
    version.answers.clear()
    with scripted(v1=version) as server:
        async with asking(server) as recover:
            call = asyncio.create_task(recover(1, rows(1, 2), 60.0))
            await asyncio.to_thread(eventually, lambda: server.calls == [(1, 2)], within=10, what="the call is there")
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            cancelled = "the server hears that the call was cancelled"
            await asyncio.to_thread(eventually, lambda: server.cancelled == [(1, 2)], within=10, what=cancelled)


async def test_a_server_that_never_answers_is_asked_once_and_ends_at_the_deadline() -> None:
    """DEADLINE_EXCEEDED of the wire is not sent again."""
    version = Version(certain(1), fails_with=grpc.StatusCode.DEADLINE_EXCEEDED)
    with scripted(v1=version) as server:
        async with asking(server) as recover:
            answers = await recover(1, rows(1), 9.0)

    assert told(answers) == [DeadlineExceeded]
    assert server.calls == [(1, 1)]

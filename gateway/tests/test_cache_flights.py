"""The bounded map of the result cache, and the computations that are waited for together, without any I/O."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.flights import Flights
from gateway.cache.results import Results
from gateway.errors import ModelFailed, ModelUnavailable
from tests.settling import settle

KEYS = ("a", "b", "c", "d", "e")


class Computations:
    """Computations that a test ends one by one, and what they were cancelled or asked for."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, int]] = []
        self.begun: list[tuple[str, asyncio.Future[int]]] = []
        self.cancelled: Counter[int] = Counter()
        self.flights: Flights[str, int] = Flights(lambda key, value: self.kept.append((key, value)))

    def join(self, key: str) -> asyncio.Task[int]:
        return asyncio.create_task(self.flights.join(key, lambda: self._compute(key)))

    def running(self, key: str) -> list[tuple[int, asyncio.Future[int]]]:
        return [(n, end) for n, (name, end) in enumerate(self.begun) if name == key and not end.done()]

    async def _compute(self, key: str) -> int:
        number = len(self.begun)
        end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.begun.append((key, end))
        try:
            return await end
        except asyncio.CancelledError:
            self.cancelled[number] += 1
            raise


@given(st.integers(1, 4), st.lists(st.tuples(st.sampled_from(["get", "put", "forget"]), st.sampled_from(KEYS))))
def test_the_map_is_bounded_and_forgets_what_was_not_asked_for_the_longest(
    limit: int, steps: list[tuple[str, str]]
) -> None:
    """Against a list that is ordered by last use: the same entries, and never more than the limit."""
    results: Results[str, int] = Results(limit)
    model: list[tuple[str, int]] = []  # the least recently used first
    for n, (step, key) in enumerate(steps):
        known = next((entry for entry in model if entry[0] == key), None)
        if step == "get":
            assert results.get(key) == (known[1] if known else None)
            model = [entry for entry in model if entry is not known] + ([known] if known else [])
        elif step == "put":
            results.put(key, n)
            model = [*(entry for entry in model if entry is not known), (key, n)][-limit:]
        else:
            results.keep(key.__ne__)
            model = [entry for entry in model if entry is not known]
        order: list[str] = []
        results.keep(lambda key, order=order: order.append(key) is None)  # type: ignore[misc] # it keeps all
        assert order == [key for key, _ in model]
        assert len(results) == len(model)
        assert len(results) <= limit


class Crowd:
    """Callers that come and go, and computations that end, as a test draws it; what is known of each is kept."""

    def __init__(self) -> None:
        self.work = Computations()
        self.waiters: list[tuple[str, asyncio.Task[int]]] = []
        self.left: set[asyncio.Task[int]] = set()
        self.failed: set[int] = set()
        self.parted: set[int] = set()

    async def step(self, step: str, key: str, pick: int) -> None:
        """Do one thing, to the `pick`th of those to whom it can be done."""
        await getattr(self, step)(key, pick)
        if pick % 2:  # otherwise the next step meets what is not settled
            await settle()
            self.check_joinable()

    async def join(self, key: str, _pick: int) -> None:
        self.waiters.append((key, self.work.join(key)))

    async def leave(self, key: str, pick: int) -> None:
        waiting = [task for name, task in self.waiters if name == key and not task.done() and task not in self.left]
        if waiting:
            gone = waiting[pick % len(waiting)]
            gone.cancel()
            self.left.add(gone)

    async def finish(self, key: str, pick: int) -> None:
        if running := self.work.running(key):
            number, end = running[pick % len(running)]
            end.set_result(number)

    async def fail(self, key: str, pick: int) -> None:
        if running := self.work.running(key):
            number, end = running[pick % len(running)]
            end.set_exception(ModelFailed(str(number)))
            self.failed.add(number)

    async def part(self, key: str, _pick: int) -> None:
        await settle()
        self.parted.update(number for number, _ in self.work.running(key))
        self.work.flights.part(lambda other: other != key)

    async def finish_all(self) -> None:
        await settle()
        for key in KEYS:
            for _ in self.work.running(key):
                await self.finish(key, 0)
        await asyncio.gather(*(task for _, task in self.waiters), return_exceptions=True)

    def check_joinable(self) -> None:
        """At most one computation of a key can be joined."""
        joinable = [number for key in KEYS for number, _ in self.work.running(key) if number not in self.parted]
        assert len(joinable) == len({self.work.begun[number][0] for number in joinable})

    def check_outcomes(self) -> None:
        """Who left was let go; who stayed got what a computation of the own key came to."""
        for key, task in self.waiters:
            if task.cancelled():
                assert task in self.left
                continue
            error = task.exception()
            number = int(str(error)) if error is not None else task.result()
            assert (number in self.failed) == isinstance(error, ModelFailed)
            assert self.work.begun[number][0] == key
            assert number not in self.work.cancelled

    def check_kept(self) -> None:
        """Each result was kept once, and none that failed, was parted, or was cancelled; nothing is left over."""
        kept = [number for _, number in self.work.kept]
        assert len(kept) == len(set(kept))
        assert not set(kept) & (self.failed | self.parted | set(self.work.cancelled))
        assert len(self.work.flights) == 0
        assert not any(key in self.work.flights for key in KEYS)


STEPS = st.sampled_from(["join", "join", "join", "leave", "finish", "fail", "part"])


@given(st.lists(st.tuples(STEPS, st.sampled_from(KEYS[:2]), st.integers(0, 9)), max_size=40))
def test_each_waiter_gets_exactly_one_outcome(steps: list[tuple[str, str, int]]) -> None:
    """Whoever comes, leaves, finishes or fails when, and whatever is parted meanwhile."""

    async def scenario() -> None:
        crowd, bugs = Crowd(), list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: bugs.append(context))
        for step in steps:
            await crowd.step(*step)
        await crowd.finish_all()
        crowd.check_outcomes()
        crowd.check_kept()
        assert bugs == []

    asyncio.run(scenario())


async def test_who_began_may_leave() -> None:
    """The others go on waiting for the same computation."""
    work = Computations()
    first, second, third = work.join("a"), work.join("a"), work.join("a")
    await settle()
    first.cancel()
    await settle()
    [(number, end)] = work.running("a")
    end.set_result(number)

    assert (await second, await third) == (0, 0)
    assert first.cancelled()
    assert work.kept == [("a", 0)]
    assert not work.cancelled


async def test_when_all_have_left_the_computation_is_cancelled_and_the_next_one_begins_anew() -> None:
    """Nobody inherits an end that was meant for others."""
    work = Computations()
    first, second = work.join("a"), work.join("a")
    await settle()
    first.cancel()
    second.cancel()
    await settle()
    third = work.join("a")
    await settle()
    [(number, end)] = work.running("a")
    end.set_result(number)

    assert await third == 1
    assert work.cancelled == {0: 1}


async def test_a_computation_that_is_cancelled_from_elsewhere_is_an_error_and_not_a_cancellation() -> None:
    """A request that nobody cancelled is answered."""
    work = Computations()
    waiter = work.join("a")
    await settle()
    work.begun[0][1].cancel()

    with pytest.raises(ModelUnavailable):
        await waiter


async def test_closing_waits_for_what_is_under_way() -> None:
    """Shutting down loses nobody."""
    work = Computations()
    waiter = work.join("a")
    await settle()
    closing = asyncio.create_task(work.flights.close())
    await settle()
    assert not closing.done()
    work.begun[0][1].set_result(0)
    await closing

    assert await waiter == 0

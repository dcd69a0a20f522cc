"""Writes in one thread, in groups: whoever waits while a commit runs shares the next one."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeVar

import msgspec
import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import HistoryUnavailable
from gateway.history.commits import Away, Row, Work, write
from gateway.history.database import Durability, close_writer
from gateway.history.metrics import HistoryMetrics
from gateway.history.retention import Retention, Sweeper

Returned = TypeVar("Returned")
Policy = Literal["required", "best_effort"]

_GROUP = 512  # rows in a commit
_PAUSE_S = 0.2  # until rows that were answered already are tried again
_LAST_TRIES_S = 3.0  # for which the end of the gateway waits for an absent database, and for such rows alone


class Terms(msgspec.Struct, frozen=True):
    """What an answer promises of its row."""

    durability: Durability = "normal"
    policy: Policy = "required"
    """Whether a prediction that cannot be recorded is refused, or given and marked."""


class Pending(msgspec.Struct, frozen=True, eq=False):
    """A prediction, or other work, that waits for its commit."""

    work: Work
    committed: asyncio.Future[Any] | None
    """What the work returned; None for a prediction. There is none where it was answered already."""
    then: Callable[[], None] = lambda: None
    """Called on the event loop when it is committed, whether or not somebody still waits for that."""


class HistoryWriter:
    """The one writer of this process. Owns its thread from `start` to `close`."""

    def __init__(
        self,
        engine: Engine,
        capacity: int,
        metrics: HistoryMetrics,
        terms: Terms = Terms(),  # noqa: B008 - immutable
        retention: Retention = Retention(),  # noqa: B008 - immutable
    ) -> None:
        self._engine = engine
        self._queue: queue.Queue[Pending | None] = queue.Queue(capacity)
        self._capacity = capacity
        self._metrics = metrics
        self._terms = terms
        self._sweeper = Sweeper(retention, metrics)
        self._log = structlog.get_logger()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._write, name="history")
        self._give_up = float("inf")
        self._held: list[Pending] = []
        """Answered already, and not yet written, since the database is away."""
        metrics.durability.labels(terms.durability).set(1)

    def start(self) -> None:
        """Start the thread; answers go to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def record(self, row: Row, then: Callable[[], None] = lambda: None) -> bool:
        """Return when `row`, a prediction, is committed; with the durability `async` at once.

        Args:
            row: what is written.
            then: called once the prediction counts as made, just before this returns; also where the caller was
                cancelled meanwhile, since the row is written nevertheless.

        Returns:
            Whether it is in the history, or will be; False where the policy is to answer without.

        Raises:
            HistoryUnavailable: too many rows wait, or the commit failed. The row is not in the history, unless the
                connection was lost while it was committed.
        """
        try:
            if self._terms.durability == "async":
                self._put(Pending(row, None))
                self._metrics.unconfirmed.inc()
                then()
            else:
                await self._submit(row, then)
        except HistoryUnavailable:
            if self._terms.policy == "required":
                raise
            self._metrics.unrecorded.inc()
            then()
            return False
        return True

    async def run(self, work: Callable[[Connection], Returned]) -> Returned:
        """Return what `work` returned, when it is committed; it runs in the writer's thread, in a group's transaction.

        It may run twice, when that of the first time was undone. What it raises undoes it too, and is raised here.

        Raises:
            HistoryUnavailable: too many rows wait, or the commit failed.
        """
        if self._held:  # nothing gets past them
            raise HistoryUnavailable("the history cannot be written; earlier predictions wait for it too")
        returned: Returned = await self._submit(work)
        return returned

    async def close(self) -> None:
        """Write what waits, and end the thread."""
        self._give_up = time.monotonic() + _LAST_TRIES_S
        await asyncio.to_thread(self._queue.put, None)
        await asyncio.to_thread(self._thread.join)
        with suppress(HistoryUnavailable, OSError):  # whoever writes now checkpoints in our place
            await asyncio.to_thread(close_writer, self._engine)

    async def _submit(self, work: Work, then: Callable[[], None] = lambda: None) -> Any:  # noqa: ANN401 - of the work
        committed = asyncio.get_running_loop().create_future()
        self._put(Pending(work, committed, then))
        return await committed

    def _put(self, pending: Pending) -> None:
        self._metrics.queue_depth.inc()
        try:
            self._queue.put_nowait(pending)
        except queue.Full as error:
            self._metrics.queue_depth.dec()
            self._count("refused", [pending])
            raise HistoryUnavailable(
                f"{self._capacity} rows wait to be written; that is the limit, PULMO_HISTORY_QUEUE"
            ) from error

    def _write(self) -> None:
        open_for_more = True
        while open_for_more or self._held:
            if self._held:
                time.sleep(_PAUSE_S)  # in the writer's own thread; a database offers no event
            group, more = self._next_group() if open_for_more else ([], False)
            open_for_more = open_for_more and more
            held = self._commit([*self._held, *group]) if group or self._held else []
            if held and time.monotonic() > self._give_up:
                self._fail(held, HistoryUnavailable("the gateway ends"), "lost")
                held = []
            elif self._held and not held:
                self._log.info("history caught up", rows=len(self._held))
            self._held = held
            if not held and open_for_more:
                self._sweeper.sweep(self._engine)

    def _next_group(self) -> tuple[list[Pending], bool]:
        """Wait for a row if there is nothing else to do, take all that are there; False when the end was among them."""
        group: list[Pending] = []
        if len(self._held) >= _GROUP:
            return group, True
        try:
            item = self._queue.get(timeout=0.0 if self._held else self._sweeper.due_in())
        except queue.Empty:
            return group, True
        while item is not None:
            group.append(item)
            if len(group) == _GROUP or self._queue.empty():
                return group, True
            item = self._queue.get_nowait()
        return group, False

    def _commit(self, group: Sequence[Pending], *, again: bool = True) -> list[Pending]:
        """Commit a group, and return those of it that have to be tried again: rows that were answered already."""
        begin = time.perf_counter()
        try:
            returned = write(self._engine, [pending.work for pending in group])
        except Away as away:
            return self._retry(group, away) if again and away.lost else self._give_back(group, away)
        except Exception as error:  # noqa: BLE001 - whatever it is, it may end neither the thread nor the others' wait
            if len(group) > 1:
                return [held for pending in group for held in self._commit([pending])]
            self._fail(group, error, "failed")
            return []
        self._metrics.commit_duration.observe(time.perf_counter() - begin)
        self._settle("committed", group)
        self._answer(group, returned)
        return []

    def _retry(self, group: Sequence[Pending], away: Away) -> list[Pending]:
        """Try a group again with a new connection, but not work that may have been done, and must not be done twice."""
        twice = [] if away.undone else [pending for pending in group if callable(pending.work)]
        self._fail(twice, away.error, "failed")
        return self._commit([pending for pending in group if pending not in twice], again=False)

    def _give_back(self, group: Sequence[Pending], away: Away) -> list[Pending]:
        """Tell those who wait that it failed, and return the others."""
        self._fail([pending for pending in group if pending.committed is not None], away.error, "failed")
        held = [pending for pending in group if pending.committed is None]
        if held and not self._held:
            self._log.warning("history away", waiting=len(held), internals=away.error.internals or away.error.detail)
        return held

    def _fail(self, group: Sequence[Pending], error: Exception, outcome: str) -> None:
        if any(pending.committed is None for pending in group):
            self._log.error(
                "predictions that were answered are not in the history", rows=len(group), internals=str(error)
            )
        self._settle(outcome, group)
        told = HistoryUnavailable("the history refused it", internals=str(error))
        self._answer(group, [told if isinstance(error, SQLAlchemyError) else error] * len(group))

    def _settle(self, outcome: str, group: Sequence[Pending]) -> None:
        self._count(outcome, group)
        self._metrics.queue_depth.dec(len(group))
        self._metrics.unconfirmed.dec(sum(pending.committed is None for pending in group))

    def _count(self, outcome: str, group: Sequence[Pending]) -> None:
        predictions = sum(isinstance(pending.work, dict) for pending in group)
        self._metrics.rows.labels(outcome).inc(predictions)

    def _answer(self, group: Sequence[Pending], answers: Sequence[Any]) -> None:
        def answer() -> None:
            for pending, given in zip(group, answers, strict=True):
                if not isinstance(given, Exception):
                    pending.then()
                if pending.committed is None or pending.committed.done():
                    continue
                if isinstance(given, Exception):
                    pending.committed.set_exception(given)
                else:
                    pending.committed.set_result(given)

        if self._loop is not None:
            self._loop.call_soon_threadsafe(answer)

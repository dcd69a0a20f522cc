"""Writes in one thread, in groups: whoever waits while a commit runs shares the next one."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import HistoryUnavailable
from gateway.history.database import close_writer, writing
from gateway.history.metrics import HistoryMetrics
from gateway.history.schema import PREDICTIONS

Row = dict[str, Any]
Returned = TypeVar("Returned")

_GROUP = 512  # rows in a commit


class Pending(msgspec.Struct, frozen=True, eq=False):
    """A prediction, or other work, that waits for its commit."""

    write: Row | Callable[[Connection], Any]
    committed: asyncio.Future[Any]
    """What the work returned; None for a prediction."""


class HistoryWriter:
    """The one writer of this process. Owns its thread from `start` to `close`."""

    def __init__(self, engine: Engine, capacity: int, metrics: HistoryMetrics) -> None:
        self._engine = engine
        self._queue: queue.Queue[Pending | None] = queue.Queue(capacity)
        self._capacity = capacity
        self._metrics = metrics
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._write, name="history")

    def start(self) -> None:
        """Start the thread; answers go to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def record(self, row: Row) -> None:
        """Return when `row`, a prediction, is committed.

        Raises:
            HistoryUnavailable: too many rows wait, or the commit failed; the row is not in the history.
        """
        await self._submit(Pending(row, asyncio.get_running_loop().create_future()))

    async def run(self, work: Callable[[Connection], Returned]) -> Returned:
        """Return what `work` returned, when it is committed; it runs in the writer's thread, in a group's transaction.

        Raises:
            HistoryUnavailable: too many rows wait, or the commit failed; what `work` did is undone.
        """
        returned: Returned = await self._submit(Pending(work, asyncio.get_running_loop().create_future()))
        return returned

    async def close(self) -> None:
        """Write what waits, and end the thread."""
        await asyncio.to_thread(self._queue.put, None)
        await asyncio.to_thread(self._thread.join)
        with suppress(HistoryUnavailable, OSError):  # whoever writes now checkpoints in our place
            await asyncio.to_thread(close_writer, self._engine)

    async def _submit(self, pending: Pending) -> Any:  # noqa: ANN401 - whatever the work returns
        try:
            self._queue.put_nowait(pending)
        except queue.Full as error:
            self._count("refused", [pending])
            raise HistoryUnavailable(
                f"{self._capacity} rows wait to be written; that is the limit, PULMO_HISTORY_QUEUE"
            ) from error
        self._metrics.queue_depth.set(self._queue.qsize())
        return await pending.committed

    def _write(self) -> None:
        open_for_more = True
        while open_for_more:
            group, open_for_more = self._next_group()
            if group:
                self._commit(group)
            self._metrics.queue_depth.set(self._queue.qsize())

    def _next_group(self) -> tuple[list[Pending], bool]:
        """Wait for a row, then take all that are there; False when the end was among them."""
        group: list[Pending] = []
        item = self._queue.get()
        while item is not None:
            group.append(item)
            if len(group) == _GROUP or self._queue.empty():
                return group, True
            item = self._queue.get_nowait()
        return group, False

    def _commit(self, group: Sequence[Pending]) -> None:
        begin = time.perf_counter()
        try:
            with writing(self._engine) as connection:
                if rows := [pending.write for pending in group if isinstance(pending.write, dict)]:
                    connection.execute(insert(PREDICTIONS), rows)
                returned = [pending.write(connection) if callable(pending.write) else None for pending in group]
        except HistoryUnavailable as error:
            self._fail(group, error)
        except (SQLAlchemyError, OSError) as error:
            self._fail(group, HistoryUnavailable("the history cannot be written", internals=str(error)))
        else:
            self._metrics.commit_duration.observe(time.perf_counter() - begin)
            self._count("committed", group)
            self._answer(group, returned)

    def _fail(self, group: Sequence[Pending], error: HistoryUnavailable) -> None:
        self._count("failed", group)
        self._answer(group, [error] * len(group))

    def _count(self, outcome: str, group: Sequence[Pending]) -> None:
        predictions = sum(isinstance(pending.write, dict) for pending in group)
        self._metrics.rows.labels(outcome).inc(predictions)

    def _answer(self, group: Sequence[Pending], answers: Sequence[Any]) -> None:
        def answer() -> None:
            for pending, given in zip(group, answers, strict=True):
                if pending.committed.done():
                    continue
                if isinstance(given, HistoryUnavailable):
                    pending.committed.set_exception(given)
                else:
                    pending.committed.set_result(given)

        if self._loop is not None:
            self._loop.call_soon_threadsafe(answer)

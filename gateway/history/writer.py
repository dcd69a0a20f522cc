"""Writes rows in one thread, in groups: whoever waits while a commit runs shares the next one."""

import asyncio
import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine, Table, insert
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import HistoryUnavailable
from gateway.history.schema import PREDICTIONS
from gateway.metrics import Metrics

Row = dict[str, Any]

_GROUP = 512  # rows in a commit


class Pending(msgspec.Struct, frozen=True, eq=False):
    """A row that waits for its commit."""

    table: Table
    row: Row
    committed: asyncio.Future[None]


class HistoryWriter:
    """The one writer of the history. Owns its thread from `start` to `close`."""

    def __init__(self, engine: Engine, capacity: int, metrics: Metrics) -> None:
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

    async def record(self, row: Row, table: Table = PREDICTIONS) -> None:
        """Return when `row` of `table` is committed.

        Raises:
            HistoryUnavailable: too many rows wait, or the commit failed; the row is not in the history.
        """
        pending = Pending(table, row, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(pending)
        except queue.Full as error:
            self._count("refused", [pending])
            raise HistoryUnavailable(
                f"{self._capacity} rows wait to be written; that is the limit, PULMO_HISTORY_QUEUE"
            ) from error
        self._metrics.history_queue_depth.set(self._queue.qsize())
        await pending.committed

    async def close(self) -> None:
        """Write what waits, and end the thread."""
        await asyncio.to_thread(self._queue.put, None)
        await asyncio.to_thread(self._thread.join)
        self._engine.dispose()

    def _write(self) -> None:
        open_for_more = True
        while open_for_more:
            group, open_for_more = self._next_group()
            if group:
                self._commit(group)
            self._metrics.history_queue_depth.set(self._queue.qsize())

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
            with self._engine.begin() as connection:
                for table in {pending.table for pending in group}:
                    connection.execute(insert(table), [pending.row for pending in group if pending.table is table])
        except SQLAlchemyError as error:
            self._count("failed", group)
            self._answer(group, HistoryUnavailable("the history cannot be written", internals=str(error)))
        else:
            self._metrics.history_commit_duration.observe(time.perf_counter() - begin)
            self._count("committed", group)
            self._answer(group, None)

    def _count(self, outcome: str, group: Sequence[Pending]) -> None:
        predictions = sum(pending.table is PREDICTIONS for pending in group)
        self._metrics.history_rows.labels(outcome).inc(predictions)

    def _answer(self, group: Sequence[Pending], error: HistoryUnavailable | None) -> None:
        def answer() -> None:
            for pending in group:
                if pending.committed.done():
                    continue
                if error is None:
                    pending.committed.set_result(None)
                else:
                    pending.committed.set_exception(error)

        if self._loop is not None:
            self._loop.call_soon_threadsafe(answer)

"""Reads the history in pages, newest first."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, Table, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import HistoryUnavailable
from gateway.history.schema import PREDICTIONS

Returned = TypeVar("Returned")


class Page(msgspec.Struct, frozen=True):
    """Some rows, newest first, and where the following page begins; None on the last page."""

    rows: list[dict[str, Any]]
    next: int | None


class HistoryReader:
    """Reads beside the writer, in threads; never blocks the event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def page(self, limit: int, after: int | None, table: Table = PREDICTIONS) -> Page:
        """Return `limit` rows of `table` at most, older than the row `after`; the newest where it is None.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        query: Any = select(table).order_by(table.c.sequence.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(table.c.sequence < after)
        rows = await self.run(lambda connection: [dict(row) for row in connection.execute(query).mappings()])
        more = len(rows) > limit
        return Page(rows[:limit], rows[limit - 1]["sequence"] if more else None)

    async def run(self, work: Callable[[Connection], Returned]) -> Returned:
        """Return what `work` returned; it runs in a thread, with a connection that cannot write.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        return await asyncio.to_thread(self._run, work)

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self._engine.dispose)

    def _run(self, work: Callable[[Connection], Returned]) -> Returned:
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise HistoryUnavailable("the history cannot be read", internals=str(error)) from error

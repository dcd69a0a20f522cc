"""Reads the history in pages, newest first."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import HistoryUnavailable
from gateway.history.filters import Filters
from gateway.history.schema import PREDICTIONS
from gateway.history.search import Page, newest, search

Returned = TypeVar("Returned")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Hold a connection for the length of a block.

    Raises:
        HistoryUnavailable: the database cannot be read.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise HistoryUnavailable("the history cannot be read", internals=str(error)) from error


class HistoryReader:
    """Reads beside the writer, in threads; never blocks the event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def page(self, limit: int, after: int | None, table: Table = PREDICTIONS) -> Page:
        """Return `limit` rows of `table` at most, older than the row `after`; the newest where it is None.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        return await self.run(lambda connection: newest(connection, table, limit, after))

    async def search(self, filters: Filters, limit: int, after: int | None) -> Page:
        """Return `limit` predictions at most that meet the filters, as `page` does; fewer where few of many do.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        return await self.run(lambda connection: search(connection, filters, limit, after))

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
        with reading(self._engine) as connection:
            return work(connection)

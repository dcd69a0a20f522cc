"""The route and its past, in the database: a row for each change, only ever added to."""

from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, literal, select

from gateway.history.database import keep_others_from
from gateway.history.reader import HistoryReader
from gateway.history.records import route_from_row, route_to_row
from gateway.history.schema import ROUTES
from gateway.history.writer import HistoryWriter
from gateway.schemas import RouteChange


class RoutePage(msgspec.Struct, frozen=True):
    """Some changes, newest first, and where the following page begins; None on the last page."""

    changes: list[RouteChange]
    next: int | None


class RouteStore:
    """Writes through the writer of this process, and reads beside it. Other processes may do so too."""

    def __init__(self, writer: HistoryWriter, reader: HistoryReader) -> None:
        self._writer = writer
        self._reader = reader

    async def add(self, change: RouteChange, after: int) -> RouteChange | None:
        """Return the change as it is kept, with its sequence, once it is committed; None if it does not follow `after`.

        Args:
            change: the new one; its sequence is not looked at.
            after: the sequence of the change that it replaces, 0 for the first; whichever process adds one first wins.

        Raises:
            HistoryUnavailable: it cannot be kept.
        """
        row = route_to_row(change)

        def add(connection: Connection) -> int | None:
            """Compare and set while no other can set: there is no moment between the two."""
            keep_others_from(ROUTES, connection)
            newest = select(func.coalesce(func.max(ROUTES.c.sequence), 0)).scalar_subquery()
            values = select(*(literal(value, ROUTES.c[name].type) for name, value in row.items()))
            statement: Any = insert(ROUTES).from_select(list(row), values.where(newest == after))
            sequence: int | None = connection.execute(statement.returning(ROUTES.c.sequence)).scalar_one_or_none()
            return sequence

        sequence = await self._writer.run(add)
        return None if sequence is None else msgspec.structs.replace(change, sequence=sequence)

    async def newest(self) -> RouteChange | None:
        """Return the change that holds, None where there was none ever.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        page = await self.page(1, None)
        return page.changes[0] if page.changes else None

    async def page(self, limit: int, after: int | None) -> RoutePage:
        """Return `limit` changes at most, older than the change `after`; the newest where it is None.

        Raises:
            HistoryUnavailable: the database cannot be read.
        """
        page = await self._reader.page(limit, after, ROUTES)
        return RoutePage([route_from_row(row) for row in page.rows], page.next)

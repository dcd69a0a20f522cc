"""The route and its past, in the database: a row for each change, only ever added to."""

import msgspec

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
    """Writes through the one writer of the history, and reads beside it."""

    def __init__(self, writer: HistoryWriter, reader: HistoryReader) -> None:
        self._writer = writer
        self._reader = reader

    async def add(self, change: RouteChange) -> RouteChange:
        """Return the change as it is kept, with its sequence, once it is committed. One caller at a time.

        Raises:
            HistoryUnavailable: it cannot be kept.
        """
        await self._writer.record(route_to_row(change), ROUTES)
        return await self.newest() or change

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

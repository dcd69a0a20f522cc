"""Uploads in the database: a row for each image that was accepted."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select

from gateway.history.reader import HistoryReader
from gateway.history.schema import UPLOADS
from gateway.history.writer import HistoryWriter

Row = dict[str, Any]
_SHOWN = 10_000  # images of a session; one request brings no more


class Known(msgspec.Struct, frozen=True):
    """What is there already of images that come."""

    labels: dict[str, str | None]
    """By hash, of the newest copy that has a label, or else of one that has none."""
    used: int
    """Bytes of all images that are stored."""


class UploadRecords:
    """Writes through the writer of this process, and reads beside it. All methods raise `HistoryUnavailable`."""

    def __init__(self, writer: HistoryWriter, reader: HistoryReader) -> None:
        self._writer = writer
        self._reader = reader

    async def known(self, hashes: Iterable[str]) -> Known:
        """Return which of these images are stored, as what, and how much is stored in all."""
        stored = select(UPLOADS.c.sha256, UPLOADS.c.label).where(UPLOADS.c.sha256.in_(set(hashes)), UPLOADS.c.stored)
        ordered = stored.order_by(UPLOADS.c.label.is_not(None), UPLOADS.c.sequence)

        def look(connection: Connection) -> Known:
            labels = {row.sha256: row.label for row in connection.execute(ordered)}
            return Known(labels, _used(connection))

        return await self._reader.run(look)

    async def add(self, rows: Sequence[Row], quota: int) -> bool:
        """Keep rows; False, and none is kept, where the images would take more than `quota` bytes in all."""
        size = sum(row["size"] for row in rows if row["stored"])

        def add(connection: Connection) -> bool:
            if size and _used(connection) + size > quota:
                return False
            connection.execute(insert(UPLOADS), rows)
            return True

        return await self._writer.run(add)

    async def of_session(self, session: str) -> list[Row]:
        """Return the rows of a session, in the order in which they came."""
        query = select(UPLOADS).where(UPLOADS.c.session_id == session).order_by(UPLOADS.c.sequence).limit(_SHOWN)
        return await self._reader.run(lambda connection: [dict(row) for row in connection.execute(query).mappings()])

    async def labelled_sessions(self) -> list[str]:
        """Return the sessions that hold labelled images, oldest first."""
        labelled = select(UPLOADS.c.session_id).where(UPLOADS.c.label.is_not(None), UPLOADS.c.stored)
        query = labelled.group_by(UPLOADS.c.session_id).order_by(func.min(UPLOADS.c.sequence))
        return await self._reader.run(lambda connection: list(connection.execute(query).scalars()))


def _used(connection: Connection) -> int:
    used = connection.execute(select(func.coalesce(func.sum(UPLOADS.c.size), 0)).where(UPLOADS.c.stored)).scalar_one()
    return int(used)

"""How long rows stay: the oldest are deleted, a few at a time, so that nobody waits long for the writer."""

import time

import msgspec
import structlog
from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import HistoryUnavailable
from gateway.history.database import writing
from gateway.history.metrics import HistoryMetrics
from gateway.history.schema import PREDICTIONS
from gateway.history.search import bounds_of

CHUNK = 500  # rows in one transaction
_EVERY_S = 10.0
_DAY_S = 86_400

_sequence = PREDICTIONS.c.sequence


class Retention(msgspec.Struct, frozen=True):
    """Which predictions stay; 0 sets no limit."""

    max_age_days: float = 0.0
    max_rows: int = 0


class Sweeper:
    """Deletes what need not stay. Belongs to the writer, in whose thread and between whose groups it works."""

    def __init__(self, retention: Retention, metrics: HistoryMetrics) -> None:
        self._retention = retention
        self._metrics = metrics
        self._log = structlog.get_logger()
        self._due = time.monotonic()

    def due_in(self) -> float | None:
        """Return the seconds until there may be something to delete; None where nothing ever is."""
        if not self._retention.max_age_days and not self._retention.max_rows:
            return None
        return max(0.0, self._due - time.monotonic())

    def sweep(self, engine: Engine) -> None:
        """Delete a chunk, if it is time; where there are more, it is time for the next one at once."""
        if self.due_in() != 0.0:
            return
        try:
            with writing(engine) as connection:
                deleted, more = self._delete(connection)
        except (HistoryUnavailable, OSError, SQLAlchemyError) as error:
            self._log.warning("old predictions cannot be deleted now", internals=str(error))
            deleted, more = 0, False
        self._metrics.deleted_rows.inc(deleted)
        self._due = time.monotonic() + (0.0 if more else _EVERY_S)

    def _delete(self, connection: Connection) -> tuple[int, bool]:
        oldest = connection.execute(select(func.min(_sequence))).scalar()
        if oldest is None:
            return 0, False
        end = first_to_stay(connection, self._retention, time.time())
        until = min(end, oldest + CHUNK)
        deleted = connection.execute(delete(PREDICTIONS).where(_sequence < until)).rowcount
        return deleted, until < end


def first_to_stay(connection: Connection, retention: Retention, now_s: float) -> int:
    """Return the sequence before which nothing stays.

    Rows are counted by their sequences, so those that were never used count too: after failures a few rows fewer stay.

    Args:
        connection: to the database.
        retention: the limits.
        now_s: seconds since 1970.
    """
    bounds = [0]
    if retention.max_rows:
        newest = connection.execute(select(func.max(_sequence))).scalar() or 0
        bounds.append(newest - retention.max_rows + 1)
    if retention.max_age_days:
        oldest_us = round((now_s - retention.max_age_days * _DAY_S) * 1e6)
        bounds.append(bounds_of(connection, oldest_us)[0])
    return max(bounds)

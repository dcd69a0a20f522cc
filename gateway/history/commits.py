"""One transaction: rows and other work, all of it or nothing, and what it means when it fails."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.errors import HistoryUnavailable
from gateway.history.database import migrate, turn
from gateway.history.postgresql import lacks_tables
from gateway.history.schema import PREDICTIONS

Row = dict[str, Any]
Work = Row | Callable[[Connection], Any]
"""A prediction's row, or something else to be done in the transaction."""

_MISTAKES = (DataError, IntegrityError, NotSupportedError, ProgrammingError)  # ours: trying again would not help
_INSERT = {  # a row whose commit ended unknown is written again, and must not be there twice
    "sqlite": sqlite.insert(PREDICTIONS).on_conflict_do_nothing(index_elements=["id"]),
    "postgresql": postgresql.insert(PREDICTIONS).on_conflict_do_nothing(index_elements=["id"]),
}


class Away(Exception):
    """The database could not be written, whatever was to be written."""

    def __init__(self, error: HistoryUnavailable, *, undone: bool = True, lost: bool = False) -> None:
        """Hold what a client is told, whether nothing was kept for sure, and whether a connection was lost."""
        super().__init__(error.detail)
        self.error = error
        self.undone = undone
        self.lost = lost


def write(engine: Engine, works: Sequence[Work]) -> list[Any]:
    """Commit rows and other work, and return what each work returned; None for a row.

    A database that was made anew since it was opened gets its tables first.

    Raises:
        Away: the database is away, locked, full, or lost the connection.
        Exception: what a work raised, or what the database has against one of them; all are undone.
    """
    try:
        return _write(engine, works)
    except DBAPIError as error:
        if not lacks_tables(error):
            raise
        _make_tables(engine)
        return _write(engine, works)


def _make_tables(engine: Engine) -> None:
    try:
        migrate(engine)
    except (HistoryUnavailable, OSError, SQLAlchemyError) as error:
        raise Away(HistoryUnavailable("the history has no tables", internals=str(error))) from error


def _write(engine: Engine, works: Sequence[Work]) -> list[Any]:
    committing = opened = False
    try:
        with turn(engine), engine.connect() as connection:
            opened = True
            returned = _run(connection, works)
            committing = True
            connection.commit()
    except HistoryUnavailable as error:
        if opened:  # a work says so, not the lock
            raise
        raise Away(error) from error
    except (OSError, PoolTimeout, DBAPIError) as error:
        if isinstance(error, _MISTAKES) or (opened and isinstance(error, OSError)):
            raise
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        away = HistoryUnavailable("the history cannot be written", internals=str(error))
        raise Away(away, undone=not committing, lost=lost) from error
    return returned


def _run(connection: Connection, works: Sequence[Work]) -> list[Any]:
    if rows := [work for work in works if isinstance(work, dict)]:
        connection.execute(_INSERT[connection.dialect.name], rows)
    return [work(connection) if callable(work) else None for work in works]

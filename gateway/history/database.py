"""Opens the database of the history and brings it to the newest schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import HistoryUnavailable
from gateway.history.lock import exclusive

Durability = Literal["normal", "full"]

_BUSY_MS = 5000


def open_writer(url: str, durability: Durability) -> Engine:
    """Open the one engine of this process that writes; creates the database and migrates it.

    In WAL mode with `synchronous=NORMAL` a commit survives a killed process, with `FULL` a loss of power too
    (https://sqlite.org/pragma.html#pragma_synchronous).

    Raises:
        HistoryUnavailable: the database cannot be opened, created or migrated.
    """
    engine = _engine(url, f"PRAGMA synchronous={durability}")
    try:
        _path(engine).parent.mkdir(parents=True, exist_ok=True)
        with writing(engine) as connection:
            migrations = Config()
            migrations.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            migrations.set_main_option("path_separator", "os")
            migrations.attributes["connection"] = connection
            command.upgrade(migrations, "head")
    except (OSError, SQLAlchemyError) as error:
        raise HistoryUnavailable(f"the history {url} (PULMO_HISTORY) cannot be opened: {error}") from error
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Hold a transaction, and the right to write, for the length of a block; the commit and its checkpoint are inside.

    Raises:
        HistoryUnavailable: another process keeps that right for too long.
        OSError, SQLAlchemyError: the database, or the lock beside it, cannot be written.
    """
    with exclusive(_lock(engine), _BUSY_MS / 1000), engine.begin() as connection:
        yield connection


def close_writer(engine: Engine) -> None:
    """Close the connections of the engine that writes; the last one of all processes checkpoints.

    Raises:
        HistoryUnavailable: another process keeps the right to write for too long; they are closed nevertheless, which
            checkpoints nothing then.
    """
    try:
        with exclusive(_lock(engine), _BUSY_MS / 1000):
            engine.dispose()
    finally:
        engine.dispose()


def open_reader(url: str) -> Engine:
    """Open an engine that cannot write, nor checkpoint the write-ahead log beside the writer."""
    return _engine(url, "PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0")


def _path(engine: Engine) -> Path:
    return Path(engine.url.database or "")


def _lock(engine: Engine) -> Path:
    path = _path(engine)
    return path.with_name(f"{path.name}.lock")


def _engine(url: str, *pragmas: str) -> Engine:
    engine = create_engine(url)

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        for pragma in (f"PRAGMA busy_timeout={_BUSY_MS}", "PRAGMA journal_mode=WAL", *pragmas):
            connection.execute(pragma)

    event.listen(engine, "connect", prepare)
    return engine

"""The history in a file: SQLite with a write-ahead log, and one writer at a time over all processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Engine, create_engine, event

from gateway.history.lock import exclusive

_BUSY_MS = 5000
_SYNCHRONOUS = {"full": "FULL", "normal": "NORMAL", "async": "NORMAL"}


def open_for_writing(url: URL, durability: Literal["normal", "full", "async"]) -> Engine:
    """Open an engine that writes; makes the folder of the database.

    In WAL mode with `synchronous=NORMAL` a commit survives a killed process, with `FULL` a loss of power too
    (https://sqlite.org/pragma.html#pragma_synchronous).

    Raises:
        OSError: the folder cannot be made.
    """
    Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    return _engine(url, f"PRAGMA synchronous={_SYNCHRONOUS[durability]}")


def open_for_reading(url: URL) -> Engine:
    """Open an engine that cannot write, nor checkpoint the write-ahead log beside the writer."""
    return _engine(url, "PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0")


@contextmanager
def turn(engine: Engine) -> Iterator[None]:
    """Hold the right to write for the length of a block; closing the last connection writes too.

    Raises:
        HistoryUnavailable: another process keeps that right for too long.
        OSError: the lock beside the database cannot be opened.
    """
    path = Path(engine.url.database or "")
    with exclusive(path.with_name(f"{path.name}.lock"), _BUSY_MS / 1000):
        yield


def _engine(url: URL, *pragmas: str) -> Engine:
    engine = create_engine(url)

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        for pragma in (f"PRAGMA busy_timeout={_BUSY_MS}", "PRAGMA journal_mode=WAL", *pragmas):
            connection.execute(pragma)

    event.listen(engine, "connect", prepare)
    return engine

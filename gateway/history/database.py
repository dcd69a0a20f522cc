"""Opens the database of the history and brings it to the newest schema."""

from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import HistoryUnavailable

Durability = Literal["normal", "full"]

_BUSY_MS = 5000


def open_writer(url: str, durability: Durability) -> Engine:
    """Open the one engine that writes; creates the database and migrates it.

    In WAL mode with `synchronous=NORMAL` a commit survives a killed process, with `FULL` a loss of power too
    (https://sqlite.org/pragma.html#pragma_synchronous).

    Raises:
        HistoryUnavailable: the database cannot be opened, created or migrated.
    """
    path = Path(make_url(url).database or "")
    engine = _engine(url, f"PRAGMA synchronous={durability}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with engine.begin() as connection:
            migrations = Config()
            migrations.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            migrations.set_main_option("path_separator", "os")
            migrations.attributes["connection"] = connection
            command.upgrade(migrations, "head")
    except (OSError, SQLAlchemyError) as error:
        raise HistoryUnavailable(f"the history {url} (PULMO_HISTORY) cannot be opened: {error}") from error
    return engine


def open_reader(url: str) -> Engine:
    """Open an engine that cannot write, nor checkpoint the write-ahead log beside the writer."""
    return _engine(url, "PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0")


def _engine(url: str, *pragmas: str) -> Engine:
    engine = create_engine(url)

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        for pragma in (f"PRAGMA busy_timeout={_BUSY_MS}", "PRAGMA journal_mode=WAL", *pragmas):
            connection.execute(pragma)

    event.listen(engine, "connect", prepare)
    return engine

"""Opens the database of the history, whichever it is, and brings it to the newest schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, Table, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import HistoryUnavailable
from gateway.history import postgresql, sqlite

Durability = Literal["normal", "full", "async"]

_SQLITE = "sqlite"


def open_writer(url: str, durability: Durability) -> Engine:
    """Open the one engine of this process that writes; creates the tables, and a file where it is one, and migrates.

    Raises:
        HistoryUnavailable: the database cannot be opened, created or migrated.
    """
    try:
        address = make_url(url)
        if address.get_backend_name() == _SQLITE:
            engine = sqlite.open_for_writing(address, durability)
        else:
            engine = postgresql.open_for_writing(address, durability)
        migrate(engine)
    except (OSError, ValueError, SQLAlchemyError) as error:  # a ValueError of a port that is no number
        raise HistoryUnavailable(f"the history {masked(url)} (PULMO_HISTORY) cannot be opened: {error}") from error
    return engine


def migrate(engine: Engine) -> None:
    """Bring the database to the newest schema, from whatever it is: also from nothing.

    Raises:
        HistoryUnavailable: another process keeps the right to write for too long.
        OSError, SQLAlchemyError: the database, or the lock beside it, cannot be written.
    """
    with writing(engine) as connection:
        if not _is_file(engine):
            postgresql.wait_for_migrations(connection)
        migrations = Config()
        migrations.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        migrations.set_main_option("path_separator", "os")
        migrations.attributes["connection"] = connection
        command.upgrade(migrations, "head")


def open_reader(url: str) -> Engine:
    """Open an engine that cannot write."""
    address = make_url(url)
    if address.get_backend_name() == _SQLITE:
        return sqlite.open_for_reading(address)
    return postgresql.open_for_reading(address)


@contextmanager
def turn(engine: Engine) -> Iterator[None]:
    """Hold the right to write for the length of a block; the commit, and the checkpoint after it, must be inside.

    PostgreSQL lets writers write side by side.

    Raises:
        HistoryUnavailable: another process keeps that right for too long.
        OSError: the lock beside the database cannot be opened.
    """
    if not _is_file(engine):
        yield
        return
    with sqlite.turn(engine):
        yield


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Hold a transaction, and the right to write, for the length of a block.

    Raises:
        HistoryUnavailable: another process keeps that right for too long.
        OSError, SQLAlchemyError: the database, or the lock beside it, cannot be written.
    """
    with turn(engine), engine.begin() as connection:
        yield connection


def keep_others_from(table: Table, connection: Connection) -> None:
    """Let no other transaction write to a table until this one ends; reading goes on."""
    if not _is_file(connection.engine):  # with a file, whoever writes is alone anyway
        connection.execute(text(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE"))


def close_writer(engine: Engine) -> None:
    """Close the connections of the engine that writes; of a file the last one of all processes checkpoints.

    Raises:
        HistoryUnavailable: another process keeps the right to write for too long; they are closed nevertheless, which
            checkpoints nothing then.
    """
    try:
        with turn(engine):
            engine.dispose()
    finally:
        engine.dispose()


def masked(url: str) -> str:
    """Return a URL as it may be shown: with its password, wherever it stands, as `***`."""
    try:
        address = make_url(url)
    except (ValueError, SQLAlchemyError):
        return "URL"
    secret = {name: "***" for name in address.query if "password" in name}
    return address.update_query_dict(secret).render_as_string(hide_password=True)


def _is_file(engine: Engine) -> bool:
    return engine.dialect.name == _SQLITE

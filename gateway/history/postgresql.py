"""The history in PostgreSQL: connections that know what they may do, and give up in time."""

from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

_UNDEFINED_TABLE = "42P01"  # https://www.postgresql.org/docs/15/errcodes-appendix.html
_SYNCHRONOUS = {"full": "on", "normal": "local", "async": "off"}
_MIGRATION = 0x50756C6D6F  # the key of the lock that migrations hold: "Pulmo"
_READERS = 8
_CONNECTING = {  # libpq's names; a server that vanished is given up after some 15 s, not after TCP's quarter of an hour
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
    "application_name": "pulmo",
}
_WRITING = ("SET lock_timeout = '5s'", "SET statement_timeout = '30s'")
_READING = ("SET default_transaction_read_only = on", "SET statement_timeout = '30s'")


def open_for_writing(url: URL, durability: Literal["normal", "full", "async"]) -> Engine:
    """Open an engine that writes, with one connection.

    With `synchronous_commit=local` a commit is on the server's disk, with `on` also on that of a synchronous standby
    where there is one; `off` loses the last moments of a server that crashes, though nothing when only the gateway does
    (https://www.postgresql.org/docs/15/wal-async-commit.html).
    """
    return _engine(url, (*_WRITING, f"SET synchronous_commit = {_SYNCHRONOUS[durability]}"), pool_size=1)


def open_for_reading(url: URL) -> Engine:
    """Open an engine that cannot write; a connection that was lost while nobody used it is replaced."""
    return _engine(url, _READING, pool_size=_READERS, pool_pre_ping=True)


def wait_for_migrations(connection: Connection) -> None:
    """Hold, until the transaction ends, what keeps other processes from migrating; migrations may take their time."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SET LOCAL lock_timeout = '60s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION})


def lacks_tables(error: DBAPIError) -> bool:
    """Return whether a statement failed since its table is not there: somebody has made the database anew.

    An open SQLite file cannot be exchanged so; who removes it takes what is written afterwards with it.
    """
    return getattr(error.orig, "sqlstate", None) == _UNDEFINED_TABLE


def _engine(url: URL, statements: tuple[str, ...], **pool: Any) -> Engine:  # noqa: ANN401 - the pool's options
    given = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    # A prepared statement is soon planned for any value, which reads all of a table where one value is rare.
    engine = create_engine(url, connect_args={**given, "prepare_threshold": None}, max_overflow=0, **pool)

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        connection.autocommit = True  # what is set in a transaction goes with it
        for statement in statements:
            connection.execute(statement)
        connection.autocommit = False

    event.listen(engine, "connect", prepare)
    return engine

"""The history as it lies in its database, seen from outside the gateway."""

from sqlalchemy import NullPool, create_engine, text

_INDEXES = """
    SELECT bt_index_check(index.indexrelid, true) FROM pg_index AS index
    JOIN pg_class AS class ON class.oid = index.indrelid WHERE class.relname IN ('predictions', 'routes')
"""


def recorded(url: str) -> list[str]:
    """Return the ids of all predictions, in the order in which they were written."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return list(connection.execute(text("SELECT id FROM predictions ORDER BY sequence")).scalars())


def damage(url: str) -> list[str]:
    """Return what the database itself finds broken: pages and indexes, and that they agree with the rows."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            found = connection.execute(text("PRAGMA integrity_check")).scalars()
            return [str(line) for line in found if line != "ok"]
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS amcheck"))
        connection.execute(text(_INDEXES)).all()  # raises what it finds
        broken = connection.execute(text("SELECT msg FROM verify_heapam('predictions')")).scalars()
        return [str(line) for line in broken]

"""The tables of the history, as the newest migration leaves them."""

from sqlalchemy import JSON, BigInteger, Column, Float, Integer, MetaData, String, Table

METADATA = MetaData()

PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),  # the order of commits; pages are cut by it
    Column("id", String(32), nullable=False, unique=True),
    Column("timestamp_us", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("filename", String(255)),
    Column("prediction", String(255), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("probabilities", JSON, nullable=False),
    Column("model_version", BigInteger, nullable=False),
    Column("timings", JSON, nullable=False),  # milliseconds for each stage before the row was written
    sqlite_autoincrement=True,
)

ROUTES = Table(
    "routes",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),  # the newest row is the route that holds
    Column("timestamp_us", BigInteger, nullable=False),
    Column("mode", String(16), nullable=False),
    Column("version", BigInteger),  # pinned, or on trial
    Column("stable", BigInteger),
    Column("percent", Float),
    Column("actor", String(16), nullable=False),
    Column("reason", String(1000), nullable=False),
    sqlite_autoincrement=True,
)

"""The tables of the history, as the newest migration leaves them, in SQLite and in PostgreSQL."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

METADATA = MetaData()

SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up an INTEGER alone, which has 64 bits there."""
BYTEWISE = String(255).with_variant(String(255, collation="C"), "postgresql")
"""Ordered by code points, as SQLite does it, so that an index finds what begins with a text."""

PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),  # the order of commits; pages are cut by it
    Column("id", String(32), nullable=False, unique=True),
    Column("timestamp_us", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("filename", BYTEWISE),
    Column("prediction", String(255), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("probabilities", JSON, nullable=False),
    Column("model_version", BigInteger, nullable=False),
    Column("timings", JSON, nullable=False),  # milliseconds for each stage before the row was written
    Column("abstain", Boolean, nullable=False, server_default=false()),
    Column("caller", String(64)),  # the name of the API key
    Index("ix_predictions_prediction", "prediction", "sequence"),
    Index("ix_predictions_model_version", "model_version", "sequence"),
    sqlite_autoincrement=True,
)
for _column in (PREDICTIONS.c.filename, PREDICTIONS.c.caller):
    Index(
        f"ix_predictions_{_column.name}",
        _column,
        PREDICTIONS.c.sequence,
        sqlite_where=_column.is_not(None),
        postgresql_where=_column.is_not(None),
    )
Index(
    "ix_predictions_abstain",
    PREDICTIONS.c.sequence,
    sqlite_where=text("abstain = 1"),
    postgresql_where=text("abstain"),
)

ROUTES = Table(
    "routes",
    METADATA,
    Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),  # the newest row is the route that holds
    Column("timestamp_us", BigInteger, nullable=False),
    Column("mode", String(16), nullable=False),
    Column("version", BigInteger),  # pinned, or on trial
    Column("stable", BigInteger),
    Column("percent", Float),
    Column("actor", String(16), nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("caller", String(64)),  # the name of the API key
    sqlite_autoincrement=True,
)

JOBS = Table(
    "jobs",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("running", Integer, unique=True),  # 1, or null once it has ended: there is one at a time, whoever starts it
    Column("status", String(16), nullable=False),
    Column("progress", Float, nullable=False),  # percent
    Column("message", String(2000), nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("place", String(255), nullable=False),  # where its process is, see gateway.jobs.processes
    Column("started_us", BigInteger, nullable=False),
    Column("heartbeat_us", BigInteger, nullable=False),  # when a gateway last saw its process
    Column("cancelled_us", BigInteger),  # when it was told to end
    Column("ended_us", BigInteger),
    Column("version", BigInteger),  # that it published
    Column("metrics", JSON, nullable=False),
    sqlite_autoincrement=True,
)

UPLOADS = Table(
    "uploads",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("session_id", String(32), nullable=False, index=True),
    Column("timestamp_us", BigInteger, nullable=False),
    Column("filename", String(255)),
    Column("label", String(255)),
    Column("sha256", String(64), nullable=False, index=True),
    Column("kind", String(8), nullable=False),  # png or jpg
    Column("size", BigInteger, nullable=False),
    Column("stored", Boolean, nullable=False),  # false where the same bytes lie in an earlier session
    sqlite_autoincrement=True,
)

FEEDBACK = Table(
    "feedback",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),  # of one prediction the newest counts
    Column("prediction_id", String(32), nullable=False, index=True),  # no foreign key: predictions are not kept
    Column("timestamp_us", BigInteger, nullable=False),
    Column("label", String(255), nullable=False),  # the true one
    Column("prediction", String(255), nullable=False),  # what was answered
    Column("model_version", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

MODEL_VERSIONS = Table(
    "model_versions",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("timestamp_us", BigInteger, nullable=False),  # when it could answer for the first time
    Column("version", BigInteger, nullable=False),
    Column("digest", String(128), nullable=False),
    Column("architecture", String(255), nullable=False),
    Column("created_at", String(64), nullable=False),
    Column("data_digest", String(128), nullable=False),
    Column("labels", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    UniqueConstraint("version", "digest"),  # a store that was made anew may use a number again
    sqlite_autoincrement=True,
)

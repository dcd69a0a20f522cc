"""The tables of retraining: jobs, uploads and feedback."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "jobs",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("running", sa.Integer, unique=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("message", sa.String(2000), nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("place", sa.String(255), nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("heartbeat_us", sa.BigInteger, nullable=False),
        sa.Column("cancelled_us", sa.BigInteger),
        sa.Column("ended_us", sa.BigInteger),
        sa.Column("version", sa.BigInteger),
        sa.Column("metrics", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "uploads",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("session_id", sa.String(32), nullable=False, index=True),
        sa.Column("timestamp_us", sa.BigInteger, nullable=False),
        sa.Column("filename", sa.String(255)),
        sa.Column("label", sa.String(255)),
        sa.Column("sha256", sa.String(64), nullable=False, index=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("stored", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "feedback",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("prediction_id", sa.String(32), nullable=False, index=True),
        sa.Column("timestamp_us", sa.BigInteger, nullable=False),
        sa.Column("label", sa.String(255), nullable=False),
        sa.Column("prediction", sa.String(255), nullable=False),
        sa.Column("model_version", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Drop the tables, and the record of trainings, uploads and feedback with them."""
    for table in ("feedback", "uploads", "jobs"):
        op.drop_table(table)

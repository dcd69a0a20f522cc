"""The table of routes: one row for each change, never altered."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "routes",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("timestamp_us", sa.BigInteger, nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("version", sa.BigInteger),
        sa.Column("stable", sa.BigInteger),
        sa.Column("percent", sa.Float),
        sa.Column("actor", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Drop the table, and the record of who routed what with it."""
    op.drop_table("routes")

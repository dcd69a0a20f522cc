"""Who asked and whether the model abstained, and indexes for the filters of `GET /history`.

Each index holds the sequence too, so that a page is cut from it newest first. All but the one of file names grow at the
ends of a few ranges, which costs a commit little; those of what is mostly absent hold only what is there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_FULL = ("prediction", "model_version")
_PARTIAL = ("filename", "caller")


def upgrade() -> None:
    """Add the columns and the indexes; the latter takes seconds for each million rows."""
    op.add_column("predictions", sa.Column("abstain", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("predictions", sa.Column("caller", sa.String(64)))
    for column in _FULL:
        op.create_index(f"ix_predictions_{column}", "predictions", [column, "sequence"])
    for column in _PARTIAL:
        there = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_predictions_{column}",
            "predictions",
            [column, "sequence"],
            sqlite_where=there,
            postgresql_where=there,
        )
    op.create_index(
        "ix_predictions_abstain",
        "predictions",
        ["sequence"],
        sqlite_where=sa.text("abstain = 1"),
        postgresql_where=sa.text("abstain"),
    )


def downgrade() -> None:
    """Drop the indexes and the columns."""
    for column in (*_FULL, *_PARTIAL, "abstain"):
        op.drop_index(f"ix_predictions_{column}", "predictions")
    op.drop_column("predictions", "caller")
    op.drop_column("predictions", "abstain")

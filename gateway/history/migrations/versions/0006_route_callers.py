"""With whose API key the route was changed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; of earlier changes nobody knows."""
    op.add_column("routes", sa.Column("caller", sa.String(64)))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("routes", "caller")

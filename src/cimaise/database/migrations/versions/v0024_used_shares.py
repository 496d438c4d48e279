"""Shares have a name, and it is counted how often their page was opened."""

import sqlalchemy as sa
from alembic import op

from cimaise.database.columns import UTCDateTime

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the columns."""
    op.add_column(
        "shares", sa.Column("name", sa.String(length=100), server_default="", nullable=False)
    )
    op.add_column("shares", sa.Column("uses", sa.Integer(), server_default="0", nullable=False))
    op.add_column("shares", sa.Column("last_used_at", UTCDateTime()))

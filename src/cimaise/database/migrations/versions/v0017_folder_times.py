"""Folders of albums are remembered by their own time of change."""

import sqlalchemy as sa
from alembic import op

from cimaise.database.columns import UTCDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("folder_indexes", sa.Column("folder_mtime_ns", sa.BigInteger(), nullable=True))
    op.add_column("folder_indexes", sa.Column("looked_at", UTCDateTime(), nullable=True))

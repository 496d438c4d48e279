"""Since when the storage refuses to delete what nothing needs."""

import sqlalchemy as sa
from alembic import op

from cimaise.database.columns import UTCDateTime

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the column; of what waits now nothing is known."""
    op.add_column("discarded_objects", sa.Column("refused_at", UTCDateTime()))

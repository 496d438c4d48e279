"""How a collection is hung: its cover, its order, and the place of each file."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("collections", sa.Column("cover_id", sa.String(length=64), nullable=True))
    op.add_column("collections", sa.Column("sort", sa.String(length=10), nullable=True))
    op.add_column("files", sa.Column("place", sa.Integer(), nullable=True))

"""Uploads that came to nothing, and keys of older schemes on their way to today's."""

import sqlalchemy as sa
from alembic import op

from cimaise.database.columns import UTCDateTime

revision = "0010"
down_revision = "0009"

_KEY = sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "failed_uploads",
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("hour", sa.String(length=13), nullable=False),
        sa.Column("uploads", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("holder", "hour", name=op.f("pk_failed_uploads")),
    )
    op.create_table(
        "key_moves",
        sa.Column("old_key", _KEY, nullable=False),
        sa.Column("new_key", _KEY, nullable=False),
        sa.Column("file_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("old_key", name=op.f("pk_key_moves")),
    )
    op.create_index(op.f("ix_key_moves_file_id"), "key_moves", ["file_id"], unique=False)
    op.create_index(op.f("ix_key_moves_state"), "key_moves", ["state"], unique=False)

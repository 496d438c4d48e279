"""Checksums for archives, what was delivered, purges, and the key that a link was made with."""

import sqlalchemy as sa
from alembic import op

from cimaise.database.columns import UTCDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables and add the column."""
    op.create_table(
        "checksums",
        sa.Column("version", sa.String(length=300), nullable=False),
        sa.Column("crc32", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_checksums")),
    )
    op.create_index(op.f("ix_checksums_taken_at"), "checksums", ["taken_at"], unique=False)
    op.create_table(
        "delivered_days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("requests", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("day", "kind", "subject", name=op.f("pk_delivered_days")),
    )
    op.create_table(
        "purges",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("tag", sa.String(length=100), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", UTCDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purges")),
    )
    op.create_index("ix_purges_not_before", "purges", ["not_before"], unique=False)
    op.add_column("links", sa.Column("key_id", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_links_key_id"), "links", ["key_id"], unique=False)

"""What was removed for legal reasons."""

import sqlalchemy as sa
from alembic import op

from cimaise.database.columns import UTCDateTime

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "takedowns",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("made_by", sa.String(length=64), nullable=True),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("hold_until", UTCDateTime(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=True),
        sa.Column("countered_by", sa.String(length=64), nullable=True),
        sa.Column("countered_at", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "state in ('held', 'countered', 'restored', 'final')", name=op.f("ck_takedowns_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_takedowns")),
    )
    op.create_index("ix_takedowns_sha256", "takedowns", ["sha256"], unique=False)
    op.create_index("ix_takedowns_size", "takedowns", ["size"], unique=False)
    op.create_index(
        "ix_takedowns_state_hold_until", "takedowns", ["state", "hold_until"], unique=False
    )
    op.create_table(
        "takedown_files",
        sa.Column("takedown_id", sa.String(length=64), nullable=False),
        sa.Column("file_id", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("former_key", sa.String(length=200), nullable=False),
        sa.Column("held_key", sa.String(length=200), nullable=False),
        sa.Column("is_moved", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["takedown_id"], ["takedowns.id"], name=op.f("fk_takedown_files_takedown_id_takedowns")
        ),
        sa.PrimaryKeyConstraint("takedown_id", "file_id", name=op.f("pk_takedown_files")),
    )
    op.create_index(op.f("ix_takedown_files_file_id"), "takedown_files", ["file_id"], unique=False)

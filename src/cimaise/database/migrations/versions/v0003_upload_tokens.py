"""Upload tokens, and what uploads of unknown length have received."""

import sqlalchemy as sa
from alembic import op

from cimaise.database.columns import UTCDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table and add the columns."""
    op.create_table(
        "upload_tokens",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("collection_id", sa.String(length=64), nullable=False),
        sa.Column("max_bytes", sa.BigInteger(), nullable=True),
        sa.Column("max_files", sa.Integer(), nullable=True),
        sa.Column("taken_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("taken_files", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_upload_tokens_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collections.id"],
            name=op.f("fk_upload_tokens_collection_id_collections"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_upload_tokens_hash")),
    )
    for column in ("account_id", "collection_id"):
        name = op.f(f"ix_upload_tokens_{column}")
        op.create_index(name, "upload_tokens", [column], unique=False)
    op.add_column("uploads", sa.Column("token_id", sa.String(length=64), nullable=True))
    op.add_column(
        "uploads",
        sa.Column("received_bytes", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.create_index(op.f("ix_uploads_token_id"), "uploads", ["token_id"], unique=False)

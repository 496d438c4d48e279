"""What the clean-up has to know, keys in the order of their bytes, an index for statistics."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_KEYS = (
    ("uploads", "incoming_key", False),
    ("uploads", "storage_key", False),
    ("tus_uploads", "tail_key", True),
    ("files", "storage_key", True),
    ("discarded_objects", "storage_key", False),
)


def upgrade() -> None:
    """Add two columns and an index; on PostgreSQL sort keys as storages do."""
    op.add_column(
        "discarded_objects",
        sa.Column("may_have_parts", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("discarded_objects", sa.Column("size", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_uploads_statistics",
        "uploads",
        ["reserved_on", "account_id", "state", "size", "created_at", "completed_at"],
    )
    if op.get_bind().dialect.name == "postgresql":
        for table, column, nullable in _KEYS:
            op.alter_column(
                table,
                column,
                type_=sa.String(length=200, collation="C"),
                existing_nullable=nullable,
            )

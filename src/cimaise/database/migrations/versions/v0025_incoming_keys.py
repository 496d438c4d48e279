"""Whose upload a signed URL writes to is found by its key."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_uploads_incoming_key", "uploads", ["incoming_key"])

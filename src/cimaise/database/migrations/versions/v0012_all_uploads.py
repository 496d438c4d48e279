"""All uploads, newest first, without sorting them."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the index."""
    op.create_index("ix_uploads_created_at_id", "uploads", ["created_at", "id"])

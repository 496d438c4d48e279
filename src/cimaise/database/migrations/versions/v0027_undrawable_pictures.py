"""Pictures of folders of which nothing could be drawn are found without looking at the others."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add the index."""
    condition = sa.text("placeholder = ''")
    op.create_index(
        "ix_folder_pictures_undrawable", "folder_pictures", ["album"], unique=False,
        sqlite_where=condition, postgresql_where=condition,
    )  # fmt: skip

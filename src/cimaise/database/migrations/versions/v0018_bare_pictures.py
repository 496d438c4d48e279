"""Pictures that wait for their placeholder are found without looking at the others."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the indexes."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    is_picture = "is_picture = 1" if is_sqlite else "is_picture"
    _add("ix_files_bare", "files", ["published_at", "id"], f"{is_picture} AND placeholder IS NULL")
    is_bare = "placeholder IS NULL AND width IS NOT NULL"
    _add("ix_folder_pictures_bare", "folder_pictures", ["mtime_ns"], is_bare)


def _add(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(
        name, table, columns, unique=False, sqlite_where=condition, postgresql_where=condition
    )

"""What is known of whole folder albums; orientation beside the other facts of a picture."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table and add the column. The index of pictures is made anew from the folders."""
    op.create_table(
        "folder_indexes",
        sa.Column("album", sa.Text(), nullable=False),
        sa.Column("stamp", sa.String(length=32), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("album", name=op.f("pk_folder_indexes")),
    )
    op.add_column("folder_pictures", sa.Column("orientation", sa.Integer(), nullable=True))
    op.execute("DELETE FROM folder_pictures")
    no_picture = sa.text("width IS NULL")
    op.create_index(
        "ix_folder_pictures_unreadable",
        "folder_pictures",
        ["album"],
        unique=False,
        sqlite_where=no_picture,
        postgresql_where=no_picture,
    )

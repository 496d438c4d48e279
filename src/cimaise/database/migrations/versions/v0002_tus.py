"""What tus needs to know of an upload besides its session."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of the tus door."""
    op.create_table(
        "tus_uploads",
        sa.Column("upload_id", sa.String(length=64), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("concat", sa.Text(), nullable=True),
        sa.Column("max_bytes", sa.BigInteger(), nullable=False),
        sa.Column("kept_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tail_key", sa.String(length=200), nullable=True),
        sa.Column("tail_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["uploads.id"],
            name=op.f("fk_tus_uploads_upload_id_uploads"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("upload_id", name=op.f("pk_tus_uploads")),
    )
    op.create_table(
        "tus_parts",
        sa.Column("upload_id", sa.String(length=64), nullable=False),
        sa.Column("part_number", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["tus_uploads.upload_id"],
            name=op.f("fk_tus_parts_upload_id_tus_uploads"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("upload_id", "part_number", name=op.f("pk_tus_parts")),
    )
    op.create_table(
        "tus_pieces",
        sa.Column("final_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("partial_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["final_id"],
            ["tus_uploads.upload_id"],
            name=op.f("fk_tus_pieces_final_id_tus_uploads"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["partial_id"],
            ["tus_uploads.upload_id"],
            name=op.f("fk_tus_pieces_partial_id_tus_uploads"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("final_id", "position", name=op.f("pk_tus_pieces")),
    )
    op.create_index(op.f("ix_tus_pieces_partial_id"), "tus_pieces", ["partial_id"], unique=False)

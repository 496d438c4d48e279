"""Each account whose files were taken down may object, not only the first."""

import sqlalchemy as sa
from alembic import op

from cimaise.database.columns import UTCDateTime

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Move the one objection of a take-down into a table of its own."""
    op.create_table(
        "takedown_objections",
        sa.Column("takedown_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["takedown_id"],
            ["takedowns.id"],
            name=op.f("fk_takedown_objections_takedown_id_takedowns"),
        ),
        sa.PrimaryKeyConstraint("takedown_id", "account_id", name=op.f("pk_takedown_objections")),
    )
    op.execute(
        "INSERT INTO takedown_objections (takedown_id, account_id, statement, made_at)"
        " SELECT id, countered_by, statement, countered_at FROM takedowns"
        " WHERE statement IS NOT NULL"
    )
    for name in ("statement", "countered_by", "countered_at"):
        op.drop_column("takedowns", name)

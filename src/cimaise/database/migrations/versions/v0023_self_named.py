"""Accounts whose name was chosen by whoever they are for."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the column; names that are there are taken for the operator's, as before."""
    op.add_column(
        "accounts",
        sa.Column("is_self_named", sa.Boolean(), server_default=sa.false(), nullable=False),
    )

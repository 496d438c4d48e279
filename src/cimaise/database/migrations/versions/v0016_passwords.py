"""Passwords of accounts; when and from where a session and a key were last used."""

import sqlalchemy as sa
from alembic import op

from cimaise.database.columns import UTCDateTime

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the table, add the columns."""
    op.create_table(
        "account_passwords",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=255), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_passwords_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_passwords")),
    )
    op.add_column("accounts", sa.Column("email", sa.String(length=254)))
    op.create_index(op.f("ix_accounts_email"), "accounts", ["email"], unique=True)
    op.add_column("browser_sessions", sa.Column("last_seen_at", UTCDateTime()))
    op.add_column("browser_sessions", sa.Column("address", sa.String(length=64)))
    op.add_column("browser_sessions", sa.Column("user_agent", sa.String(length=300)))
    op.add_column("keys", sa.Column("last_used_at", UTCDateTime()))

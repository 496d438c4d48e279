"""The audit log is a chain, and only ever grows; webhooks follow it."""

import sqlalchemy as sa
from alembic import op

from cimaise.database.columns import JSONText, UTCDateTime

revision = "0015"
down_revision = "0014"

_SQLITE = (
    (
        "create trigger audit_never_deleted before delete on audit"
        " begin select raise(abort, 'the audit log only grows'); end"
    ),
    (
        "create trigger audit_never_changed before update on audit"
        " when old.sequence is not null or new.at is not old.at"
        " or new.account_id is not old.account_id or new.action is not old.action"
        " or new.subject is not old.subject or new.details is not old.details"
        " or new.origin is not old.origin or new.request_id is not old.request_id"
        " begin select raise(abort, 'the audit log only grows'); end"
    ),
)
_POSTGRESQL = (
    (
        "create function audit_only_grows() returns trigger language plpgsql as $$"
        " begin raise exception 'the audit log only grows'; end $$"
    ),
    (
        "create trigger audit_never_deleted before delete on audit"
        " for each row execute function audit_only_grows()"
    ),
    (
        "create trigger audit_never_emptied before truncate on audit"
        " for each statement execute function audit_only_grows()"
    ),
    (
        "create trigger audit_never_changed before update on audit for each row"
        " when (old.sequence is not null"
        " or (new.at, new.account_id, new.action, new.subject, new.details, new.origin,"
        " new.request_id) is distinct from (old.at, old.account_id, old.action, old.subject,"
        " old.details, old.origin, old.request_id))"
        " execute function audit_only_grows()"
    ),
)


def upgrade() -> None:
    """Add the columns, the triggers and the tables."""
    op.add_column("audit", sa.Column("origin", sa.String(length=64), nullable=True))
    op.add_column("audit", sa.Column("request_id", sa.String(length=64), nullable=True))
    op.add_column("audit", sa.Column("sequence", sa.BigInteger(), nullable=True))
    op.add_column("audit", sa.Column("hash", sa.String(length=64), nullable=True))
    op.create_index("ix_audit_sequence", "audit", ["sequence"], unique=True)
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False)
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if is_sqlite else _POSTGRESQL:
        op.execute(statement)
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", JSONText(), nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("after_sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("webhook_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", UTCDateTime(), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'delivered', 'failed')",
            name=op.f("ck_webhook_deliveries_state"),
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id_webhooks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint(
            "webhook_id", "sequence", name=op.f("uq_webhook_deliveries_webhook_id_sequence")
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_state_next_at", "webhook_deliveries", ["state", "next_at"]
    )

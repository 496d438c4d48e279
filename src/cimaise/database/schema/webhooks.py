"""Who is told of what, and how far that has come."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from cimaise.database.columns import JSONText, UTCDateTime
from cimaise.database.schema.metadata import metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("url", Text, nullable=False),
    Column("events", JSONText, nullable=False),  # actions of the audit log, "upload.*" for many
    Column("secret", String(100), nullable=False),  # signs; kept as it is, for it is needed
    Column("after_sequence", BigInteger, nullable=False),  # of the audit log: told up to here
    Column("created_by", String(64), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("ended_at", UTCDateTime),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("webhook_id", ForeignKey("webhooks.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),  # of the audit log's entry
    Column("body", Text, nullable=False),  # as it is sent, each time the same
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", UTCDateTime, nullable=False),
    Column("last_status", Integer),  # of the last answer
    Column("last_error", Text),  # or why there was none
    Column("created_at", UTCDateTime, nullable=False),
    Column("ended_at", UTCDateTime),
    CheckConstraint("state in ('waiting', 'delivered', 'failed')", name="state"),
    UniqueConstraint("webhook_id", "sequence"),
    Index("ix_webhook_deliveries_state_next_at", "state", "next_at"),
)

"""What was removed for legal reasons, and what must not come back."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    false,
)

from cimaise.database.columns import UTCDateTime
from cimaise.database.schema.metadata import metadata

takedowns = Table(
    "takedowns",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("sha256", String(64), nullable=False),  # of the content, hex: refused at every door
    Column("size", BigInteger, nullable=False),  # of the content
    Column("state", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("reference", Text),  # the notice's own number
    Column("made_by", String(64)),  # account; NULL: the operator at the machine
    Column("made_at", UTCDateTime, nullable=False),
    Column("hold_until", UTCDateTime, nullable=False),  # bytes are kept so long, unseen
    Column("ended_at", UTCDateTime),  # when restored, or when the bytes were given up
    CheckConstraint("state in ('held', 'countered', 'restored', 'final')", name="state"),
    Index("ix_takedowns_sha256", "sha256"),
    Index("ix_takedowns_size", "size"),
    Index("ix_takedowns_state_hold_until", "state", "hold_until"),
)

takedown_objections = Table(  # counter-notices: one of each account whose files went
    "takedown_objections",
    metadata,
    Column("takedown_id", ForeignKey("takedowns.id"), primary_key=True),
    Column("account_id", String(64), primary_key=True),
    Column("statement", Text, nullable=False),
    Column("made_at", UTCDateTime, nullable=False),
)

takedown_files = Table(  # which published files a take-down removed
    "takedown_files",
    metadata,
    Column("takedown_id", ForeignKey("takedowns.id"), primary_key=True),
    Column("file_id", String(64), primary_key=True, index=True),
    Column("owner_id", String(64), nullable=False),
    Column("former_key", String(200), nullable=False),  # where the bytes were published from
    Column("held_key", String(200), nullable=False),  # where they are kept, known to nobody
    Column("is_moved", Boolean, nullable=False, server_default=false()),
)

"""The installation's own memory: what was done, and small facts."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from cimaise.database.columns import JSONText, UTCDateTime
from cimaise.database.schema.metadata import metadata

audit = Table(  # it only grows: triggers refuse to change or delete, see database.audit
    "audit",
    metadata,
    Column("id", Integer().with_variant(BigInteger, "postgresql"), primary_key=True),
    Column("at", UTCDateTime, nullable=False, index=True),
    Column("account_id", String(64)),  # who; NULL: the server itself
    Column("action", String(40), nullable=False),  # what, such as upload.completed
    Column("subject", String(100), nullable=False),  # id of the thing
    Column("details", JSONText, nullable=False),
    Column("origin", String(64)),  # address that the request came from, where one did it
    Column("request_id", String(64)),
    Column("sequence", BigInteger),  # place in the chain, from 1; NULL: not sealed yet
    Column("hash", String(64)),  # of the entry before and of this one
    Index("ix_audit_sequence", "sequence", unique=True),
    Index("ix_audit_subject", "subject"),
)

fences = Table(  # the greatest token of each lease under which something was written
    "fences",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("token", BigInteger, nullable=False),
)

facts = Table(  # small facts of the installation itself
    "facts",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

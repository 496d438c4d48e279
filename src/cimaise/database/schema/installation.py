"""The installation's own memory: what was done, and small facts."""

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    String,
    Table,
    Text,
)

from cimaise.database.columns import JSONText, UTCDateTime
from cimaise.database.schema.metadata import metadata

audit = Table(
    "audit",
    metadata,
    Column("id", Integer().with_variant(BigInteger, "postgresql"), primary_key=True),
    Column("at", UTCDateTime, nullable=False, index=True),
    Column("account_id", String(64)),  # who; NULL: the server itself
    Column("action", String(40), nullable=False),  # what, such as upload.completed
    Column("subject", String(100), nullable=False),  # id of the thing
    Column("details", JSONText, nullable=False),
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

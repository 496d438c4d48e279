"""Bytes going out: what is known of them, and what was counted."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from cimaise.database.columns import UTCDateTime
from cimaise.database.schema.metadata import metadata

checksums = Table(  # what a ZIP archive has to know of a file before it sends it
    "checksums",
    metadata,
    Column("version", String(300), primary_key=True),  # names these very bytes
    Column("crc32", BigInteger, nullable=False),
    Column("taken_at", UTCDateTime, nullable=False, index=True),
)

delivered_days = Table(  # what went out on a day (UTC)
    "delivered_days",
    metadata,
    Column("day", String(10), primary_key=True),  # ISO date
    Column("kind", String(10), primary_key=True),  # see delivery.tally.Kind
    Column("subject", String(64), primary_key=True),  # id of the file or account, or a class
    Column("requests", BigInteger, nullable=False, server_default="0"),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
)

purges = Table(  # what caches in front of us have yet to forget
    "purges",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tag", String(100), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", UTCDateTime, nullable=False),
    Column("last_error", Text),
    Index("ix_purges_not_before", "not_before"),
)

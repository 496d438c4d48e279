"""What an account used and has reserved."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
)

from cimaise.database.schema.metadata import metadata

usage_days = Table(  # quota: what an account used on a day (UTC)
    "usage_days",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("day", String(10), primary_key=True),  # ISO date
    Column("used_bytes", BigInteger, nullable=False, server_default="0"),
    Column("reserved_bytes", BigInteger, nullable=False, server_default="0"),
    Column("used_files", Integer, nullable=False, server_default="0"),
    Column("reserved_files", Integer, nullable=False, server_default="0"),
)

usage_counts = Table(  # what was used on a day (UTC), for looking at: see cimaise.usage
    "usage_counts",
    metadata,
    Column("day", String(10), primary_key=True),  # ISO date
    Column("account_id", String(64), primary_key=True),  # empty: guests, or nobody's
    Column("measure", String(40), primary_key=True),
    Column("amount", BigInteger, nullable=False),
)

usage_totals = Table(  # quota: what an account stores in all
    "usage_totals",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("used_bytes", BigInteger, nullable=False, server_default="0"),
    Column("reserved_bytes", BigInteger, nullable=False, server_default="0"),
)

failed_uploads = Table(  # how many uploads came to nothing in an hour (UTC)
    "failed_uploads",
    metadata,
    Column("holder", String(64), primary_key=True),  # an account or an upload token
    Column("hour", String(13), primary_key=True),  # 2026-03-09T10
    Column("uploads", Integer, nullable=False),
)

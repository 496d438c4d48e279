"""Who gives cause for caution, and who is kept out."""

from sqlalchemy import Column, Float, ForeignKey, String, Table

from cimaise.database.columns import UTCDateTime
from cimaise.database.schema.metadata import metadata

risk_scores = Table(  # see cimaise.access.risk.scores
    "risk_scores",
    metadata,
    Column("holder", String(64), primary_key=True),  # an account's id, or an address
    Column("reason", String(20), primary_key=True),
    Column("score", Float, nullable=False),  # as it was at that time
    Column("at", UTCDateTime, nullable=False),
)

bans = Table(
    "bans",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.id")),  # whom it keeps out, or NULL
    Column("network", String(64)),  # CIDR that it keeps out, or NULL
    Column("reason", String(500), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("created_by", String(64)),
    Column("until", UTCDateTime),  # NULL: for good
    Column("lifted_at", UTCDateTime),
)

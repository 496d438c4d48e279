"""What files belong to, and who may do what there."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
)

from cimaise.database.columns import JSONText, UTCDateTime
from cimaise.database.schema.metadata import metadata

collections = Table(
    "collections",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),  # in URLs
    Column("title", Text, nullable=False),
    Column("visibility", String(10), nullable=False),  # public, unlisted, private
    Column("owner_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("policy", JSONText, nullable=False),  # see library.collections.Policy
    Column("picture_count", Integer, nullable=False, server_default="0"),  # published pictures
    Column("cover_id", String(64)),  # a picture of it; NULL, or gone: the newest
    Column("sort", String(10)),  # as albums name it; NULL: by date
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),  # last publication or change
    CheckConstraint("visibility in ('public', 'unlisted', 'private')", name="visibility"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), primary_key=True, index=True),
    Column("role", String(12), nullable=False),  # viewer, contributor, manager
    Column("created_at", UTCDateTime, nullable=False),
    CheckConstraint("role in ('viewer', 'contributor', 'manager')", name="role"),
)

contributors = Table(  # who has published into a collection, once each
    "contributors",
    metadata,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("created_at", UTCDateTime, nullable=False),
)

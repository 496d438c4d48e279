"""What is published, and the links to it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from cimaise.database.columns import StorageKey, UTCDateTime
from cimaise.database.schema.metadata import metadata

files = Table(
    "files",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("owner_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("upload_id", String(64), unique=True),  # at most one file an upload
    Column("filename", Text, nullable=False),
    Column("title", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    Column("visibility", String(10)),  # NULL: the collection's
    Column("external_url", Text),  # a link kept elsewhere: no bytes with us
    Column("access_code", Text),
    Column("archive_password", Text),
    Column("storage_key", StorageKey, unique=True),
    Column("storage_etag", Text),
    Column("size", BigInteger, nullable=False),
    Column("content_type", String(255), nullable=False),
    Column("sha256", String(64), index=True),  # hex
    Column("etag", String(64), nullable=False),  # strong, made when published
    Column("width", Integer),  # as shown, orientation applied
    Column("height", Integer),
    Column("frames", Integer),
    Column("taken_at", UTCDateTime),
    Column("placeholder", Text),  # thumbhash, base64
    Column("place", Integer),  # from 1, where the collection is ordered by hand; NULL: behind
    Column("is_picture", Boolean, nullable=False),
    Column("download_count", Integer, nullable=False, server_default="0"),
    Column("created_at", UTCDateTime, nullable=False),
    Column("published_at", UTCDateTime, nullable=False),
    Column("deleted_at", UTCDateTime),
    Column("taken_down_at", UTCDateTime),
    CheckConstraint("visibility in ('public', 'unlisted', 'private')", name="visibility"),
    Index("ix_files_collection_id_published_at_id", "collection_id", "published_at", "id"),
    Index("ix_files_collection_id_taken_at_id", "collection_id", "taken_at", "id"),
)
_IS_BARE = files.c.is_picture & files.c.placeholder.is_(None)
Index(  # pictures that wait for their placeholder
    "ix_files_bare",
    files.c.published_at,
    files.c.id,
    sqlite_where=_IS_BARE,
    postgresql_where=_IS_BARE,
)

links = Table(
    "links",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("file_id", ForeignKey("files.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("key_id", String(64), index=True),  # the API key it was made with, if one
    Column("download", Boolean, nullable=False),
    Column("max_uses", Integer),
    Column("uses", Integer, nullable=False, server_default="0"),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("revoked_at", UTCDateTime),
)

"""Bytes on their way in, through every door."""

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
)

from cimaise.database.columns import JSONText, StorageKey, UTCDateTime
from cimaise.database.schema.metadata import metadata

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("collection_id", ForeignKey("collections.id", ondelete="SET NULL")),
    Column("door", String(12), nullable=False),  # direct, form, raw, tus, companion
    Column("strategy", String(10), nullable=False),  # single, multipart, stream
    Column("state", String(10), nullable=False),  # see uploads.session
    Column("filename", Text, nullable=False),  # cleaned, as people will see it
    Column("declared_size", BigInteger),  # NULL: not known until the end
    Column("declared_type", String(255)),
    Column("declared_sha256", String(44)),  # base64
    Column("part_size", BigInteger),
    Column("part_count", Integer),
    Column(
        "incoming_key", StorageKey, nullable=False
    ),  # where signed URLs write; parts may stay there
    Column("storage_key", StorageKey, nullable=False),  # where it is once complete
    Column("storage_upload_id", Text),  # the storage's id of the multipart upload
    Column(
        "attempt", Integer, nullable=False, server_default="0"
    ),  # to complete: fences older ones
    Column("token_id", String(64), index=True),  # the upload token it came with, if one
    Column("received_bytes", BigInteger, nullable=False, server_default="0"),  # of unknown lengths
    Column("reserved_bytes", BigInteger, nullable=False, server_default="0"),
    Column("reserved_on", String(10)),  # the day (UTC, ISO) whose quota is reserved or settled
    Column("size", BigInteger),  # measured
    Column("content_type", String(255)),  # found in the bytes
    Column("sha256", String(64)),  # measured, hex
    Column("storage_etag", Text),  # the version that was looked at
    Column("picture", JSONText),  # header of a picture: see uploads.inspect.PictureFacts
    Column("reason", Text),  # why it was rejected
    Column("file_id", String(64)),  # once published
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),  # of the session
    Column("urls_expire_at", UTCDateTime),  # of the last signed URL given out
    Column("completed_at", UTCDateTime),
    CheckConstraint(
        "state in ('pending', 'uploading', 'completing', 'uploaded', 'published',"
        " 'aborted', 'expired', 'rejected')",
        name="state",
    ),
    Index("ix_uploads_account_id_created_at", "account_id", "created_at"),
    Index("ix_uploads_created_at_id", "created_at", "id"),
    Index("ix_uploads_incoming_key", "incoming_key"),  # whose a signed URL is
    Index("ix_uploads_state_expires_at", "state", "expires_at"),
    Index(  # statistics are read from it alone
        "ix_uploads_statistics",
        "reserved_on",
        "account_id",
        "state",
        "size",
        "created_at",
        "completed_at",
    ),
)

tus_uploads = Table(  # what the tus door knows of an upload besides its session
    "tus_uploads",
    metadata,
    Column("upload_id", ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True),
    Column("metadata", Text),  # Upload-Metadata as sent
    Column("concat", Text),  # Upload-Concat as sent
    Column("max_bytes", BigInteger, nullable=False),  # of a length that is declared later
    Column("kept_bytes", BigInteger, nullable=False, server_default="0"),  # as last recorded
    Column("generation", Integer, nullable=False, server_default="0"),  # of who may record
    Column("tail_key", StorageKey),  # bytes behind the last whole part
    Column("tail_bytes", BigInteger, nullable=False, server_default="0"),
)

tus_parts = Table(  # parts that are whole, where bytes are kept in parts
    "tus_parts",
    metadata,
    Column("upload_id", ForeignKey("tus_uploads.upload_id", ondelete="CASCADE"), primary_key=True),
    Column("part_number", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
)

tus_pieces = Table(  # of which partial uploads a final one is made
    "tus_pieces",
    metadata,
    Column("final_id", ForeignKey("tus_uploads.upload_id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column(
        "partial_id",
        ForeignKey("tus_uploads.upload_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
)

upload_tokens = Table(  # the right to upload into one collection, carried in a URL
    "upload_tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the token, hex
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column(
        "collection_id",
        ForeignKey("collections.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("max_bytes", BigInteger),  # of all its files together; NULL: no limit of its own
    Column("max_files", Integer),
    Column("taken_bytes", BigInteger, nullable=False, server_default="0"),  # reserved or used
    Column("taken_files", Integer, nullable=False, server_default="0"),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("revoked_at", UTCDateTime),
)

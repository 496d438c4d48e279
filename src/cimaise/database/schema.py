"""Every table, with what each column means.

Ids are opaque text of 128 random bits or more. Sizes are bytes. Times are aware UTC. Nothing
here is removed or renamed without a migration.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from cimaise.database.columns import JSONText, UTCDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("role", String(10), nullable=False),  # admin, member
    Column("points", Integer, nullable=False, server_default="0"),  # earned by publishing
    Column("daily_bytes", BigInteger),  # own limits; NULL: the setting's, 0: none
    Column("daily_files", Integer),
    Column("total_bytes", BigInteger),
    Column("created_at", UTCDateTime, nullable=False),
    Column("disabled_at", UTCDateTime),  # may do nothing from then on
    CheckConstraint("role in ('admin', 'member')", name="role"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", String(100), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the key, hex
    Column("hint", String(16), nullable=False),  # its first characters, to tell keys apart
    Column("scopes", JSONText, nullable=False),  # list of text; empty: all that the account may
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime),
    Column("revoked_at", UTCDateTime),
)

browser_sessions = Table(
    "browser_sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the cookie's value
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("ended_at", UTCDateTime),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of the token in the link
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime),
)

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
        "incoming_key", String(200), nullable=False
    ),  # where signed URLs write; parts may stay there
    Column("storage_key", String(200), nullable=False),  # where it is once complete
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
    Index("ix_uploads_state_expires_at", "state", "expires_at"),
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
    Column("tail_key", String(200)),  # bytes behind the last whole part
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
    Column("storage_key", String(200), unique=True),
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

links = Table(
    "links",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("file_id", ForeignKey("files.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("download", Boolean, nullable=False),
    Column("max_uses", Integer),
    Column("uses", Integer, nullable=False, server_default="0"),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("revoked_at", UTCDateTime),
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

usage_totals = Table(  # quota: what an account stores in all
    "usage_totals",
    metadata,
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("used_bytes", BigInteger, nullable=False, server_default="0"),
    Column("reserved_bytes", BigInteger, nullable=False, server_default="0"),
)

discarded_objects = Table(  # bytes that nothing needs any more; deleted by a job
    "discarded_objects",
    metadata,
    Column("storage_key", String(200), primary_key=True),
    Column("storage_upload_id", Text),  # a multipart upload to abort as well
    Column("not_before", UTCDateTime, nullable=False),  # when no signed URL can bring it back
    Column("reason", String(40), nullable=False),
    Index("ix_discarded_objects_not_before", "not_before"),
)

folder_pictures = Table(  # facts of pictures in folder albums, by path, mtime and size
    "folder_pictures",
    metadata,
    Column("album", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("width", Integer),  # as shown; NULL: looked at and no picture
    Column("height", Integer),
    Column("taken_at", UTCDateTime),
    Column("placeholder", Text),
    Column("latitude", Float),
    Column("longitude", Float),
)

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

facts = Table(  # small facts of the installation itself
    "facts",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

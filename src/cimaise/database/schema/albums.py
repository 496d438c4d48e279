"""What is known of pictures that lie in folders."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from cimaise.database.columns import UTCDateTime
from cimaise.database.schema.metadata import metadata

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
    Column("latitude", Float),  # degrees, north positive
    Column("longitude", Float),
    Column("orientation", Integer),  # EXIF's, 1 to 8; applied to width and height
)
Index(
    "ix_folder_pictures_unreadable",
    folder_pictures.c.album,
    sqlite_where=folder_pictures.c.width.is_(None),
    postgresql_where=folder_pictures.c.width.is_(None),
)
_IS_BARE = folder_pictures.c.placeholder.is_(None) & folder_pictures.c.width.is_not(None)
Index(  # pictures that wait for their placeholder
    "ix_folder_pictures_bare",
    folder_pictures.c.mtime_ns,
    sqlite_where=_IS_BARE,
    postgresql_where=_IS_BARE,
)
_IS_UNDRAWABLE = text("placeholder = ''")  # as written: a parameter would not find the index
Index(  # pictures of which nothing could be drawn
    "ix_folder_pictures_undrawable",
    folder_pictures.c.album,
    sqlite_where=_IS_UNDRAWABLE,
    postgresql_where=_IS_UNDRAWABLE,
)

folder_indexes = Table(  # folder albums of which all files are in folder_pictures
    "folder_indexes",
    metadata,
    Column("album", Text, primary_key=True),
    Column("stamp", String(32), nullable=False),  # digest of names, times and sizes
    Column("pictures", Integer, nullable=False),  # that can be shown
    Column("unreadable", Integer, nullable=False),  # files that are none
    # of the folder itself, when all of its files were last looked at; NULL: too fresh to rely on
    Column("folder_mtime_ns", BigInteger),
    Column("looked_at", UTCDateTime),
)

source_answers = Table(  # answers of other servers that hold albums; may be emptied at any time
    "source_answers",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("fetched_at", UTCDateTime, nullable=False),
    Column("body", Text, nullable=False),  # JSON, as the source wrote it
)

shares = Table(  # the right to look at one album, carried in a URL
    "shares",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the token, hex
    Column("subject", Text, nullable=False, index=True),  # collection's id, or folder:{album}
    Column("album", Text, nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("password_hash", Text),  # Argon2id; NULL: none is asked for
    Column("downloads", String(10), nullable=False),  # none, web, original
    Column("watermark", String(100)),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime),  # NULL: never
    Column("revoked_at", UTCDateTime),
    Column("name", String(100), nullable=False, server_default=""),  # for whoever made it
    Column("uses", Integer, nullable=False, server_default="0"),  # how often its page was opened
    Column("last_used_at", UTCDateTime),  # the last time of these
    CheckConstraint("downloads in ('none', 'web', 'original')", name="downloads"),
)

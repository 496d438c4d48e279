"""Bytes that nothing needs any more."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    String,
    Table,
    Text,
    false,
)

from cimaise.database.columns import StorageKey, UTCDateTime
from cimaise.database.schema.metadata import metadata

discarded_objects = Table(  # bytes that nothing needs any more; deleted by a job
    "discarded_objects",
    metadata,
    Column("storage_key", StorageKey, primary_key=True),
    Column("storage_upload_id", Text),  # a multipart upload to abort as well
    Column(  # one may have been begun there that nobody could write down
        "may_have_parts", Boolean, nullable=False, server_default=false()
    ),
    Column("size", BigInteger),  # bytes that this frees; NULL: not known, or freed already
    Column("not_before", UTCDateTime, nullable=False),  # when no signed URL can bring it back
    Column("reason", String(40), nullable=False),
    Column("refused_at", UTCDateTime),  # since when the storage does not let it go
    Index("ix_discarded_objects_not_before", "not_before"),
)

key_moves = Table(  # objects of older schemes that got a key of today's: the map from old to new
    "key_moves",
    metadata,
    Column("old_key", StorageKey, primary_key=True),
    Column("new_key", StorageKey, nullable=False),
    Column("file_id", String(64), nullable=False, index=True),
    Column("state", String(10), nullable=False, index=True),  # copying, switched, done, dropped
    Column("recorded_at", UTCDateTime, nullable=False),
)

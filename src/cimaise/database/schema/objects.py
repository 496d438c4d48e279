"""Bytes that nothing needs any more."""

from sqlalchemy import (
    Column,
    Index,
    String,
    Table,
    Text,
)

from cimaise.database.columns import UTCDateTime
from cimaise.database.schema.metadata import metadata

discarded_objects = Table(  # bytes that nothing needs any more; deleted by a job
    "discarded_objects",
    metadata,
    Column("storage_key", String(200), primary_key=True),
    Column("storage_upload_id", Text),  # a multipart upload to abort as well
    Column("not_before", UTCDateTime, nullable=False),  # when no signed URL can bring it back
    Column("reason", String(40), nullable=False),
    Index("ix_discarded_objects_not_before", "not_before"),
)

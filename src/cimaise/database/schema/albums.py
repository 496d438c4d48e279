"""What is known of pictures that lie in folders."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Integer,
    Table,
    Text,
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
    Column("latitude", Float),
    Column("longitude", Float),
)

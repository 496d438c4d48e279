"""Tags by which caches in front of us know what an answer was made of, and what they must forget.

A purge is written down in the transaction of the change that asks for it, so neither a crash nor
an outage loses one; a job sends it again and again until the cache has said that it is done.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert

from cimaise.database.engine import announce
from cimaise.database.schema import purges

PURGE_JOB: Final = "cdn-purges"


def file_tag(file_id: str) -> str:
    """On every answer that was made of this file."""
    return f"file-{file_id}"


def collection_tag(collection_id: str) -> str:
    """On every answer that was made of a file of this collection."""
    return f"collection-{collection_id}"


def note_purge(connection: Connection, tags: Iterable[str], *, now: datetime) -> None:
    """A step of a transaction: whatever carries one of these tags is out of date from here on."""
    rows = [
        {"id": secrets.token_hex(16), "tag": tag, "created_at": now, "not_before": now}
        for tag in tags
    ]
    if rows:
        connection.execute(insert(purges), rows)
        announce(connection)

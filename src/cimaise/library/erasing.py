"""Deletes what a storage lets go, and finds out what it does not.

One object that cannot be deleted (a lock on it, a file that is immutable) fails the whole request
that it is part of. So a request that failed is halved until what is refused stands alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row

from cimaise.errors import CimaiseError
from cimaise.storage.base import Storage
from cimaise.storage.keys import is_valid_key

_MOST_REFUSED: Final = 20
"""So many, and nothing deleted: no more of a batch is tried."""


@dataclass(slots=True)
class Erased:
    """Rows of discarded objects.

    Attributes:
        gone: Deleted, or absent already.
        refused: Still there.
        untried: Not tried any more, because nothing but refusals came.
        fault: What the storage said last.
    """

    gone: list[Row[Any]] = field(default_factory=list)
    refused: list[Row[Any]] = field(default_factory=list)
    untried: list[Row[Any]] = field(default_factory=list)
    fault: CimaiseError | None = None

    @property
    def is_hopeless(self) -> bool:
        """It is not the objects, it is the storage or what we may do there."""
        return not self.gone and len(self.refused) >= _MOST_REFUSED


async def erase(storage: Storage, rows: Sequence[Row[Any]]) -> Erased:
    """Delete what can be deleted, with its unfinished parts.

    Raises:
        CimaiseError: The storage is away.
    """
    erased = Erased()
    await _erase(storage, rows, erased)
    return erased


async def _erase(storage: Storage, rows: Sequence[Row[Any]], erased: Erased) -> None:
    if erased.is_hopeless:
        erased.untried.extend(rows)
        return
    try:
        await _delete(storage, rows)
    except CimaiseError as fault:
        await storage.check()  # away is another thing than refused
        erased.fault = fault
    else:
        erased.gone.extend(rows)
        return
    if len(rows) == 1:
        erased.refused.extend(rows)
        return
    half = len(rows) // 2
    await _erase(storage, rows[:half], erased)
    await _erase(storage, rows[half:], erased)


async def _delete(storage: Storage, rows: Sequence[Row[Any]]) -> None:
    multipart = storage.multipart
    if multipart is not None:
        for row in rows:
            if row.storage_upload_id is not None:
                await multipart.abort(row.storage_key, row.storage_upload_id)
        await abort_unnamed(storage, {row.storage_key for row in rows if row.may_have_parts})
    keys = [row.storage_key for row in rows]
    await storage.delete([key for key in keys if is_valid_key(key)])
    for name in keys:
        if storage.foreign is not None and not is_valid_key(name):  # of an older scheme
            await storage.foreign.drop(name)


async def abort_unnamed(storage: Storage, keys: Collection[str]) -> None:
    """Abort every multipart upload of these keys that the storage knows of."""
    multipart = storage.multipart
    if multipart is None or not keys:
        return
    found = [upload async for upload in multipart.unfinished(keys)]
    for upload in found:
        await multipart.abort(upload.key, upload.upload_id)

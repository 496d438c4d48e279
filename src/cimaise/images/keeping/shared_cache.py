"""Finished pictures in the storage, for all machines that serve from it.

Behind the cache on each machine's disk: what one has made, the others fetch. Objects lie under
``variants/``, one folder a source, as on disk; the oldest go first.
"""

from collections.abc import AsyncIterator
from typing import Final

from cimaise.errors import CimaiseError, NotFound
from cimaise.images.keeping.entry import Entry, entry_name, format_entry, parse_entry
from cimaise.storage.base import ObjectInfo, Storage
from cimaise.storage.keys import VARIANTS
from cimaise.telemetry import log

_TYPE: Final = "application/octet-stream"
_BATCH: Final = 1000


class SharedCache:
    """Kept pictures of all machines. Whatever fails costs time, never an answer."""

    def __init__(self, storage: Storage) -> None:
        """Keep them in ``storage``."""
        self._storage = storage

    async def get(self, source: str, variant: str) -> Entry | None:
        """An entry; ``None`` where it is not kept or cannot be had."""
        try:
            async with self._storage.open(_key(source, variant)) as reading:
                return parse_entry(b"".join([chunk async for chunk in reading.chunks]))
        except NotFound:
            return None
        except CimaiseError as fault:
            log("picture_failed", level="warning", reason="shared cache", detail=fault.message)
            return None

    async def put(self, source: str, variant: str, entry: Entry) -> None:
        """Keep an entry; a failure is logged."""
        content = format_entry(entry)

        async def once() -> AsyncIterator[bytes]:
            yield content

        try:
            await self._storage.write(
                _key(source, variant), once(), size=len(content), content_type=_TYPE
            )
        except CimaiseError as fault:
            log("picture_failed", level="warning", reason="shared cache", detail=fault.message)

    async def purge_folder(self, folder: str) -> None:
        """Remove everything made of a source: see :func:`cimaise.images.keeping.entry.source_folder`.

        A failure is logged: what stays is asked for by nobody, and goes with its age.
        """
        try:
            found = [info.key async for info in self._storage.list(VARIANTS + folder)]
            if found:
                await self._storage.delete(found)
        except CimaiseError as fault:
            log("picture_failed", level="warning", reason="shared cache", detail=fault.message)

    async def trim(self, max_bytes: int) -> int:
        """Remove the oldest entries until the rest is no more than ``max_bytes``; how many.

        Raises:
            Unavailable: The storage is away; what was removed stays so.
        """
        found: list[ObjectInfo] = [info async for info in self._storage.list(VARIANTS)]
        total = sum(info.size for info in found)
        surplus: list[str] = []
        for info in sorted(found, key=lambda one: one.modified_at):
            if total <= max_bytes:
                break
            total -= info.size
            surplus.append(info.key)
        for start in range(0, len(surplus), _BATCH):
            await self._storage.delete(surplus[start : start + _BATCH])
        return len(surplus)


def _key(source: str, variant: str) -> str:
    return VARIANTS + entry_name(source, variant)

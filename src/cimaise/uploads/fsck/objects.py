"""Objects and rows side by side, both in the order of their keys, neither held in memory.

Either may change while this looks. So whatever does not fit is looked at once more, in the
storage and in the database, before it is called a finding: a row is written before its bytes, and
bytes go only after they are written down.
"""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final, TypeVar

from cimaise.bounded import map_bounded
from cimaise.database.engine import Database
from cimaise.errors import Invalid, NotFound
from cimaise.storage.base import ObjectInfo, Storage
from cimaise.storage.keys import INCOMING, OBJECTS
from cimaise.uploads.fsck import rows
from cimaise.uploads.fsck.findings import Finding, FsckReport, Kind
from cimaise.uploads.fsck.rows import PAGE, Kept

_AT_ONCE: Final = 8
_Pair = tuple[ObjectInfo | None, Kept | None]
_IS_THERE: Final = -1
T = TypeVar("T")


async def compare_objects(
    database: Database, storage: Storage, report: FsckReport
) -> AsyncIterator[Finding]:
    """Objects without rows, rows without objects, and those that differ in size."""
    async for batch in batches(_side_by_side(database, storage)):
        for info, kept in batch:
            report.objects += info is not None
            report.object_bytes += info.size if info is not None else 0
            report.files += kept is not None
        strangers = [info for info, kept in batch if info is not None and kept is None]
        async for finding in _orphans(database, storage, strangers):
            yield finding
        async for finding in _missing(database, storage, _doubtful(batch)):
            yield finding


def _doubtful(batch: Sequence[_Pair]) -> list[Kept]:
    return [
        kept
        for info, kept in batch
        if kept is not None and (info is None or info.size != kept.size)
    ]


async def _side_by_side(database: Database, storage: Storage) -> AsyncIterator[_Pair]:
    """A merge of two sorted streams."""
    objects, files = aiter(_objects(storage)), aiter(_files(database))
    info, kept = await anext(objects, None), await anext(files, None)
    while info is not None or kept is not None:
        if kept is None or (info is not None and info.key < kept.key):
            yield info, None
            info = await anext(objects, None)
        elif info is None or kept.key < info.key:
            yield None, kept
            kept = await anext(files, None)
        else:
            yield info, kept
            info, kept = await anext(objects, None), await anext(files, None)


async def _objects(storage: Storage) -> AsyncIterator[ObjectInfo]:
    """What lies where our keys lead, in the order of keys.

    Nothing else is looked at, whatever else is in the bucket or the folder: albums and the cache
    have their place beside the objects, and other programs may have theirs.
    """
    for prefix in sorted((INCOMING, OBJECTS)):
        async for info in storage.list(prefix):
            yield info


async def _files(database: Database) -> AsyncIterator[Kept]:
    after = ""
    while page := await database.read(partial(rows.files_after, key=after)):
        after = page[-1].key
        for kept in page:
            yield kept


async def _orphans(
    database: Database, storage: Storage, strangers: Sequence[ObjectInfo]
) -> AsyncIterator[Finding]:
    if not strangers:
        return
    keys = [info.key for info in strangers]
    known = await database.read(partial(rows.known_keys, keys=keys))
    unknown = [info for info in strangers if info.key not in known]
    there = await sizes(storage, [info.key for info in unknown])
    for info in unknown:
        if there[info.key] is not None:
            yield Finding(Kind.ORPHAN_OBJECT, info.key, "no row needs it", info.size)


async def _missing(
    database: Database, storage: Storage, doubtful: Sequence[Kept]
) -> AsyncIterator[Finding]:
    if not doubtful:
        return
    there = await sizes(storage, [kept.key for kept in doubtful])
    wrong = [kept for kept in doubtful if there[kept.key] != kept.size]
    now = await database.read(partial(rows.files_at, keys=[kept.key for kept in wrong]))
    for kept in wrong:
        size = there[kept.key]
        if now.get(kept.key) != kept:
            continue  # deleted or moved meanwhile
        if size is None:
            yield Finding(Kind.MISSING_OBJECT, kept.file_id, "its bytes are gone", kept.size)
        else:
            detail = f"{size} bytes are there, {kept.size} were published"
            yield Finding(Kind.WRONG_SIZE, kept.file_id, detail, kept.size)


async def lost_uploads(database: Database, storage: Storage) -> AsyncIterator[Finding]:
    """Complete uploads that wait for their publication, and whose bytes are gone."""
    after = ""
    while page := await database.read(partial(rows.uploaded_after, upload_id=after)):
        after = page[-1][0]
        there = await sizes(storage, [key for _, key, _ in page])
        lost = [(upload_id, size) for upload_id, key, size in page if there[key] is None]
        for upload_id, size in lost:
            yield Finding(Kind.MISSING_UPLOAD, upload_id, "its bytes are gone", size)


async def unknown_parts(database: Database, storage: Storage) -> AsyncIterator[Finding]:
    """Uploads in parts that were begun, are not ended, and that no row knows."""
    if storage.multipart is None:
        return
    async for batch in batches(storage.multipart.unfinished()):
        known = await database.read(partial(rows.known_parts, found=batch))
        for one in batch:
            if one.upload_id in known:
                continue
            try:
                parts = await storage.multipart.parts(one.key, one.upload_id)
            except (NotFound, Invalid):
                continue
            size = sum(part.size for part in parts)
            yield Finding(Kind.UNKNOWN_PARTS, one.key, "no row knows it", size, one.upload_id)


async def sizes(storage: Storage, keys: Sequence[str]) -> dict[str, int | None]:
    """Length of each object; ``None`` where there is none. A few are asked for at a time."""

    async def one(key: str) -> int | None:
        try:
            return (await storage.stat(key)).size
        except NotFound:
            return None
        except Invalid:  # no key of ours: whether it is there, only a list tells
            return _IS_THERE

    return dict(zip(keys, await map_bounded(one, keys, at_once=_AT_ONCE), strict=True))


async def batches(items: AsyncIterator[T]) -> AsyncIterator[list[T]]:
    """As many together as one question may be about."""
    batch: list[T] = []
    async for item in items:
        batch.append(item)
        if len(batch) == PAGE:
            yield batch
            batch = []
    if batch:
        yield batch

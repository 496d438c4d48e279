"""Copying every object to another storage: beside a running server, as often as one likes."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from cimaise.backup.objects import Named, Progress, require_same
from cimaise.errors import Invalid, NotFound
from cimaise.storage.base import Reading, Storage


@dataclass(frozen=True, slots=True)
class Moved:
    """What a run did: objects and bytes copied, and objects that were there already."""

    copied: int
    copied_bytes: int
    present: int


async def copy_all(
    source: Storage, target: Storage, named: Sequence[Named], progress: Progress
) -> Moved:
    """Copy what is missing in ``target``. Objects never change, so what is there is right.

    What is read is hashed and compared with its record before the copy becomes visible; what was
    broken off leaves nothing, and the next run goes on there.

    Raises:
        NotFound: An object is missing in ``source``.
        Invalid: ``checksum_mismatch``: its bytes are not those of the record.
    """
    copied, copied_bytes, present = 0, 0, 0
    for number, one in enumerate(named, 1):
        size = (await source.stat(one.key)).size
        if await _has(target, one.key, size):
            present += 1
        else:
            await _copy(source, target, one, size)
            copied, copied_bytes = copied + 1, copied_bytes + size
        progress(number, len(named))
    return Moved(copied, copied_bytes, present)


async def _has(target: Storage, key: str, size: int) -> bool:
    try:
        return (await target.stat(key)).size == size
    except NotFound:
        return False


async def _copy(source: Storage, target: Storage, one: Named, size: int) -> None:
    async with source.open(one.key) as reading:
        checked = _checked(reading, one)
        info = await target.write(one.key, checked, content_type=one.content_type, size=size)
    if info.size != size:
        raise Invalid(f"The object {one.key} arrived with another size.", code="size_mismatch")


async def _checked(reading: Reading, one: Named) -> AsyncIterator[bytes]:
    """The bytes; the last of them only where all are those of the record."""
    hashed, held = hashlib.sha256(), b""
    async for chunk in reading.chunks:
        hashed.update(chunk)
        if held:
            yield held
        held = chunk
    require_same(one.key, one.sha256, hashed.hexdigest())
    if held:
        yield held


async def compare_all(target: Storage, named: Sequence[Named], progress: Progress) -> int:
    """Read everything back from ``target``; gives how many records had a hash to compare with.

    Raises:
        NotFound, Invalid: An object is missing there or damaged.
    """
    compared = 0
    for number, one in enumerate(named, 1):
        hashed = hashlib.sha256()
        async with target.open(one.key) as reading:
            async for chunk in reading.chunks:
                hashed.update(chunk)
        require_same(one.key, one.sha256, hashed.hexdigest())
        compared += one.sha256 is not None
        progress(number, len(named))
    return compared

"""Objects that records name: which they are, copied out, copied in, each with its hash checked."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select, update

from cimaise.backup.manifest import OBJECTS, KeptObject
from cimaise.database.schema import files, uploads
from cimaise.errors import Invalid, NotFound
from cimaise.storage.base import ObjectInfo, Storage

_CHUNK_BYTES: Final = 1024 * 1024
Progress = Callable[[int, int], None]
"""Told after each object how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Named:
    """An object that a record names, and what the record knows of it."""

    key: str
    content_type: str
    sha256: str | None


def named_objects(connection: Connection) -> list[Named]:
    """Every object that is somebody's: of published files, held ones, and complete uploads."""
    of_files = select(files.c.storage_key, files.c.content_type, files.c.sha256).where(
        files.c.storage_key.is_not(None)
    )
    of_uploads = select(uploads.c.storage_key, uploads.c.content_type, uploads.c.sha256).where(
        uploads.c.state == "uploaded"
    )
    found = {}
    for statement in (of_uploads, of_files):
        for key, content_type, digest in connection.execute(statement):
            found[key] = Named(key, content_type or "application/octet-stream", digest)
    return [found[key] for key in sorted(found)]


async def copy_out(
    storage: Storage, named: Sequence[Named], folder: Path, progress: Progress
) -> list[KeptObject]:
    """Copy objects into ``folder``; those that an earlier backup left there are only checked.

    Raises:
        NotFound: An object is missing in the storage.
        Invalid: ``checksum_mismatch``: its bytes are not those of the record.
    """
    kept = []
    for number, one in enumerate(named, 1):
        kept.append(await _copy_one_out(storage, one, folder / OBJECTS / one.key))
        progress(number, len(named))
    return kept


async def _copy_one_out(storage: Storage, one: Named, target: Path) -> KeptObject:
    size, digest = await asyncio.to_thread(_find_copy, target)
    if digest is not None and one.sha256 in (None, digest):
        return KeptObject(one.key, size, digest, one.content_type)
    draft = target.with_name(target.name + ".new")
    hashed, size = hashlib.sha256(), 0
    async with storage.open(one.key) as reading:
        with draft.open("wb") as file:
            async for chunk in reading.chunks:
                file.write(chunk)
                hashed.update(chunk)
                size += len(chunk)
    require_same(one.key, one.sha256, hashed.hexdigest())
    draft.replace(target)
    return KeptObject(one.key, size, hashed.hexdigest(), one.content_type)


def _find_copy(target: Path) -> tuple[int, str | None]:
    """Size and hash of what an earlier backup left; makes its folder where there is nothing."""
    if target.exists():
        return _hash_file(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    return 0, None


def _hash_file(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def require_same(key: str, wanted: str | None, found: str) -> None:
    """``Invalid`` (``checksum_mismatch``) where a record knows another hash."""
    if wanted not in (None, found):
        raise Invalid(f"The object {key} is not what its record says.", code="checksum_mismatch")


async def copy_in(
    storage: Storage, kept: Sequence[KeptObject], folder: Path, progress: Progress
) -> dict[str, str]:
    """Write objects into the storage, those that are not there; gives the ETag of each by its key.

    An object is seen whole or not at all, and never changes: one of the right size is the right one.

    Raises:
        Invalid: ``checksum_mismatch``, before anything of that object is written.
    """
    etags = {}
    for number, one in enumerate(kept, 1):
        source = folder / OBJECTS / one.key
        if not source.is_file():
            raise NotFound(f"The backup lacks the object {one.key}.")
        require_same(one.key, one.sha256, _hash_file(source)[1])
        info = await _found(storage, one) or await storage.write(
            one.key, _chunks(source), content_type=one.content_type, size=one.size
        )
        etags[one.key] = info.etag
        progress(number, len(kept))
    return etags


async def _found(storage: Storage, one: KeptObject) -> ObjectInfo | None:
    try:
        info = await storage.stat(one.key)
    except NotFound:
        return None
    return info if info.size == one.size else None


async def _chunks(source: Path) -> AsyncIterator[bytes]:
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def note_etags(connection: Connection, etags: dict[str, str]) -> None:
    """Another storage gives other ETags."""
    for key, etag in etags.items():
        for table in (files, uploads):
            connection.execute(
                update(table).where(table.c.storage_key == key).values(storage_etag=etag)
            )

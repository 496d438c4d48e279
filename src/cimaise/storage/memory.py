"""Objects in this process's memory: for tests and for trying things out. Gone when it ends."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from cimaise.storage.base import ObjectInfo, PartInfo, Reading, Unfinished
from cimaise.storage.bodies import counted
from cimaise.storage.checks import (
    CHUNK_BYTES,
    no_object,
    no_upload,
    part_mismatch,
    require_declared,
    require_etag,
    require_joinable,
    require_part_number,
    size_mismatch,
    span,
)
from cimaise.storage.keys import require_key, require_name
from cimaise.storage.signed_urls import SignedUrls


@dataclass(frozen=True, slots=True)
class _Stored:
    info: ObjectInfo
    content: bytes


@dataclass(slots=True)
class _Shelf:
    """What the storage and its multipart uploads share."""

    now: Callable[[], datetime]
    random: Callable[[], str]
    objects: dict[str, _Stored] = field(default_factory=dict)

    def put(self, key: str, content: bytes, content_type: str) -> ObjectInfo:
        info = ObjectInfo(key, len(content), self.random(), self.now(), content_type)
        self.objects[key] = _Stored(info, content)
        return info

    def get(self, key: str) -> _Stored:
        try:
            return self.objects[require_key(key)]
        except KeyError:
            raise no_object() from None


@dataclass(slots=True)
class _Upload:
    key: str
    content_type: str
    part_size: int
    is_exact: bool
    begun_at: datetime
    parts: dict[int, tuple[PartInfo, bytes]] = field(default_factory=dict)


class MemoryMultipart:
    """See :class:`cimaise.storage.base.Multipart`."""

    def __init__(self, shelf: _Shelf) -> None:
        self._shelf = shelf
        self._uploads: dict[str, _Upload] = {}

    async def create(
        self, key: str, *, content_type: str, part_size: int, is_exact: bool = True
    ) -> str:
        """Begin."""
        upload_id = self._shelf.random()
        self._uploads[upload_id] = _Upload(
            require_key(key), content_type, part_size, is_exact, self._shelf.now()
        )
        return upload_id

    async def write(
        self, key: str, upload_id: str, part_number: int, chunks: AsyncIterable[bytes], *, size: int
    ) -> PartInfo:
        """Store one part."""
        require_part_number(part_number)
        upload = self._upload(key, upload_id)
        if upload.is_exact and size > upload.part_size:
            raise size_mismatch(upload.part_size)
        content = b"".join([chunk async for chunk in counted(chunks, size=size)])
        part = PartInfo(part_number, size, self._shelf.random())
        self._upload(key, upload_id).parts[part_number] = (part, content)
        return part

    async def parts(self, key: str, upload_id: str) -> Sequence[PartInfo]:
        """Every stored part."""
        stored = self._upload(key, upload_id).parts
        return [stored[number][0] for number in sorted(stored)]

    async def complete(self, key: str, upload_id: str, parts: Sequence[PartInfo]) -> ObjectInfo:
        """Join."""
        size = require_joinable(parts)
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            done = self._shelf.objects.get(key)
            if done is None or done.info.size != size:
                raise no_upload()
            return done.info
        if upload.is_exact and len(parts) > 1 and parts[0].size != upload.part_size:
            raise part_mismatch("The parts are not as long as they were declared to be.")
        contents = []
        for part in parts:
            stored, content = upload.parts.get(part.part_number, (None, b""))
            if stored != part:
                raise part_mismatch(f"Part {part.part_number} is missing or another one.")
            contents.append(content)
        del self._uploads[upload_id]
        return self._shelf.put(key, b"".join(contents), upload.content_type)

    async def abort(self, key: str, upload_id: str) -> None:
        """Free all parts."""
        upload = self._uploads.get(upload_id)
        if upload is not None and upload.key == key:
            del self._uploads[upload_id]

    async def unfinished(self, keys: Collection[str] | None = None) -> AsyncIterator[Unfinished]:
        """Those that are begun, as they are when this is called."""
        for upload_id, upload in list(self._uploads.items()):
            if keys is None or upload.key in keys:
                yield Unfinished(upload.key, upload_id, upload.begun_at)

    def _upload(self, key: str, upload_id: str) -> _Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise no_upload()
        return upload


class MemoryForeign:
    """See :class:`cimaise.storage.base.Foreign`."""

    def __init__(self, shelf: _Shelf) -> None:
        self._shelf = shelf

    async def adopt(self, name: str, target: str) -> ObjectInfo:
        """Copy."""
        require_key(target)
        stored = self._shelf.objects.get(require_name(name))
        if stored is None:
            raise no_object()
        return self._shelf.put(target, stored.content, stored.info.content_type or "")

    async def drop(self, name: str) -> None:
        """Delete."""
        self._shelf.objects.pop(require_name(name), None)


class MemoryStorage:
    """See :class:`cimaise.storage.base.Storage`."""

    is_local = True

    def __init__(
        self, *, urls: SignedUrls | None, now: Callable[[], datetime], random: Callable[[], str]
    ) -> None:
        """Empty at first.

        Args:
            urls: Signs and opens URLs that lead back to this server.
            now: The time, aware UTC.
            random: Texts nobody can guess, for ETags and upload ids.
        """
        self._shelf = _Shelf(now, random)
        self.multipart = MemoryMultipart(self._shelf)
        self.appends = None
        self.presigner = urls
        self.signed_door = urls
        self.sweeper = None
        self.foreign = MemoryForeign(self._shelf)
        self.upkeep = None

    async def stat(self, key: str) -> ObjectInfo:
        """Size, ETag and date."""
        return self._shelf.get(key).info

    def open(
        self, key: str, *, start: int = 0, stop: int | None = None, if_etag: str | None = None
    ) -> AbstractAsyncContextManager[Reading]:
        """Read a stretch of bytes."""
        return self._open(key, start, stop, if_etag)

    @asynccontextmanager
    async def _open(
        self, key: str, start: int, stop: int | None, if_etag: str | None
    ) -> AsyncIterator[Reading]:
        stored = self._shelf.get(key)
        require_etag(if_etag, stored.info.etag)
        first, end = span(start, stop, stored.info.size)
        yield Reading(stored.info, first, end, _slices(stored.content, first, end))

    async def write(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        content_type: str,
        size: int | None = None,
        max_bytes: int | None = None,
    ) -> ObjectInfo:
        """Store an object."""
        require_key(key)
        require_declared(size, max_bytes)
        body = counted(chunks, size=size, max_bytes=max_bytes)
        content = b"".join([chunk async for chunk in body])
        return self._shelf.put(key, content, content_type)

    async def move(self, source: str, target: str, *, if_etag: str | None = None) -> ObjectInfo:
        """Give the object another key."""
        require_key(target)
        stored = self._shelf.get(source)
        require_etag(if_etag, stored.info.etag)
        del self._shelf.objects[source]
        info = replace(stored.info, key=target)
        self._shelf.objects[target] = _Stored(info, stored.content)
        return info

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects."""
        for key in keys:
            self._shelf.objects.pop(require_key(key), None)

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[ObjectInfo]:
        """Every object below ``prefix``, as they are when this is called."""
        for key, stored in sorted(self._shelf.objects.items()):
            if key.startswith(prefix) and key > after:
                yield stored.info

    async def check(self) -> None:
        """Memory is always there."""

    async def close(self) -> None:
        """Forget everything."""
        self._shelf.objects.clear()


async def _slices(content: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
    for first in range(start, stop, CHUNK_BYTES):
        yield content[first : min(first + CHUNK_BYTES, stop)]

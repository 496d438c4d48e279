"""Writing a whole object: with one request where its length is known, in parts where not."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Final

from cimaise.errors import Limit, TooLarge
from cimaise.storage.base import PartInfo
from cimaise.storage.bodies import Cut, counted
from cimaise.storage.checks import MAX_PART_NUMBER
from cimaise.storage.s3.multipart import S3Multipart
from cimaise.storage.s3.wire import Wire

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class WriteSizes:
    """Bytes.

    Attributes:
        single: Longest body of one request: 5 GiB in S3.
        buffer: Held in memory of a body of unknown length, which goes out in parts of this
            size; so the longest such body is 10,000 times as long.
        part: Shortest part of a body that is known to be longer than ``single``; not held.
    """

    single: int = 5 * 1024 * _MIB
    buffer: int = 10 * _MIB
    part: int = 64 * _MIB


class Writer:
    """Bodies of any length to one bucket."""

    def __init__(self, wire: Wire, multipart: S3Multipart, sizes: WriteSizes) -> None:
        self._wire = wire
        self._multipart = multipart
        self._sizes = sizes

    async def write(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        content_type: str,
        size: int | None,
        max_bytes: int | None,
    ) -> int:
        """Store the body; its length in bytes."""
        body = counted(chunks, size=size, max_bytes=max_bytes)
        if size is None:
            return await self._write_unknown(key, body, content_type)
        if size <= self._sizes.single:
            return await self._put(key, body, content_type, size)
        return await self._write_long(key, body, content_type, size)

    async def _put(self, key: str, body: AsyncIterable[bytes], content_type: str, size: int) -> int:
        await self._wire.put(key, body, size=size, headers={"Content-Type": content_type})
        return size

    async def _write_unknown(self, key: str, body: AsyncIterable[bytes], content_type: str) -> int:
        """The first buffer decides: a body that ends in it goes out with one request."""
        cut = Cut(body)
        held = [chunk async for chunk in cut.take(self._sizes.buffer)]
        if _length(held) < self._sizes.buffer:
            return await self._put(key, _each(held), content_type, _length(held))
        upload_id = await self._multipart.create(
            key, content_type=content_type, part_size=self._sizes.buffer
        )
        parts: list[PartInfo] = []
        try:
            while held:
                _require_room(parts, self._sizes.buffer)
                part = await self._multipart.write(
                    key, upload_id, len(parts) + 1, _each(held), size=_length(held)
                )
                parts.append(part)
                held = [chunk async for chunk in cut.take(self._sizes.buffer)]
            await self._multipart.complete(key, upload_id, parts)
        except BaseException:
            await self._multipart.drop(key, upload_id)
            raise
        return sum(part.size for part in parts)

    async def _write_long(
        self, key: str, body: AsyncIterable[bytes], content_type: str, size: int
    ) -> int:
        """Lengths of parts are known, so nothing needs to be held."""
        part_size = max(self._sizes.part, -(-size // MAX_PART_NUMBER))
        cut = Cut(body)
        upload_id = await self._multipart.create(
            key, content_type=content_type, part_size=part_size
        )
        parts = []
        try:
            for number, start in enumerate(range(0, size, part_size), 1):
                length = min(part_size, size - start)
                part = await self._multipart.write(
                    key, upload_id, number, cut.take(length), size=length
                )
                parts.append(part)
            await cut.require_end()
            await self._multipart.complete(key, upload_id, parts)
        except BaseException:
            await self._multipart.drop(key, upload_id)
            raise
        return size


def _length(pieces: list[bytes]) -> int:
    return sum(map(len, pieces))


async def _each(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _require_room(parts: list[PartInfo], buffer_bytes: int) -> None:
    if len(parts) == MAX_PART_NUMBER:
        limit = Limit("max_bytes", buffer_bytes * MAX_PART_NUMBER)
        raise TooLarge("A body of unknown length may not be this long.", limit=limit)

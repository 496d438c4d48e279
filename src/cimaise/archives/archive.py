"""One archive, made while it is sent."""

import hashlib
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from cimaise.archives.checksums import Bytes, Checksums, Packed
from cimaise.archives.names import unique_names
from cimaise.errors import BrokenTransfer, Limit, TooLarge
from cimaise.rfc.zip import Kind, Layout, Member, Stretch

MAX_FILES: Final = 10_000
_FORM: Final = b"cimaise zip 1"  # in every ETag: whoever changes the layout changes this


@dataclass(frozen=True, slots=True)
class Archives:
    """Makes archives."""

    checksums: Checksums

    def pack(self, files: Sequence[Packed]) -> "Archive":
        """An archive of these files, in this order. Reads nothing.

        Raises:
            TooLarge: More than :data:`MAX_FILES`.
        """
        if len(files) > MAX_FILES:
            limit = Limit("archive.max_files", MAX_FILES, len(files))
            raise TooLarge("These are too many files for one archive.", limit=limit)
        return Archive(files, self.checksums)


@dataclass(frozen=True, slots=True)
class _Chunks:
    chunks: AsyncIterator[bytes]


class Archive:
    """One archive. ``size`` is its length in bytes, ``etag`` is strong and without its marks.

    Nothing is packed beforehand and nothing is kept: the length, every offset and the ETag follow
    from names, sizes, dates and versions, so a broken download goes on where it stopped. Memory
    is a few hundred bytes a file and one chunk.
    """

    def __init__(self, files: Sequence[Packed], checksums: Checksums) -> None:
        names = unique_names([file.name for file in files])
        members = [
            Member(name, file.size, file.modified_at)
            for name, file in zip(names, files, strict=True)
        ]
        self._files = tuple(files)
        self._checksums = checksums
        self._layout = Layout(members)
        self.size = self._layout.size
        self.etag = _etag(members, files)

    @asynccontextmanager
    async def open(self, start: int, stop: int) -> AsyncIterator[Bytes]:
        """Bytes ``start`` to ``stop`` (exclusive).

        On entering the first file is looked at, so that what is missing or no longer allowed is
        found before the first byte; later it breaks the transfer, for there is nothing else left
        to say.
        """
        known = await self._checksums.known([file.version for file in self._files])
        stretches = list(self._layout.stretches(start, stop))
        if stretches:
            await self._look_at(stretches[0])
        chunks = self._chunks(stretches, known)
        try:
            yield _Chunks(chunks)
        finally:
            await chunks.aclose()

    async def _look_at(self, stretch: Stretch) -> None:
        if stretch.kind in (Kind.HEADER, Kind.CONTENT) and self._files[stretch.index].size:
            async with self._files[stretch.index].open(0, 1):
                return

    async def _chunks(
        self, stretches: Sequence[Stretch], known: dict[str, int]
    ) -> AsyncGenerator[bytes, None]:
        for stretch in stretches:
            if stretch.kind is Kind.CONTENT:
                async for chunk in self._content(stretch, known):
                    yield chunk
            else:
                yield await self._described(stretch, known)

    async def _content(self, stretch: Stretch, known: dict[str, int]) -> AsyncIterator[bytes]:
        file = self._files[stretch.index]
        crc32 = 0
        async with file.open(stretch.start, stretch.stop) as opened:
            async for chunk in opened.chunks:
                crc32 = zlib.crc32(chunk, crc32)
                yield chunk
        is_whole = stretch.stop - stretch.start == file.size
        if is_whole and known.get(file.version, crc32) != crc32:
            await self._checksums.forget(file.version)
            raise BrokenTransfer("A file is not what it was when its checksum was taken.")

    async def _described(self, stretch: Stretch, known: dict[str, int]) -> bytes:
        """A header, a record or the end."""
        if stretch.kind is Kind.END:
            return self._layout.end()[stretch.start : stretch.stop]
        file = self._files[stretch.index]
        if file.version not in known:
            known[file.version] = await self._checksums.take(file)
        make = self._layout.header if stretch.kind is Kind.HEADER else self._layout.record
        return make(stretch.index, known[file.version])[stretch.start : stretch.stop]


def _etag(members: Sequence[Member], files: Sequence[Packed]) -> str:
    digest = hashlib.sha256(_FORM)
    for member, file in zip(members, files, strict=True):
        facts = (member.name, str(member.size), member.modified_at.isoformat(), file.version)
        for fact in facts:
            encoded = fact.encode()
            digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()[:40]

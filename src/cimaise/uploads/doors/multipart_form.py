"""``multipart/form-data`` (RFC 7578) as a stream of events, in the memory of one chunk.

Events are pulled, so that whoever stores a file decides how fast its bytes come.
"""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from python_multipart.multipart import parse_options_header

from cimaise.errors import Malformed
from cimaise.storage.bodies import Memory, Piece, Pour, Take, pour_of
from cimaise.uploads.doors.multipart_reader import (
    Direct,
    Event,
    Field,
    FileData,
    FileEnd,
    FileStart,
    Reader,
)

__all__ = ["Event", "Field", "FileBytes", "FileData", "FileEnd", "FileStart", "Form"]

_SLICE_BYTES: Final = 1024 * 1024


class Form:
    """Events of a form, in the order of its body. Iterate over it."""

    def __init__(self, chunks: AsyncIterable[bytes], content_type: str) -> None:
        """Nothing is read yet.

        Iterating and pouring raise ``Malformed`` where a part has no name, or the body breaks off
        before the last boundary, and ``TooLarge`` where there are more parts, or a longer field,
        than a form of people has.

        Args:
            chunks: The body.
            content_type: The request's ``Content-Type``, with its boundary.

        Raises:
            Malformed: No form, or no boundary.
        """
        self._reader = Reader(_boundary(content_type))
        self._chunks: AsyncIterator[bytes] = aiter(chunks)
        self.short = pour_of(chunks)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        event = await self.next()
        if event is None:
            raise StopAsyncIteration
        return event

    async def next(self) -> Event | None:
        """The next one; ``None`` at the end."""
        events = self._reader.events
        while not events:
            if not await self._read():
                self._reader.close()
                return events.popleft() if events else None
        return events.popleft()

    def put_back(self, event: Event) -> None:
        """It is the next one again."""
        self._reader.events.appendleft(event)

    @property
    def has_events(self) -> bool:
        """Some are there without reading on."""
        return bool(self._reader.events)

    async def pour_into(self, take: Take, most: int) -> tuple[int, bool]:
        """Read at most so many bytes; those of the file go to ``take`` as they are found.

        Only where the form can be poured, at a file, and without events that wait.

        Returns:
            Bytes of the file, and whether more of the form may come.
        """
        assert self.short is not None
        self._reader.direct = direct = Direct(take)
        try:
            more = await self.short(self._feed_direct, most)
        finally:
            self._reader.direct = None
        return direct.given_bytes, more

    def _feed_direct(self, piece: Piece) -> None:
        self._feed(piece)
        direct = self._reader.direct
        if direct is not None and direct.fault is not None:
            raise direct.fault

    def _feed(self, piece: Piece) -> None:
        assert isinstance(piece, bytes | memoryview)  # a form is not poured by a pipe
        self._reader.feed(piece)

    async def _read(self) -> bool:
        """Feed the parser; whether more may come."""
        if self.short is not None:
            return await self.short(self._feed, _SLICE_BYTES)
        chunk = await anext(self._chunks, None)
        if chunk is None:
            return False
        for start in range(0, len(chunk), _SLICE_BYTES):
            self._reader.feed(chunk[start : start + _SLICE_BYTES])
        return True


class FileBytes:
    """The bytes of the file that a form is at: everything up to its end.

    Attributes:
        pour: See :data:`cimaise.storage.bodies.Pour`; ``None`` where the form cannot be poured.
    """

    def __init__(self, form: Form) -> None:
        self._form = form
        self.pour: Pour | None = None if form.short is None else self._pour

    async def _chunk(self) -> Memory | None:
        while not isinstance(event := await self._form.next(), FileEnd | None):
            if isinstance(event, FileData):
                return event.chunk
        return None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunk()) is not None:
            yield bytes(chunk)

    async def _pour(self, take: Take, most: int, *, by_pipe: bool = False) -> bool:  # noqa: ARG002 (it is parsed in memory)
        while most > 0:
            if not self._form.has_events:
                given, more = await self._form.pour_into(take, most)
                most -= given
                if more or self._form.has_events:
                    continue
            chunk = await self._chunk()
            if chunk is None:
                return False
            rest = chunk[most:]
            if len(rest):
                self._form.put_back(FileData(rest))
                chunk = chunk[:most]
            take(chunk)
            most -= len(chunk)
        return True

    async def skip(self) -> None:
        """Take them for nothing."""
        while await self._chunk() is not None:
            pass


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise Malformed("The body is no form: send multipart/form-data with its boundary.")
    return boundary

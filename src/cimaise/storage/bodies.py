"""Bytes that come in: counted, gathered into pieces worth a thread hop, cut into parts."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from cimaise.storage.checks import size_mismatch, too_large

HOP_BYTES: Final = 512 * 1024
"""Fewest bytes worth a hop to another thread; below it the hop costs more than the write."""

_MAX_PIECES: Final = 512  # below IOV_MAX (1024 on Linux)


class Piped(Protocol):
    """Bytes that are still the kernel's. Take them once, as ``bytes`` or by :meth:`move`.

    Either while they are given, or in a thread: see :meth:`apart`.
    """

    def __len__(self) -> int: ...

    def __bytes__(self) -> bytes: ...

    def move(self, descriptor: int, offset: int, /) -> None:
        """Write all of them into a file, without bringing them into memory of ours.

        ``OSError`` where that fails; then some may have been written.
        """
        ...

    def apart(self, work: Callable[[], None], then: Callable[[], None], /) -> bool:
        """Leave the taking to a thread, where that is of use; ``False``: do it at once.

        The pour gives nothing more before it is done, nor does it end, however it is cancelled.

        Args:
            work: Takes these bytes. It may block; what it raises is raised by the pour.
            then: Called on the event loop after it, however that ended.
        """
        ...


Memory = bytes | memoryview
Piece = Memory | Piped
Take = Callable[[Piece], None]
"""Is given bytes on the event loop, as they come; must not wait, and must not keep them."""


class Pour(Protocol):
    """The short way of a body: ``await pour(take, most)`` calls ``take`` until there were ``most`` bytes.

    It tells whether more may come: ``False`` only when ``take`` has had every byte. Cancelling loses
    nothing. What ``take`` raises is raised; ``ClientGone`` where the body breaks off.

    Args:
        by_pipe: ``take`` knows what to do with :class:`Piped`, too. Otherwise it gets memory.
    """

    def __call__(  # noqa: D102
        self, take: Take, most: int, /, *, by_pipe: bool = False
    ) -> Awaitable[bool]: ...


def pour_of(chunks: AsyncIterable[bytes]) -> Pour | None:
    """The short way of ``chunks``, where whoever makes them has one (an attribute ``pour``)."""
    pour: Pour | None = getattr(chunks, "pour", None)
    return pour


class Looked:
    """The same chunks, each looked at before it goes on; the short way stays open."""

    def __init__(self, chunks: AsyncIterable[bytes], look: Callable[[Piece], None]) -> None:
        """``look`` may raise, and must not wait."""
        self._chunks = chunks
        self._look = look
        self._short = pour_of(chunks)
        self.pour: Pour | None = None if self._short is None else self._pour

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self._look(chunk)
            yield chunk

    async def _pour(self, take: Take, most: int, *, by_pipe: bool = False) -> bool:
        assert self._short is not None

        def look_and_take(piece: Piece) -> None:
            self._look(piece)
            take(piece)

        return await self._short(look_and_take, most, by_pipe=by_pipe)


class Counted:
    """The same chunks without empty ones, and no more or fewer bytes than was said."""

    def __init__(
        self,
        chunks: AsyncIterable[bytes],
        *,
        size: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        """Nothing is read yet.

        Iterating and pouring raise ``Invalid`` (``size_mismatch``) before the first byte beyond
        ``size`` is passed on, or at the end where bytes are missing, and ``TooLarge`` before the
        first byte beyond ``max_bytes`` is.
        """
        self._chunks = Looked(chunks, self._count)
        self._size = size
        self._max_bytes = max_bytes
        self._seen = 0
        self.pour: Pour | None = None if self._chunks.pour is None else self._pour

    def _count(self, piece: Piece) -> None:
        self._seen += len(piece)
        if self._size is not None and self._seen > self._size:
            raise size_mismatch(self._size)
        if self._max_bytes is not None and self._seen > self._max_bytes:
            raise too_large(self._max_bytes)

    def _require_end(self) -> None:
        if self._size is not None and self._seen != self._size:
            raise size_mismatch(self._size)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # The last chunk goes on when the end has been seen: a service that was told the length
        # would otherwise have the whole of a body that turns out to be too long.
        held = b""
        async for chunk in self._chunks:
            if not chunk:
                continue
            if held:
                yield held
            held = chunk
        self._require_end()
        if held:
            yield held

    async def _pour(self, take: Take, most: int, *, by_pipe: bool = False) -> bool:
        assert self._chunks.pour is not None
        more = await self._chunks.pour(take, most, by_pipe=by_pipe)
        if not more:
            self._require_end()
        return more


def counted(
    chunks: AsyncIterable[bytes], *, size: int | None = None, max_bytes: int | None = None
) -> Counted:
    """See :class:`Counted`."""
    return Counted(chunks, size=size, max_bytes=max_bytes)


async def gathered(chunks: AsyncIterable[bytes]) -> AsyncGenerator[list[bytes], None]:
    """Lists of chunks that together have at least :data:`HOP_BYTES`; the last may have fewer.

    A list is never empty and never longer than one ``writev`` takes.
    """
    pieces: list[bytes] = []
    held = 0
    async for chunk in chunks:
        pieces.append(chunk)
        held += len(chunk)
        if held >= HOP_BYTES:
            yield pieces
            pieces, held = [], 0
        elif len(pieces) >= _MAX_PIECES:
            pieces = [b"".join(pieces)]
    if pieces:
        yield pieces


class Cut:
    """A body that is taken in stretches of chosen lengths."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = aiter(chunks)
        self._rest = b""

    async def take(self, length: int) -> AsyncIterator[bytes]:
        """The next ``length`` bytes; fewer only at the end of the body."""
        while length > 0:
            chunk = self._rest or await anext(self._chunks, b"")
            if not chunk:
                return
            self._rest = chunk[length:]
            yield chunk if len(chunk) <= length else chunk[:length]
            length -= len(chunk) - len(self._rest)

    async def require_end(self) -> None:
        """Let the body say what it finds wrong at its end; call it after the last byte."""
        await anext(self._chunks, b"")

"""Bytes that come in: counted, gathered into pieces worth a thread hop, cut into parts."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Final

from cimaise.storage.checks import size_mismatch, too_large

HOP_BYTES: Final = 512 * 1024
"""Fewest bytes worth a hop to another thread; below it the hop costs more than the write."""

_MAX_PIECES: Final = 512  # below IOV_MAX (1024 on Linux)


async def counted(
    chunks: AsyncIterable[bytes], *, size: int | None = None, max_bytes: int | None = None
) -> AsyncIterator[bytes]:
    """The same chunks without empty ones.

    Raises:
        Invalid: ``size_mismatch``, before the first byte beyond ``size`` is passed on, or at the
            end where bytes are missing.
        TooLarge: Before the first byte beyond ``max_bytes`` is passed on.
    """
    seen = 0
    async for chunk in chunks:
        if not chunk:
            continue
        seen += len(chunk)
        if size is not None and seen > size:
            raise size_mismatch(size)
        if max_bytes is not None and seen > max_bytes:
            raise too_large(max_bytes)
        yield chunk
    if size is not None and seen != size:
        raise size_mismatch(size)


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

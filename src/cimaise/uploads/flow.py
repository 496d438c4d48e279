"""Chunks of a stream on their way to the storage: judged by their head, reserved as they come."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

from cimaise.storage.bodies import Looked, Piece, Pour, Take
from cimaise.uploads.digest import StreamingSha256
from cimaise.uploads.inspect import judge
from cimaise.uploads.session import UploadSession
from cimaise.uploads.signatures.base import HEAD_BYTES

LEAST_STEP: Final = 4 * 1024 * 1024
MOST_STEP: Final = 64 * 1024 * 1024
"""Bytes of a stream of unknown length that may come before they are reserved: a quarter of what
has come, within these bounds, so that a long stream does not ask the database all the time."""

_PATIENCE_S: Final = 60.0
_UNKNOWN_SIZE: Final = 1 << 62
"""Stands for a length that only the end will tell: no structure check may find it too short."""

Reserve = Callable[[int, int], Awaitable[None]]
"""Reserves ``more`` bytes beside those that are ``held``; ``TooLarge`` where there are none left."""


class Flow:
    """Iterate over it, or pour it where the stream can be poured.

    Attributes:
        pour: See :data:`cimaise.storage.bodies.Pour`; ``None`` where there is no such way, or all
            bytes are hashed as they pass.
        size: Bytes that have passed.
        sha256: Of all that has passed, where that was asked for.
    """

    def __init__(
        self,
        chunks: AsyncIterable[bytes],
        session: UploadSession,
        *,
        reserve: Reserve,
        renew: Callable[[], Awaitable[None]],
        is_hashed: bool,
    ) -> None:
        """Nothing is read yet.

        Args:
            chunks: The stream.
            session: Its session, where what was declared is written.
            reserve: See :data:`Reserve`.
            renew: Says that bytes flow; called all the time.
            is_hashed: Compute the SHA-256 of all that passes.
        """
        self._chunks = Looked(chunks, self._see)
        self._session = session
        self._reserve = reserve
        self._renew = renew
        self._reserved = session.reserved_bytes
        self._head = bytearray()
        self._is_judged = False
        self.size = 0
        self.sha256 = StreamingSha256() if is_hashed else None
        self.pour: Pour | None = None if is_hashed or self._chunks.pour is None else self._pour

    def _see(self, piece: Piece) -> None:
        self.size += len(piece)
        if not self._is_judged and len(self._head) < HEAD_BYTES:
            self._head += memoryview(bytes(piece))[: HEAD_BYTES - len(self._head)]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            if self.sha256 is not None:
                await self.sha256.add(chunk)
            await self._look()
            await self._renew()
            yield chunk

    async def _pour(self, take: Take, most: int, *, by_pipe: bool = False) -> bool:
        assert self._chunks.pour is not None
        # the head first: what is refused should not have been written
        step = min(most, LEAST_STEP if self._is_judged else HEAD_BYTES)
        more = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):  # a slow sender is somebody, too
                more = await self._chunks.pour(take, step, by_pipe=by_pipe and self._is_judged)
        await self._look()
        await self._renew()
        return more

    async def _look(self) -> None:
        """Raise as soon as something is refused."""
        if not self._is_judged and self.size >= HEAD_BYTES:
            self._judge()
        step = min(MOST_STEP, max(LEAST_STEP, self._reserved // 4))
        if self.size - self._reserved >= step:
            await self.reserve_rest()

    def _judge(self) -> None:
        self._is_judged = True
        head, self._head = bytes(self._head), bytearray()  # thousands may be under way
        judge(
            head,
            self._session.declared_size or max(self.size, _UNKNOWN_SIZE),
            filename=self._session.filename,
            declared_type=self._session.declared_type,
        )

    async def reserve_rest(self) -> int:
        """Reserve what has come and is not reserved; gives the bytes reserved in all."""
        more = self.size - self._reserved
        if more > 0:
            await self._reserve(self._reserved, more)
            self._reserved += more
        return self._reserved

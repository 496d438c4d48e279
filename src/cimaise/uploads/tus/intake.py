"""A body that is read ahead, so that whatever has arrived when it breaks off can be kept."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self

READ_AHEAD: Final = 1024 * 1024
"""Bytes that are held before the sender has to wait."""

_DRAIN_S: Final = 0.02
"""Silence after which nothing more is on its way through this machine."""

_MOST_DRAIN_S: Final = 0.2
"""Longest wait, all waits together, for a sender that goes on and on."""

_MOST_DRAIN_BYTES: Final = 64 * 1024 * 1024
"""More than can be on its way through this machine."""


class Intake:
    """Chunks of one body. Enter it to begin reading; leaving stops that."""

    def __init__(self, chunks: AsyncIterator[bytes], *, most: int = READ_AHEAD) -> None:
        """Nothing is read yet; ``most`` is how many bytes may wait to be taken."""
        self._chunks = chunks
        self._most = most
        self._pieces: list[bytes] = []
        self._held = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._fault: BaseException | None = None
        self._ended = False
        self._task: asyncio.Task[None] | None = None
        self._drain_s = _MOST_DRAIN_S
        self._drain_bytes = _MOST_DRAIN_BYTES
        self.was_interrupted = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def interrupt(self) -> None:
        """Let :meth:`take` come to its end after what has arrived."""
        self.was_interrupted = True
        self._news.set()

    async def take(self, patience_s: float | None = None) -> list[bytes] | None:
        """Everything that has arrived since the last time; an empty list is the end.

        After an interruption it goes on for as long as there is something that has arrived, in
        the server's buffers or in the kernel's, and only a little longer where the sender is
        quicker than we are.

        Args:
            patience_s: Seconds to wait for something; ``None`` for ever.

        Returns:
            ``None`` where nothing came in that time.

        Raises:
            CimaiseError: What the chunks raised, after everything that came before it.
        """
        if self.was_interrupted:
            return await self._drained()
        if not await self._waited(patience_s):
            return None
        pieces = self._taken()
        if pieces or self.was_interrupted:
            return pieces or await self._drained()
        if self._fault is not None:
            raise self._fault
        return pieces

    async def _drained(self) -> list[bytes]:
        if self._drain_s <= 0 or self._drain_bytes <= 0:
            return []
        if not (self._pieces or self._ended):
            self._news.clear()
            loop = asyncio.get_running_loop()
            started = loop.time()
            await self._waited(_DRAIN_S)
            self._drain_s -= loop.time() - started
        self._drain_bytes -= self._held
        return self._taken()

    async def _waited(self, patience_s: float | None) -> bool:
        """Wait for news; False where there was none in that time."""
        try:
            async with asyncio.timeout(patience_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _taken(self) -> list[bytes]:
        pieces, self._pieces, self._held = self._pieces, [], 0
        self._room.set()
        if not self._ended:
            self._news.clear()
        return pieces

    async def _read(self) -> None:
        try:
            async for chunk in self._chunks:
                self._pieces.append(chunk)
                self._held += len(chunk)
                self._news.set()
                while self._held >= self._most:
                    self._room.clear()
                    await self._room.wait()
        except Exception as fault:
            self._fault = fault
        self._ended = True
        self._news.set()

"""Who is at which upload, in this process: the latest to come goes on, at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial


class Transfer:
    """One request that is at an upload."""

    def __init__(self, forget: Callable[[], None]) -> None:
        """``forget`` is called once, when others may go on."""
        self._forget = forget
        self._kept = asyncio.Event()
        self._stop: Callable[[], None] | None = None
        self._is_stopped = False

    def on_stop(self, stop: Callable[[], None]) -> None:
        """Say how it is stopped: what has arrived is kept, nothing more is waited for."""
        self._stop = stop
        if self._is_stopped:
            stop()

    def stop(self) -> None:
        """Somebody else wants to go on."""
        self._is_stopped = True
        if self._stop is not None:
            self._stop()

    def release(self) -> None:
        """Everything that arrived is kept; others may go on, whatever is still done here."""
        if not self._kept.is_set():
            self._forget()
            self._kept.set()

    async def released(self) -> None:
        """Wait for :meth:`release`."""
        await self._kept.wait()


class Transfers:
    """The transfers of a process, at most one for each upload."""

    def __init__(self) -> None:
        self._current: dict[str, Transfer] = {}

    @asynccontextmanager
    async def taken(self, upload_id: str) -> AsyncIterator[Transfer]:
        """Stop whoever is at the upload, wait until what they had is kept, and go on."""
        while (older := self._current.get(upload_id)) is not None:
            older.stop()
            await older.released()
        transfer = Transfer(partial(self._forget, upload_id))
        self._current[upload_id] = transfer
        try:
            yield transfer
        finally:
            transfer.release()

    def is_taken(self, upload_id: str) -> bool:
        """Whether a request is at the upload."""
        return upload_id in self._current

    async def stop_all(self) -> None:
        """Stop everybody, and wait until what they had is kept."""
        for transfer in list(self._current.values()):
            transfer.stop()
            await transfer.released()

    def _forget(self, upload_id: str) -> None:
        del self._current[upload_id]

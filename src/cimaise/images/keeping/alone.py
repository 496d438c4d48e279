"""One maker of a variant among all processes: of this machine, and of all machines.

On a machine the kernel arbitrates: a lock on one byte of a file, at an offset made from the
variant's name. So every name has a lock of its own, nothing is left to clean up, and a process
that dies lets go. Over machines it is a lease, which ends by itself.
"""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from cimaise.errors import Unavailable
from cimaise.state.base import Lease, State

_LEASE_S: Final = 60.0
_LONGEST_WAIT_S: Final = 30.0
_FIRST_PAUSE_S: Final = 0.005
_LONGEST_PAUSE_S: Final = 0.05
_OFFSETS: Final = 2**62


class Alone:
    """Locks by name. Belongs to one event loop; ``close`` it."""

    def __init__(self, folder: Path, *, fleet: State | None = None) -> None:
        """Make the folder and open its file.

        Args:
            folder: For the file with the locks, the same for all processes of the machine.
            fleet: What the machines agree by, where they share what they keep.
        """
        folder.mkdir(parents=True, exist_ok=True)
        # POSIX drops a process's locks when it closes any descriptor of the file: one is enough
        self._file = os.open(folder / "variants", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._fleet = fleet

    @contextlib.asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[None]:
        """Be the only one inside. Whoever was before may have done the work: look again.

        Waiting occupies no thread and may be cancelled. One who waited too long for another
        machine goes on beside it: work done twice does no harm.
        """
        offset = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % _OFFSETS
        await self._lock(offset)
        try:
            async with self._leased(name):
                yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, offset)

    def close(self) -> None:
        """Let go of everything."""
        os.close(self._file)

    async def _lock(self, offset: int) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._try_lock(offset):
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _try_lock(self, offset: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        except OSError as fault:
            # any other fault is a file system without locks: there work may be done twice
            return fault.errno not in (errno.EACCES, errno.EAGAIN)
        return True

    @contextlib.asynccontextmanager
    async def _leased(self, name: str) -> AsyncIterator[None]:
        if self._fleet is None:
            yield
            return
        lease = await self._take_lease(self._fleet, f"variant {name}")
        try:
            yield
        finally:
            if lease is not None:
                with contextlib.suppress(Unavailable):
                    await asyncio.shield(self._fleet.release_lease(lease))

    @staticmethod
    async def _take_lease(fleet: State, name: str) -> Lease | None:
        until_s = asyncio.get_running_loop().time() + _LONGEST_WAIT_S
        try:
            while (lease := await fleet.take_lease(name, ttl_s=_LEASE_S)) is None:
                if asyncio.get_running_loop().time() > until_s:
                    break
                await asyncio.sleep(_LONGEST_PAUSE_S)
        except Unavailable:
            return None
        return lease

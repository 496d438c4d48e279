"""CRC-32 of bytes, by their version: the one thing of a file that its archive has to know.

Computed when it is first needed, and remembered, for the bytes of a version never change.
"""

import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from sqlalchemy import Connection, delete, select

from cimaise.database.engine import Database
from cimaise.database.schema import checksums
from cimaise.database.upsert import upsert

_KEEP: Final = upsert(checksums, ("version",))
KEPT: Final = timedelta(days=90)
"""How long a checksum is remembered; after that it is computed once more."""

_BATCH: Final = 500


class Bytes(Protocol):
    """What was opened: its bytes, once."""

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """Exactly the bytes that were asked for; ``BrokenTransfer`` where they are fewer."""
        ...


Opener = Callable[[int, int], AbstractAsyncContextManager[Bytes]]


@dataclass(frozen=True, slots=True)
class Packed:
    """A file that goes into an archive.

    Attributes:
        name: As its owner called it; made safe and different from the others in the archive.
        size: Bytes.
        modified_at: Aware; shown by whoever unpacks.
        version: Names these very bytes and no others, in at most 300 characters.
        open: Opens ``[start, stop)``, and asks once more whether that is allowed.
    """

    name: str
    size: int
    modified_at: datetime
    version: str
    open: Opener


@dataclass(frozen=True, slots=True)
class Checksums:
    """Those that are remembered, and how others are taken."""

    database: Database
    clock: Callable[[], datetime]

    async def known(self, versions: Sequence[str]) -> dict[str, int]:
        """Those that are remembered."""
        return await self.database.read(partial(_find, versions=versions))

    async def take(self, file: Packed) -> int:
        """Read the whole file once, and remember.

        Raises:
            CimaiseError: What opening it or reading it raises.
        """
        crc32 = 0
        if file.size:
            async with file.open(0, file.size) as opened:
                async for chunk in opened.chunks:
                    crc32 = zlib.crc32(chunk, crc32)
        now = self.clock()
        await self.database.write(lambda connection: _keep(connection, file.version, crc32, now))
        return crc32

    async def forget(self, version: str) -> None:
        """Take it anew next time."""
        statement = delete(checksums).where(checksums.c.version == version)
        await self.database.write(lambda connection: connection.execute(statement))


async def forget_old(database: Database, now: datetime) -> int:
    """Forget what was taken longer than :data:`KEPT` ago; gives how many."""
    statement = delete(checksums).where(checksums.c.taken_at < now - KEPT)
    return await database.write(lambda connection: connection.execute(statement).rowcount)


def _find(connection: Connection, versions: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(versions), _BATCH):
        batch = versions[start : start + _BATCH]
        rows = connection.execute(
            select(checksums.c.version, checksums.c.crc32).where(checksums.c.version.in_(batch))
        )
        found |= {row.version: row.crc32 for row in rows}
    return found


def _keep(connection: Connection, version: str, crc32: int, now: datetime) -> None:
    values = {"version": version, "crc32": crc32, "taken_at": now}
    connection.execute(_KEEP, values)  # where another request was quicker, it found the same

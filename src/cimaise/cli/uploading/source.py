"""The file that is sent: looked at once, read in slices, and held to what it was."""

import asyncio
import hashlib
import os
import stat
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cimaise.errors import Invalid, PreconditionFailed

CHUNK_BYTES: Final = 256 * 1024
OnBytes = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was when it was looked at; ``path`` is absolute."""

    path: Path
    size: int
    mtime_ns: int


def look_at(path: Path) -> Source:
    """Note size and time of change.

    Raises:
        Invalid: It cannot be read, or is no regular file.
    """
    absolute = path.absolute()
    try:
        with absolute.open("rb") as file:
            facts = os.fstat(file.fileno())
    except OSError as fault:
        raise Invalid(f"The file cannot be read: {fault.strerror}.") from fault
    if not stat.S_ISREG(facts.st_mode):
        raise Invalid("This is no file with a length.")
    return Source(absolute, facts.st_size, facts.st_mtime_ns)


def require_unchanged(source: Source) -> None:
    """Compare with what it was.

    Raises:
        PreconditionFailed: It was written to, replaced or removed since.
    """
    try:
        facts = source.path.stat()
    except OSError:
        raise PreconditionFailed("The file was removed while it was being sent.") from None
    if (facts.st_size, facts.st_mtime_ns) != (source.size, source.mtime_ns):
        raise PreconditionFailed("The file was changed while it was being sent.")


async def read_slice(
    source: Source, start: int, stop: int, on_bytes: OnBytes
) -> AsyncIterator[bytes]:
    """The bytes from ``start`` to ``stop``, at most 256 KiB at once; each is told when sent.

    Raises:
        PreconditionFailed: The file ends before ``stop``.
    """
    with source.path.open("rb", buffering=0) as file:
        at = start
        while at < stop:
            chunk = await asyncio.to_thread(
                os.pread, file.fileno(), min(CHUNK_BYTES, stop - at), at
            )
            if not chunk:
                raise PreconditionFailed("The file was cut short while it was being sent.")
            yield chunk
            at += len(chunk)
            on_bytes(len(chunk))


async def sha256_base64(source: Source) -> str:
    """The SHA-256 of the whole file, in base64.

    Raises:
        PreconditionFailed: It changed meanwhile.
    """
    digest = hashlib.sha256()
    async for chunk in read_slice(source, 0, source.size, lambda _count: None):
        digest.update(chunk)
    require_unchanged(source)
    return b64encode(digest.digest()).decode("ascii")

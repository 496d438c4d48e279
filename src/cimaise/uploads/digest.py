"""SHA-256 of bytes as they pass, without holding up the event loop."""

import asyncio
import base64
import hashlib
import os
from contextlib import suppress
from typing import Final

from cimaise.errors import BrokenTransfer, Invalid

_PIECE_BYTES: Final = 1024 * 1024
"""Fewer bytes are hashed faster than a thread takes over."""


class StreamingSha256:
    """SHA-256 that takes its bytes in chunks of any size.

    One task adds at a time. What is added may not change afterwards: ``bytes``, not a buffer
    that is filled again. Cancelling leaves it unusable.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    async def add(self, chunk: bytes) -> None:
        """The next bytes; hashed in a thread once there is a MiB of them."""
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        if self._waiting_bytes >= _PIECE_BYTES:
            await asyncio.to_thread(self._drain)

    def hex(self) -> str:
        """Of all that was added."""
        self._drain()
        return self._hash.hexdigest()

    def _drain(self) -> None:
        for chunk in self._waiting:
            self._hash.update(chunk)
        self._waiting, self._waiting_bytes = [], 0


def hash_and_close(descriptor: int, size: int) -> str:
    """SHA-256, in hexadecimal digits, of a file's first bytes; blocks.

    Args:
        descriptor: Of a regular file; closed at the end, so that whoever waits in another thread
            may give up without taking it away.
        size: Bytes.

    Raises:
        BrokenTransfer: The file is shorter, or cannot be read.
    """
    sha256, buffer, position = hashlib.sha256(), memoryview(bytearray(_PIECE_BYTES)), 0
    try:
        while position < size:
            count = os.preadv(descriptor, [buffer[: size - position]], position)
            if not count:
                raise BrokenTransfer("The object is shorter than it was.")
            sha256.update(buffer[:count])
            position += count
    except OSError as fault:
        raise BrokenTransfer("The object cannot be read to its end.") from fault
    finally:
        os.close(descriptor)
    return sha256.hexdigest()


async def hashed_in_thread(descriptor: int, size: int) -> str:
    """As :func:`hash_and_close`. The descriptor is closed in any case: the thread does, or whoever gave up before there was one."""
    handed = [descriptor]
    try:
        return await asyncio.to_thread(lambda: hash_and_close(handed.pop(), size))
    except asyncio.CancelledError:
        with suppress(IndexError):
            os.close(handed.pop())
        raise


def require_checksum(sha256_hex: str, declared_sha256: str | None) -> None:
    """What was measured is what was declared, or ``Invalid`` with ``checksum_mismatch``.

    Args:
        sha256_hex: Measured.
        declared_sha256: Base64 as in ``x-amz-checksum-sha256``; ``None`` where nobody declared one.
    """
    if declared_sha256 is None:
        return
    measured = base64.b64encode(bytes.fromhex(sha256_hex)).decode()
    if measured != declared_sha256:
        raise Invalid(
            "The stored bytes do not have the declared SHA-256.",
            code="checksum_mismatch",
            field="checksum_sha256",
        )

"""Arrival times of rates in a file that every process of the machine has mapped.

A table of fixed size, so that no stranger can make it grow. A key has one bucket of eight slots;
a slot whose arrival time is past says no more than an empty one, and is the first to be reused.
Where all eight are alive, the one that is the nearest to its end makes room: whoever it was may
then do a little more than the limit says.

A hit costs a few microseconds: a lock on the bucket's bytes (fcntl, taken back by the kernel from
a process that dies), a search through 192 bytes, and one write.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final

from cimaise.state import rates
from cimaise.state.base import Rate

_SLOT: Final = struct.Struct("<16sd")  # digest of the key; arrival time, 0 where empty
_WAYS: Final = 8
_BUCKET_BYTES: Final = _SLOT.size * _WAYS
_BUCKETS: Final = 8192
_BYTES: Final = _BUCKET_BYTES * _BUCKETS


class SharedRates:
    """Opens the file, and makes it where it is not there. Used by one thread of the process."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _allocate(self._file)
            self._table = mmap.mmap(self._file, _BYTES)
        except BaseException:
            os.close(self._file)
            raise

    def hit(self, key: str, *, limit: int, window_s: float, amount: int) -> Rate:
        """See :meth:`cimaise.state.base.State.hit`."""
        rates.require_rate(limit, window_s, amount)
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        bucket = int.from_bytes(digest[:4], "little") % _BUCKETS * _BUCKET_BYTES
        with self._locked(bucket):
            offset, arrival = self._find(bucket, digest)
            arrival_s, rate = rates.hit(
                arrival, now_s=self._clock(), limit=limit, window_s=window_s, amount=amount
            )
            if rate.is_allowed:
                _SLOT.pack_into(self._table, offset, digest, arrival_s)
        return rate

    def _find(self, bucket: int, digest: bytes) -> tuple[int, float | None]:
        """Where the key is with its arrival time, or where it may go."""
        oldest, least = bucket, float("inf")
        for offset in range(bucket, bucket + _BUCKET_BYTES, _SLOT.size):
            found, arrival = _SLOT.unpack_from(self._table, offset)
            if found == digest:
                return offset, arrival
            if arrival < least:
                oldest, least = offset, arrival
        return oldest, None

    @contextmanager
    def _locked(self, bucket: int) -> Iterator[None]:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX, _BUCKET_BYTES, bucket)
        except OSError:  # the system has no more locks: a hit of two at once may be lost
            yield
            return
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _BUCKET_BYTES, bucket)

    def close(self) -> None:
        """Unmap and close."""
        self._table.close()
        os.close(self._file)


def _allocate(file: int) -> None:
    """Give the file all of its blocks; ``OSError`` where the disk has not so many.

    Where one is missing, the first write to its page in memory would ask for it, and on a full disk
    that is no error but a signal (SIGBUS), which ends the process.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, _BYTES)
    elif os.fstat(file).st_size < _BYTES:
        os.ftruncate(file, _BYTES)

"""``data`` and ``hold`` of an upload that is written from its beginning to its end, open.

See :mod:`cimaise.storage.filesystem.appending` for what they mean.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cimaise.errors import WrongState
from cimaise.storage.checks import no_upload
from cimaise.storage.filesystem.files import FILE_MODE
from cimaise.storage.filesystem.parts import DATA

HOLD: Final = "hold"
ALL: Final = -1
_HOLD: Final = struct.Struct("<qq")  # owner; bytes that count, or -1 for all
_FLAGS: Final = os.O_RDWR | os.O_CLOEXEC


class HeldUpload:
    """Open until :meth:`close`; whatever is read or written needs the lock.

    Attributes:
        data: Descriptor of the bytes.
    """

    __slots__ = ("_data_path", "_hold", "_hold_path", "data")

    def __init__(self, folder: Path) -> None:
        """Open it; ``FileNotFoundError`` where it was finished or aborted."""
        self._data_path = os.fspath(folder / DATA)
        self._hold_path = os.fspath(folder / HOLD)
        self._hold = -1
        self.data = os.open(self._data_path, _FLAGS)

    def lock(self, *, is_patient: bool = True) -> None:
        """Keep everybody else away.

        Raises:
            NotFound: It was finished or aborted meanwhile.
            BlockingIOError: Somebody else has the lock, and this should not wait.
        """
        fcntl.flock(self.data, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))
        try:
            if not os.path.samestat(os.lstat(self._data_path), os.fstat(self.data)):
                raise no_upload()
            if self._hold < 0:
                self._hold = os.open(self._hold_path, _FLAGS | os.O_CREAT, FILE_MODE)
        except FileNotFoundError:
            raise no_upload() from None

    def unlock(self) -> None:
        """Let others have it."""
        fcntl.flock(self.data, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close both, which drops the lock."""
        for descriptor in (self.data, self._hold):
            if descriptor >= 0:
                os.close(descriptor)
        self.data = self._hold = -1

    @property
    def length(self) -> int:
        """Bytes that are there."""
        return os.fstat(self.data).st_size

    def read(self) -> tuple[int, int]:
        """Owner and bytes that count; nobody's and all at first."""
        packed = os.pread(self._hold, _HOLD.size, 0)
        return _HOLD.unpack(packed) if len(packed) == _HOLD.size else (0, ALL)

    def write(self, owner: int, counting: int) -> None:
        """In one write, so that it is never half of it."""
        os.pwrite(self._hold, _HOLD.pack(owner, counting), 0)

    def require(self, owner: int) -> int:
        """Bytes that count, or ``WrongState`` where another owns it."""
        now, counting = self.read()
        if now != owner:
            raise WrongState("Somebody else goes on with this upload.", code="taken_over")
        return counting

    def sync(self) -> None:
        """Make both durable."""
        os.fdatasync(self.data)
        os.fdatasync(self._hold)


@contextmanager
def held(folder: Path) -> Iterator[HeldUpload]:
    """Open and locked; ``NotFound`` where the upload was finished or aborted meanwhile."""
    try:
        upload = HeldUpload(folder)
    except FileNotFoundError:
        raise no_upload() from None
    try:
        upload.lock()
        yield upload
    finally:
        upload.close()

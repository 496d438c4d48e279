"""One part being written; see :mod:`cimaise.storage.filesystem.parts` for the rules."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from cimaise.storage.base import PartInfo
from cimaise.storage.bodies import Piece
from cimaise.storage.checks import no_upload, size_mismatch
from cimaise.storage.filesystem.files import CREATE, FILE_MODE, Layout, write_all
from cimaise.storage.filesystem.parts import DATA, Record, UploadFolder, open_upload, try_lock


class PartDraft:
    """Goes to its place in ``data`` where nobody else has it, otherwise into a file of its own.

    Writing to the place saves a copy when the parts are joined; a part that is sent again, or
    twice at once, pays that copy.
    """

    def __init__(
        self, layout: Layout, key: str, upload_id: str, part_number: int, *, size: int
    ) -> None:
        """Nothing is touched yet; ``size`` is the part's exact length in bytes."""
        self._layout = layout
        self._names = (key, upload_id)
        self._number = part_number
        self._size = size
        self._etag = layout.random()  # of this very write: no digest of the bytes is needed
        self._folder: UploadFolder | None = None
        self._own: Path | None = None
        self._lock = -1
        self._holds_lock = False
        self._descriptor = -1
        self._next = 0

    def start(self) -> None:
        """Choose the file.

        Raises:
            NotFound: No such upload.
            Invalid: ``size_mismatch``, longer than the parts of this upload are, if that is known.
        """
        folder = self._folder = open_upload(self._layout, *self._names)
        if folder.is_exact and self._size > folder.part_size:
            raise size_mismatch(folder.part_size)
        try:
            if not self._take_place(folder):
                self._release(folder)
                self._open_own(folder)
        except FileNotFoundError:
            raise no_upload() from None

    def _take_place(self, folder: UploadFolder) -> bool:
        """Both locks, this part's alone and the data's shared, or ``False``."""
        if self._size > folder.part_size:
            return False
        lock = self._lock_file(folder)
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._holds_lock = try_lock(self._lock, lock, fcntl.LOCK_EX)
        if not self._holds_lock or folder.record(self._number) is not None:
            return False
        self._descriptor = os.open(folder.data, os.O_WRONLY | os.O_CLOEXEC)
        self._next = (self._number - 1) * folder.part_size
        return try_lock(self._descriptor, folder.data, fcntl.LOCK_SH)

    def _open_own(self, folder: UploadFolder) -> None:
        own = folder.path / f"{self._number:05}.{self._etag}"
        self._descriptor = os.open(own, os.O_WRONLY | CREATE, FILE_MODE)
        self._next = 0
        self._own = own

    def append(self, pieces: Sequence[Piece]) -> None:
        """Write these bytes after the earlier ones; whoever calls never passes ``size``."""
        self._next += write_all(self._descriptor, pieces, self._next)

    def finish(self) -> PartInfo:
        """Make the bytes durable, then record the part in the place of an earlier one."""
        folder = self._folder
        assert folder is not None, "start comes first"
        os.fdatasync(self._descriptor)
        folder.require_open()
        earlier = folder.record(self._number)
        file = DATA if self._own is None else self._own.name
        record = Record(self._size, self._etag, file)
        folder.put_record(self._number, record, random=self._layout.random())
        self._own = None
        if earlier is not None and earlier.file not in (DATA, file):
            (folder.path / earlier.file).unlink(missing_ok=True)
        self._release(folder)
        return PartInfo(self._number, self._size, self._etag)

    def discard(self) -> None:
        """Give the place back; bytes in it belong to no part."""
        if self._own is not None:
            self._own.unlink(missing_ok=True)
        if self._folder is not None:
            self._release(self._folder)

    def _release(self, folder: UploadFolder) -> None:
        if self._holds_lock:  # removed while held: whoever has it open sees that it is another
            self._lock_file(folder).unlink(missing_ok=True)
            self._holds_lock = False
        for descriptor in (self._descriptor, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._lock = -1

    def _lock_file(self, folder: UploadFolder) -> Path:
        return folder.path / f"{self._number:05}.lock"

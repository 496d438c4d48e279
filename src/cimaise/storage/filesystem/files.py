"""Where what lies below the root, and how a file becomes an object. Everything here blocks.

.. code-block:: text

    root/objects/ab/cd/<id>     an object, whole and durable
    root/incoming/<id>          the same, not looked at yet
    root/tmp/<random>           a write that is not done; no key leads here
    root/multipart/<upload id>  see :mod:`cimaise.storage.filesystem.parts`
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cimaise.errors import CimaiseError, Unavailable
from cimaise.storage.base import ObjectInfo
from cimaise.storage.bodies import Piece
from cimaise.storage.checks import no_object
from cimaise.storage.keys import require_key

FILE_MODE: Final = 0o640
FOLDER_MODE: Final = 0o750
CREATE: Final = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def info_of(key: str, facts: os.stat_result) -> ObjectInfo:
    """An object's facts from its file's: the ETag is length and time of writing."""
    etag = f"{facts.st_size:x}-{facts.st_mtime_ns:x}"
    return ObjectInfo(key, facts.st_size, etag, datetime.fromtimestamp(facts.st_mtime, UTC))


def write_all(descriptor: int, pieces: Iterable[Piece], offset: int) -> int:
    """Write ``pieces`` one after the other at ``offset``; how many bytes that were."""
    first = offset
    left: list[memoryview] = []
    for piece in pieces:
        if isinstance(piece, bytes | memoryview):
            left.append(memoryview(piece))
        else:
            offset = _write_memory(descriptor, left, offset)
            piece.move(descriptor, offset)
            offset, left = offset + len(piece), []
    return _write_memory(descriptor, left, offset) - first


def _write_memory(descriptor: int, left: list[memoryview], offset: int) -> int:
    """Write it at ``offset``; gives where it ends."""
    while left:
        done = os.pwritev(descriptor, left, offset)
        offset += done
        while left and done >= len(left[0]):
            done -= len(left.pop(0))
        if done:
            left[0] = left[0][done:]
    return offset


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Layout:
    """Paths of one storage, and what must be the same wherever a file becomes an object."""

    def __init__(self, root: Path, *, random: Callable[[], str], now_ns: Callable[[], int]) -> None:
        """Make the folders.

        Args:
            root: Below it lies everything.
            random: Texts of letters and digits that nobody can guess and that never repeat.
            now_ns: Nanoseconds since the epoch; an object's time of writing.
        """
        self.root = root
        self.tmp = root / "tmp"
        self.multipart = root / "multipart"
        self.random = random
        self._now_ns = now_ns
        for folder in (self.tmp, self.multipart):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)

    def path(self, key: str) -> Path:
        """The file of an object. Keys have no segment that begins with a dot: it is below."""
        return self.root / require_key(key)

    def temporary(self) -> Path:
        """A name that no file has."""
        return self.tmp / self.random()

    def missing(self) -> CimaiseError:
        """What an absent file means: without the root's own folders the disk is not there."""
        if self.tmp.is_dir():
            return no_object()
        return Unavailable("The storage's folder is not there.")

    def require_there(self) -> None:
        """``Unavailable`` where nothing can be said about any file."""
        if not self.tmp.is_dir():
            raise self.missing()

    def facts(self, key: str) -> ObjectInfo:
        """``NotFound`` where there is no regular file."""
        path = self.path(key)
        try:
            facts = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            raise self.missing() from None
        if not is_regular(facts):
            raise no_object()
        return info_of(key, facts)

    def seal(self, descriptor: int) -> None:
        """Stamp with the time, to the nanosecond, and make the bytes durable.

        The kernel's own stamps are milliseconds apart: two versions could get the same ETag.
        """
        at = self._now_ns()
        os.utime(descriptor, ns=(at, at))
        os.fsync(descriptor)

    def publish(self, file: Path, key: str) -> None:
        """Rename a sealed file to its key; durable when this returns."""
        target = self.path(key)
        try:
            file.rename(target)
        except FileNotFoundError:
            self._make_folders(target.parent)
            file.rename(target)
        sync_folder(target.parent)

    def _make_folders(self, folder: Path) -> None:
        if folder == self.root or folder.is_dir():
            return
        self._make_folders(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        sync_folder(folder.parent)

    def drop_folder(self, folder: Path) -> None:
        """Make a folder vanish at once, then free what was in it."""
        grave = self.temporary()
        try:
            folder.rename(grave)
        except FileNotFoundError:
            return
        shutil.rmtree(grave, ignore_errors=True)  # what stays is swept

    def sweep(self, older_than: datetime) -> int:
        """Remove temporary files last written before ``older_than``; how many there were."""
        removed = 0
        for entry in list(self.tmp.iterdir()):
            try:
                if entry.lstat().st_mtime >= older_than.timestamp():
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink()
            except FileNotFoundError:
                continue
            removed += 1
        return removed


def is_regular(facts: os.stat_result) -> bool:
    """A regular file: no link, folder, pipe or device."""
    return stat.S_ISREG(facts.st_mode)


class ObjectDraft:
    """One object being written into a temporary file."""

    def __init__(self, layout: Layout, key: str) -> None:
        self._layout = layout
        self._key = key
        self._path = layout.temporary()
        self._length = 0
        self.descriptor = -1

    def start(self) -> None:
        """Create the file."""
        self.descriptor = os.open(self._path, os.O_RDWR | CREATE, FILE_MODE)

    def append(self, pieces: Sequence[Piece]) -> None:
        """Write these bytes after the earlier ones."""
        self._length += write_all(self.descriptor, pieces, self._length)

    def finish(self) -> ObjectInfo:
        """Seal and publish."""
        self._layout.seal(self.descriptor)
        facts = os.fstat(self.descriptor)
        self._layout.publish(self._path, self._key)
        self._close()
        return info_of(self._key, facts)

    def discard(self) -> None:
        """Remove the file; nothing where it was published or never created."""
        if self.descriptor >= 0:
            self._close()
            self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        os.close(self.descriptor)
        self.descriptor = -1

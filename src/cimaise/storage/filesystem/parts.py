"""One multipart upload on disk. Everything here blocks.

.. code-block:: text

    multipart/<upload id>/about.json        key and part size; locked while parts are joined
                          data              the object to be: part n at (n - 1) * part size
                          00001.json        part 1 is whole: its length, ETag, and the file it is in
                          00001.lock        locked by whoever writes part 1 into data
                          00001.<random>    part 1 again, sent while data had it or was taken

What the rules keep true at every moment, so also after ``kill -9`` or a power cut:

* ``00001.json`` appears by a rename, after the part's bytes are durable: a recorded part is whole.
* A stretch of ``data`` is written only while no record names it and only by the holder of its
  lock: a recorded part is never written into.
* Whoever writes into ``data`` holds a shared lock of it until the part is recorded. Joining takes
  the exclusive one; where it cannot, it copies instead, so that a late write hits no object.
* Where the part size was only guessed, a part that is longer lies in a file of its own; an object
  of parts of another size than the guess is copied together.
* ``data`` is gone once the object is there; a folder without it is a completed upload.

Locks are those of ``flock``: the kernel drops them with the process.
"""

import fcntl
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from cimaise.storage.base import Unfinished
from cimaise.storage.checks import no_upload
from cimaise.storage.filesystem.files import (
    CREATE,
    FILE_MODE,
    FOLDER_MODE,
    Layout,
    sync_folder,
    write_all,
)

DATA: Final = "data"
_ABOUT: Final = "about.json"
_UPLOAD_ID: Final = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_RECORD_NAME: Final = re.compile(r"(\d{5})\.json", re.ASCII)


class About(msgspec.Struct, frozen=True):
    """What an upload was begun with. ``part_size`` is in bytes, and a guess if not exact."""

    key: str
    part_size: int
    is_exact: bool = True


class Record(msgspec.Struct, frozen=True):
    """A whole part: ``size`` bytes in ``file``, at its place in ``data`` or alone."""

    size: int
    etag: str
    file: str


class UploadFolder:
    """The folder of an upload that is neither completed nor aborted."""

    def __init__(self, path: Path, about: About) -> None:
        self.path = path
        self.part_size = about.part_size
        self.is_exact = about.is_exact
        self.data = path / DATA

    @property
    def about_file(self) -> Path:
        """What is locked while parts are joined."""
        return self.path / _ABOUT

    def is_joined(self) -> bool:
        """Whether the object has been made, or the folder was taken away."""
        return not self.data.exists()

    def require_open(self) -> None:
        """``NotFound`` where :meth:`is_joined`."""
        if self.is_joined():
            raise no_upload()

    def record(self, part_number: int) -> Record | None:
        """The whole part of that number, where there is one."""
        file = self.path / _record_name(part_number)
        try:
            return msgspec.json.decode(file.read_bytes(), type=Record)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def records(self) -> Mapping[int, Record]:
        """Every whole part by number."""
        found = {}
        try:
            names = sorted(file.name for file in self.path.iterdir())
        except FileNotFoundError:
            raise no_upload() from None
        for name in names:
            match = _RECORD_NAME.fullmatch(name)
            record = self.record(int(match[1])) if match else None
            if match and record is not None:
                found[int(match[1])] = record
        return found

    def put_record(self, part_number: int, record: Record, *, random: str) -> None:
        """From now on this is the part; ``NotFound`` where the upload is gone by now."""
        draft = self.path / f"{part_number:05}.{random}.new"
        try:
            _write_durably(draft, msgspec.json.encode(record))
            draft.rename(self.path / _record_name(part_number))
            sync_folder(self.path)
        except FileNotFoundError:
            raise no_upload() from None

    def drop_records(self, part_numbers: set[int]) -> None:
        """Forget parts, durably."""
        for part_number in part_numbers:
            (self.path / _record_name(part_number)).unlink(missing_ok=True)
        if part_numbers:
            sync_folder(self.path)


def _record_name(part_number: int) -> str:
    return f"{part_number:05}.json"


def _write_durably(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | CREATE, FILE_MODE)
    try:
        write_all(descriptor, [content], 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def upload_path(layout: Layout, upload_id: str) -> Path:
    """Where an upload's folder is, or was; ``NotFound`` for what cannot be an id."""
    if not _UPLOAD_ID.fullmatch(upload_id):
        raise no_upload()
    return layout.multipart / upload_id


def create_upload(layout: Layout, about: About) -> str:
    """A new upload's id. Its folder appears whole."""
    upload_id = layout.random()
    target = upload_path(layout, upload_id)
    draft = layout.temporary()
    draft.mkdir(mode=FOLDER_MODE)
    _write_durably(draft / _ABOUT, msgspec.json.encode(about))
    _write_durably(draft / DATA, b"")
    sync_folder(draft)
    draft.rename(target)
    sync_folder(layout.multipart)
    return upload_id


def find_upload(layout: Layout, key: str, upload_id: str) -> UploadFolder:
    """``NotFound`` where the upload is unknown, another key's, aborted or completed and gone."""
    path = upload_path(layout, upload_id)
    try:
        about = msgspec.json.decode((path / _ABOUT).read_bytes(), type=About)
    except FileNotFoundError:
        layout.require_there()
        raise no_upload() from None
    if about.key != key:
        raise no_upload()
    return UploadFolder(path, about)


def open_upload(layout: Layout, key: str, upload_id: str) -> UploadFolder:
    """``NotFound`` as for :func:`find_upload`, and where the object is there already."""
    folder = find_upload(layout, key, upload_id)
    folder.require_open()
    return folder


def unfinished_uploads(layout: Layout) -> list[Unfinished]:
    """Every upload whose object is not there yet."""
    found = []
    for path in list(layout.multipart.iterdir()):
        try:
            about = msgspec.json.decode((path / _ABOUT).read_bytes(), type=About)
            begun_at = (path / _ABOUT).stat().st_mtime
        except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
            continue  # taken away meanwhile, or nothing of ours
        if not UploadFolder(path, about).is_joined():
            begun = datetime.fromtimestamp(begun_at, UTC)
            found.append(Unfinished(about.key, path.name, begun))
    return found


def drop_joined(layout: Layout, older_than: datetime) -> int:
    """Take away folders whose object was made by a process that died then; how many there were."""
    dropped = 0
    for path in list(layout.multipart.iterdir()):
        try:
            is_old = path.lstat().st_mtime < older_than.timestamp()
        except FileNotFoundError:
            continue
        if is_old and (path / _ABOUT).exists() and not (path / DATA).exists():
            layout.drop_folder(path)
            dropped += 1
    return dropped


def try_lock(descriptor: int, path: Path, kind: int) -> bool:
    """Lock without waiting; ``False`` where that fails or ``path`` is another file by now."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))

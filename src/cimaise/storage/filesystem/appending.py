"""Writing from beginning to end, on disk: ``data`` of a multipart upload grows at its end.

Beside ``data`` lies ``hold``: who may append, and how many bytes count while somebody's are on
trial. It is read and written under the lock of ``data``, which is taken for one write at a time.
So a process that was stopped and wakes up again finds that the upload is no longer its own, and
nobody waits for it.
"""

import fcntl
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from cimaise.errors import NotFound, Unavailable, WrongState
from cimaise.storage.base import Hold, ObjectInfo
from cimaise.storage.bodies import Piece
from cimaise.storage.checks import no_upload, part_mismatch
from cimaise.storage.filesystem.files import FILE_MODE, Layout, info_of, sync_folder, write_all
from cimaise.storage.filesystem.hops import Hops, Pace
from cimaise.storage.filesystem.parts import (
    DATA,
    UploadFolder,
    find_upload,
    open_upload,
    upload_path,
)

_HOLD: Final = struct.Struct("<qq")  # owner; bytes that count, or -1 for all
_ALL: Final = -1
HOLD: Final = "hold"
_MAX_PIECES: Final = 512  # below IOV_MAX (1024 on Linux)


class FilesystemAppends:
    """See :class:`cimaise.storage.base.Appends`."""

    def __init__(self, layout: Layout, hops: Hops) -> None:
        self._layout = layout
        self._hops = hops

    async def take(self, key: str, upload_id: str, *, on_trial: bool = False) -> Hold:
        """Become the only one who may append."""
        return await self._hops.run(_take, self._layout, key, upload_id, on_trial)

    async def append(
        self, key: str, upload_id: str, hold: Hold, pieces: Sequence[bytes], *, start: int
    ) -> None:
        """Write at the end."""
        await self._hops.run(
            _append, self._layout, key, upload_id, hold.owner, start=start, pieces=pieces
        )

    def now(self, key: str, upload_id: str, hold: Hold) -> "AppendNow":
        """Without a thread; nothing is open between two pieces."""
        self._layout.path(key)
        return AppendNow(upload_path(self._layout, upload_id), hold.owner)

    async def head(self, key: str, upload_id: str, *, size: int) -> bytes:
        """Read back the first bytes."""
        return await self._hops.run(_head, self._layout, key, upload_id, size)

    async def keep(self, key: str, upload_id: str, hold: Hold) -> int:
        """Make durable."""
        return await self._hops.run(_keep, self._layout, key, upload_id, hold.owner)

    async def cut(self, key: str, upload_id: str, hold: Hold, *, size: int) -> None:
        """Leave the first bytes only."""
        await self._hops.run(_cut, self._layout, key, upload_id, hold.owner, size)

    async def finish(self, key: str, upload_id: str, *, size: int) -> ObjectInfo:
        """Make it an object."""
        return await self._hops.run(_finish, self._layout, key, upload_id, size)


class _Open:
    """``data`` and ``hold`` of an upload, locked."""

    def __init__(self, data: int, hold: int) -> None:
        self.data = data
        self._hold = hold

    @property
    def length(self) -> int:
        return os.fstat(self.data).st_size

    def read(self) -> tuple[int, int]:
        """Owner and bytes that count; nobody's and all at first."""
        packed = os.pread(self._hold, _HOLD.size, 0)
        return _HOLD.unpack(packed) if len(packed) == _HOLD.size else (0, _ALL)

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
        os.fdatasync(self.data)
        os.fdatasync(self._hold)


def _opened(folder: UploadFolder) -> AbstractContextManager[_Open]:
    return opened(folder.data, folder.path / HOLD)


@contextmanager
def opened(data: Path, hold: Path, *, is_patient: bool = True) -> Iterator[_Open]:
    """Locked; ``NotFound`` where the upload was finished or aborted meanwhile.

    ``BlockingIOError`` where somebody else has the lock and this should not wait.
    """
    flags = os.O_RDWR | os.O_CLOEXEC
    descriptors: list[int] = []
    try:
        descriptors.append(os.open(data, flags))
        fcntl.flock(descriptors[0], fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))
        if not os.path.samestat(os.lstat(data), os.fstat(descriptors[0])):
            raise no_upload()
        descriptors.append(os.open(hold, flags | os.O_CREAT, FILE_MODE))
        yield _Open(*descriptors)
    except FileNotFoundError:
        raise no_upload() from None
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


class AppendNow:
    """See :data:`cimaise.storage.base.AppendNow`."""

    def __init__(self, folder: Path, owner: int) -> None:
        self._data = folder / DATA
        self._hold = folder / HOLD
        self._owner = owner
        self._pace = Pace()

    def __call__(self, piece: Piece, start: int) -> bool:
        """Write a piece, unless that takes longer than a moment."""
        if self._pace.is_slow:
            return False
        try:
            with opened(self._data, self._hold, is_patient=False) as upload:
                upload.require(self._owner)
                if upload.length != start:
                    raise WrongState("The upload has another length.")
                self._pace.timed(lambda: _write(upload, piece, start))
        except BlockingIOError:
            return False
        except OSError as fault:
            raise Unavailable("The storage cannot be read or written.") from fault
        return True


def _write(upload: "_Open", piece: Piece, start: int) -> None:
    write_all(upload.data, [piece], start)


def _take(layout: Layout, key: str, upload_id: str, on_trial: bool) -> Hold:
    folder = open_upload(layout, key, upload_id)
    with _opened(folder) as upload:
        owner, counting = upload.read()
        size = upload.length
        if counting != _ALL and size > counting:
            os.ftruncate(upload.data, counting)
            size = counting
        upload.write(owner + 1, size if on_trial else _ALL)
        if on_trial:
            upload.sync()
            sync_folder(folder.path)
        return Hold(owner + 1, size)


def _append(
    layout: Layout, key: str, upload_id: str, owner: int, *, start: int, pieces: Sequence[bytes]
) -> None:
    with _opened(open_upload(layout, key, upload_id)) as upload:
        upload.require(owner)
        if upload.length != start:
            raise WrongState("The upload has another length.")
        few = pieces if len(pieces) <= _MAX_PIECES else [b"".join(pieces)]
        write_all(upload.data, few, start)


def _head(layout: Layout, key: str, upload_id: str, size: int) -> bytes:
    try:
        with open_upload(layout, key, upload_id).data.open("rb") as data:
            return data.read(size)
    except FileNotFoundError:
        raise no_upload() from None


def _keep(layout: Layout, key: str, upload_id: str, owner: int) -> int:
    with _opened(open_upload(layout, key, upload_id)) as upload:
        counting = upload.require(owner)
        os.fdatasync(upload.data)
        if counting != _ALL:
            upload.write(owner, _ALL)
            upload.sync()
        return upload.length


def _cut(layout: Layout, key: str, upload_id: str, owner: int, size: int) -> None:
    with _opened(open_upload(layout, key, upload_id)) as upload:
        upload.require(owner)
        if upload.length > size:
            os.ftruncate(upload.data, size)


def _finish(layout: Layout, key: str, upload_id: str, size: int) -> ObjectInfo:
    info = None
    try:
        folder = find_upload(layout, key, upload_id)
        if not folder.is_joined():
            info = _publish(layout, folder, key, size)
        layout.drop_folder(folder.path)
    except NotFound:
        info = None
    return info or _finished_before(layout, key, size)


def _publish(layout: Layout, folder: UploadFolder, key: str, size: int) -> ObjectInfo:
    with _opened(folder) as upload:
        owner, counting = upload.read()
        if upload.length != size or counting not in (_ALL, size):
            raise part_mismatch("The upload is not as long as it was declared to be.")
        upload.write(owner + 1, _ALL)
        layout.seal(upload.data)
        facts = os.fstat(upload.data)
        layout.publish(folder.data, key)
        return info_of(key, facts)


def _finished_before(layout: Layout, key: str, size: int) -> ObjectInfo:
    try:
        info = layout.facts(key)
    except NotFound:
        raise no_upload() from None
    if info.size != size:
        raise no_upload()
    return info

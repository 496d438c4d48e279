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
from contextlib import contextmanager
from typing import Final

from cimaise.errors import NotFound, WrongState
from cimaise.storage.base import Hold, ObjectInfo
from cimaise.storage.checks import no_upload, part_mismatch
from cimaise.storage.filesystem.files import FILE_MODE, Layout, info_of, sync_folder, write_all
from cimaise.storage.filesystem.hops import Hops
from cimaise.storage.filesystem.parts import UploadFolder, find_upload, open_upload

_HOLD: Final = struct.Struct("<qq")  # owner; bytes that count, or -1 for all
_ALL: Final = -1
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


@contextmanager
def _opened(folder: UploadFolder) -> Iterator[_Open]:
    """Locked; ``NotFound`` where the upload was finished or aborted meanwhile."""
    flags = os.O_RDWR | os.O_CLOEXEC
    descriptors: list[int] = []
    try:
        descriptors.append(os.open(folder.data, flags))
        fcntl.flock(descriptors[0], fcntl.LOCK_EX)
        if not os.path.samestat(os.lstat(folder.data), os.fstat(descriptors[0])):
            raise no_upload()
        descriptors.append(os.open(folder.path / "hold", flags | os.O_CREAT, FILE_MODE))
        yield _Open(*descriptors)
    except FileNotFoundError:
        raise no_upload() from None
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


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

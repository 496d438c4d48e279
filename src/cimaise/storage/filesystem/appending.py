"""Writing from beginning to end, on disk: ``data`` of a multipart upload grows at its end.

Beside ``data`` lies ``hold``: who may append, and how many bytes count while somebody's are on
trial. It is read and written under the lock of ``data``, which is taken for one write at a time.
So a process that was stopped and wakes up again finds that the upload is no longer its own, and
nobody waits for it.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

from cimaise.errors import NotFound, WrongState
from cimaise.storage.base import Hold, ObjectInfo
from cimaise.storage.checks import no_upload, part_mismatch
from cimaise.storage.filesystem.append_now import AppendNow, Places
from cimaise.storage.filesystem.files import Layout, info_of, sync_folder, write_all
from cimaise.storage.filesystem.held import ALL, HeldUpload, held
from cimaise.storage.filesystem.hops import Hops
from cimaise.storage.filesystem.parts import (
    UploadFolder,
    find_upload,
    open_upload,
    upload_path,
)

_MAX_PIECES: Final = 512  # below IOV_MAX (1024 on Linux)


class FilesystemAppends:
    """See :class:`cimaise.storage.base.Appends`."""

    def __init__(self, layout: Layout, hops: Hops) -> None:
        self._layout = layout
        self._hops = hops
        self._places = Places()

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

    def now(self, key: str, upload_id: str, hold: Hold) -> AppendNow:
        """Without a thread."""
        self._layout.path(key)
        return AppendNow(upload_path(self._layout, upload_id), hold.owner, self._places)

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


def _held(folder: UploadFolder) -> AbstractContextManager[HeldUpload]:
    return held(folder.path)


def _take(layout: Layout, key: str, upload_id: str, on_trial: bool) -> Hold:
    folder = open_upload(layout, key, upload_id)
    with _held(folder) as upload:
        owner, counting = upload.read()
        size = upload.length
        if counting != ALL and size > counting:
            os.ftruncate(upload.data, counting)
            size = counting
        upload.write(owner + 1, size if on_trial else ALL)
        if on_trial:
            upload.sync()
            sync_folder(folder.path)
        return Hold(owner + 1, size)


def _append(
    layout: Layout, key: str, upload_id: str, owner: int, *, start: int, pieces: Sequence[bytes]
) -> None:
    with _held(open_upload(layout, key, upload_id)) as upload:
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
    with _held(open_upload(layout, key, upload_id)) as upload:
        counting = upload.require(owner)
        os.fdatasync(upload.data)
        if counting != ALL:
            upload.write(owner, ALL)
            upload.sync()
        return upload.length


def _cut(layout: Layout, key: str, upload_id: str, owner: int, size: int) -> None:
    with _held(open_upload(layout, key, upload_id)) as upload:
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
    with _held(folder) as upload:
        owner, counting = upload.read()
        if upload.length != size or counting not in (ALL, size):
            raise part_mismatch("The upload is not as long as it was declared to be.")
        upload.write(owner + 1, ALL)
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

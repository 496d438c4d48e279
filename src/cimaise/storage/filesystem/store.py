"""The storage itself: each verb is one or a few hops of blocking work."""

import errno
import os
import shutil
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from cimaise.storage.base import ObjectInfo, Reading
from cimaise.storage.bodies import counted
from cimaise.storage.checks import no_object, require_declared, require_etag
from cimaise.storage.filesystem.appending import FilesystemAppends
from cimaise.storage.filesystem.files import (
    CREATE,
    FILE_MODE,
    Layout,
    ObjectDraft,
    info_of,
    is_regular,
)
from cimaise.storage.filesystem.hops import Hops, pour, translated
from cimaise.storage.filesystem.listing import walk
from cimaise.storage.filesystem.multipart import FilesystemMultipart
from cimaise.storage.filesystem.parts import drop_joined
from cimaise.storage.filesystem.reading import Source
from cimaise.storage.filesystem.upkeep import FilesystemUpkeep
from cimaise.storage.keys import require_name
from cimaise.storage.signed_urls import SignedUrls

_BATCH: Final = 500
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EMLINK})


class FilesystemSweeper:
    """See :class:`cimaise.storage.base.Sweeper`."""

    def __init__(self, layout: Layout, hops: Hops) -> None:
        self._layout = layout
        self._hops = hops

    async def sweep_temporary(self, older_than: datetime) -> int:
        """Delete old temporary files, and folders of uploads that have become objects."""
        dropped = await self._hops.run(drop_joined, self._layout, older_than)
        return dropped + await self._hops.run(self._layout.sweep, older_than)


class FilesystemForeign:
    """See :class:`cimaise.storage.base.Foreign`. A copy is a second name of the same bytes."""

    def __init__(self, layout: Layout, hops: Hops) -> None:
        self._layout = layout
        self._hops = hops

    async def adopt(self, name: str, target: str) -> ObjectInfo:
        """Give the file a second name."""
        return await self._hops.run(_adopt, self._layout, name, target)

    async def drop(self, name: str) -> None:
        """Remove the name."""
        await self._hops.run(_delete, self._layout, [_foreign_path(self._layout, name)])


class FilesystemStorage:
    """See :class:`cimaise.storage.base.Storage`. The type of content is left to the database."""

    is_local = True

    def __init__(
        self,
        root: Path,
        *,
        urls: SignedUrls | None,
        random: Callable[[], str],
        now_ns: Callable[[], int] = time.time_ns,
        threads: int = 8,
    ) -> None:
        """Make the folders below ``root``; ``OSError`` where that is not allowed.

        Args:
            root: The one folder that everything lies below.
            urls: Signs and opens URLs that lead back to this server.
            random: Texts of 16 to 64 letters and digits that nobody can guess.
            now_ns: The clock that stamps files, nanoseconds since the epoch.
            threads: Reads and writes that may block at the same time.
        """
        self._layout = Layout(root, random=random, now_ns=now_ns)
        self._hops = Hops(threads)
        self.multipart = FilesystemMultipart(self._layout, self._hops)
        self.appends = FilesystemAppends(self._layout, self._hops)
        self.presigner = urls
        self.signed_door = urls
        self.sweeper = FilesystemSweeper(self._layout, self._hops)
        self.foreign = FilesystemForeign(self._layout, self._hops)
        self.upkeep = FilesystemUpkeep(self._layout, self._hops)

    async def stat(self, key: str) -> ObjectInfo:
        """Size, ETag and date."""
        return await self._hops.run(self._layout.facts, key)

    def open(
        self, key: str, *, start: int = 0, stop: int | None = None, if_etag: str | None = None
    ) -> AbstractAsyncContextManager[Reading]:
        """Read a stretch of bytes; a file that shrinks meanwhile breaks the transfer."""
        return self._open(key, start, stop, if_etag)

    @asynccontextmanager
    async def _open(
        self, key: str, start: int, stop: int | None, if_etag: str | None
    ) -> AsyncIterator[Reading]:
        source = Source(self._layout, key)
        try:
            info = translated(source.open, start, stop, if_etag)
            if not source.read_ahead():
                await self._hops.run(source.read_now)
            chunks = source.chunks(self._hops)
            yield Reading(
                info, source.start, source.stop, chunks, source.descriptor, self._layout.path(key)
            )
        finally:
            source.close()

    async def write(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        content_type: str,
        size: int | None = None,
        max_bytes: int | None = None,
    ) -> ObjectInfo:
        """Store an object."""
        del content_type
        self._layout.path(key)
        require_declared(size, max_bytes)
        body = counted(chunks, size=size, max_bytes=max_bytes)
        return await pour(self._hops, body, ObjectDraft(self._layout, key))

    async def move(self, source: str, target: str, *, if_etag: str | None = None) -> ObjectInfo:
        """Give the object another key; its ETag stays."""
        return await self._hops.run(_move, self._layout, source, target, if_etag)

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete objects."""
        rest = iter(keys)
        while batch := [self._layout.path(key) for key in islice(rest, _BATCH)]:
            await self._hops.run(_delete, self._layout, batch)

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[ObjectInfo]:
        """Every object below ``prefix``."""
        found = walk(self._layout.root, prefix, after)
        while batch := await self._hops.run(_next_batch, self._layout, found):
            for info in batch:
                yield info

    async def check(self) -> None:
        """Write and remove a file."""
        await self._hops.run(_write_and_remove, self._layout)

    async def close(self) -> None:
        """End the threads."""
        self._hops.close()


def _move(layout: Layout, source: str, target: str, if_etag: str | None) -> ObjectInfo:
    """A second name pins the version that is checked; the first name goes last."""
    info = layout.facts(source)
    if source == target:
        require_etag(if_etag, info.etag)
        return info
    old, pin = layout.path(source), layout.temporary()
    try:
        os.link(old, pin, follow_symlinks=False)
    except FileNotFoundError:
        raise layout.missing() from None
    except OSError as fault:
        if fault.errno not in _NO_LINKS:
            raise
        pin = old  # a file system without links: nothing can be pinned
    try:
        info = info_of(target, os.lstat(pin))
        require_etag(if_etag, info.etag)
        layout.publish(pin, target)
    finally:
        if pin != old:
            pin.unlink(missing_ok=True)
    old.unlink(missing_ok=True)
    return info


def _foreign_path(layout: Layout, name: str) -> Path:
    """Below the root, and not by way of a link."""
    path = layout.root / require_name(name)
    if path.parent.resolve() != layout.root.resolve() / Path(name).parent:
        raise no_object()
    return path


def _adopt(layout: Layout, name: str, target: str) -> ObjectInfo:
    source, pin = _foreign_path(layout, name), layout.temporary()
    layout.path(target)
    try:
        if not is_regular(os.lstat(source)):
            raise no_object()
        os.link(source, pin, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        raise layout.missing() from None
    except OSError as fault:
        if fault.errno not in _NO_LINKS:
            raise
        shutil.copy2(source, pin, follow_symlinks=False)
    try:
        with pin.open("rb") as opened:
            os.fsync(opened.fileno())
        info = info_of(target, os.lstat(pin))  # the same version: readers of the old name go on
        layout.publish(pin, target)
    finally:
        pin.unlink(missing_ok=True)
    return info


def _delete(layout: Layout, paths: list[Path]) -> None:
    for path in paths:
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            layout.require_there()


def _next_batch(layout: Layout, found: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    layout.require_there()
    return list(islice(found, _BATCH))


def _write_and_remove(layout: Layout) -> None:
    path = layout.temporary()
    os.close(os.open(path, os.O_WRONLY | CREATE, FILE_MODE))
    path.unlink()

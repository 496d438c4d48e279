"""Finished pictures on disk: bounded by bytes, the least recently used go first.

One folder a source, so that everything made of it can be removed at once; one file an entry: a
head of fixed length that says what it is, then the picture. Files are written under another name
and renamed, so nobody ever reads half of one; what a crash cut short is recognised by its length.
"""

import asyncio
import hashlib
import os
import shutil
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cimaise.images.hot import HOT_ENTRY_BYTES, Hot
from cimaise.telemetry import log

_HEAD: Final = struct.Struct(">4sQQII32s32s")  # mark, body, made at, width, height, type, ETag
_MARK: Final = b"CMV1"
_TEMPORARY: Final = "tmp"
_STALE_TEMPORARY_S: Final = 3600
_TOUCH_AFTER_S: Final = 3600
_ETAG_HEX: Final = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept picture.

    Attributes:
        body: The encoded picture.
        media_type: For ``Content-Type``; at most 32 bytes.
        etag: Strong, without quotation marks.
        width: Pixels of one frame.
        height: Pixels of one frame.
        made_at_s: When it was made, seconds since 1970.
    """

    body: bytes
    media_type: str
    etag: str
    width: int
    height: int
    made_at_s: int


def make_etag(body: bytes) -> str:
    """The strong validator of a body: the first half of its SHA-256, in hexadecimal."""
    return hashlib.sha256(body).hexdigest()[:_ETAG_HEX]


class Cache:
    """Kept pictures. Belongs to one event loop; all changes are made in one thread, in order."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        hot: Hot[Entry] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Open nothing yet; :meth:`start` does.

        Args:
            folder: Where the entries lie; made where absent. Nothing else may lie in it.
            max_bytes: Of all entry files together.
            hot: What is also kept in memory.
            now: Seconds since 1970.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        self._hot = hot or Hot()
        self._now = now
        self._writer = ThreadPoolExecutor(1, "picture-cache")
        self._lock = threading.Lock()
        self._used: OrderedDict[str, tuple[int, float]] = OrderedDict()  # size, last touched
        self.size = 0

    async def start(self) -> None:
        """Make the folder, and begin to look through it in the background.

        Until that has ended entries are already found; only what they take together is not known.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._make_folders)
        self._writer.submit(self._scan)

    async def settled(self) -> None:
        """Wait until everything that was asked for before has been done."""
        await asyncio.get_running_loop().run_in_executor(self._writer, _nothing)

    async def get(self, source: str, variant: str) -> Entry | None:
        """An entry, which is now the last one used; ``None`` where it is not kept.

        Decodes nothing and computes no digest of a body. Small files are read right here, which
        takes less time than asking a thread to.

        Args:
            source: Identity of the source.
            variant: What was made of it: version, canonical spec and format.
        """
        name = _name(source, variant)
        hot = self._hot.get(name)
        if hot is not None:
            self._touch(name)
            return hot
        found = await self._read(name)
        if found is None:
            self._forget(name)
            return None
        self._hot.put(name, found, len(found.body))
        self._count(name, len(found.body) + _HEAD.size)
        self._touch(name)
        return found

    async def put(self, source: str, variant: str, entry: Entry) -> None:
        """Keep an entry, now in memory and when this returns on disk.

        A full or failing disk is logged and costs the entry, nothing else. Cancelling leaves the
        entry whole or absent.
        """
        name = _name(source, variant)
        self._hot.put(name, entry, len(entry.body))
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._write, name, entry)

    async def purge(self, source: str) -> None:
        """Remove everything made of a source."""
        prefix = _folder_name(source)
        self._hot.drop_all(prefix)
        await asyncio.get_running_loop().run_in_executor(self._writer, self._remove_all, prefix)

    async def close(self) -> None:
        """Finish writing."""
        await asyncio.to_thread(self._writer.shutdown)

    async def _read(self, name: str) -> Entry | None:
        path = self._folder / name
        try:
            size = path.stat().st_size
            if size > HOT_ENTRY_BYTES:
                return _parse(await asyncio.to_thread(path.read_bytes))
            return _parse(path.read_bytes())
        except OSError:
            return None

    def _count(self, name: str, size: int) -> None:
        """Count a file that was found before the look-through, or that another process wrote."""
        with self._lock:
            if name not in self._used:
                self._used[name] = (size, 0.0)
                self.size += size

    def _touch(self, name: str) -> None:
        now = self._now()
        with self._lock:
            size, touched = self._used.pop(name, (0, 0.0))
            if not size:  # in memory only: its file had to go
                return
            is_old = now - touched > _TOUCH_AFTER_S
            self._used[name] = (size, now if is_old else touched)
        if is_old:  # the file's date is what a restart knows of its use
            try:
                os.utime(self._folder / name, (now, now))
            except OSError:
                pass

    def _forget(self, name: str) -> None:
        with self._lock:
            self.size -= self._used.pop(name, (0, 0.0))[0]

    def _make_folders(self) -> None:
        (self._folder / _TEMPORARY).mkdir(parents=True, exist_ok=True)

    def _scan(self) -> None:
        """Find what earlier runs kept; the least recently used first."""
        try:
            found = sorted(self._files())
        except OSError as fault:
            log("picture_failed", level="warning", reason="cache cannot be read", detail=str(fault))
            return
        with self._lock:
            newer = self._used
            self._used = OrderedDict(
                (name, (size, used)) for used, name, size in found if name not in newer
            )
            self._used.update(newer)
            self.size = sum(size for size, _ in self._used.values())
        self._evict()

    def _files(self) -> list[tuple[float, str, int]]:
        found = []
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                try:
                    facts = path.stat()
                    if path.parent.name != _TEMPORARY:
                        inner = str(path.relative_to(self._folder))
                        found.append((facts.st_mtime, inner, facts.st_size))
                    elif self._now() - facts.st_mtime > _STALE_TEMPORARY_S:
                        path.unlink()
                except FileNotFoundError:
                    continue
        return found

    def _write(self, name: str, entry: Entry) -> None:
        path = self._folder / name
        temporary = self._folder / _TEMPORARY / f"{os.getpid()}-{path.name}"
        try:
            temporary.write_bytes(_format_head(entry) + entry.body)
            os.utime(temporary, (self._now(), self._now()))
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(path)
        except OSError as fault:
            temporary.unlink(missing_ok=True)
            log("picture_failed", level="warning", reason="not kept", detail=str(fault))
            return
        with self._lock:
            size = len(entry.body) + _HEAD.size
            self.size += size - self._used.pop(name, (0, 0.0))[0]
            self._used[name] = (size, self._now())
        self._evict()

    def _evict(self) -> None:
        while True:
            with self._lock:
                if self.size <= self._max_bytes or not self._used:
                    return
                name, (size, _) = self._used.popitem(last=False)
                self.size -= size
            path = self._folder / name
            try:
                path.unlink(missing_ok=True)
                path.parent.rmdir()
            except OSError:  # the source has other entries, or the disk fails: both can wait
                pass

    def _remove_all(self, prefix: str) -> None:
        shutil.rmtree(self._folder / prefix, ignore_errors=True)
        with self._lock:
            for name in [name for name in self._used if name.startswith(prefix)]:
                self.size -= self._used.pop(name)[0]


def _nothing() -> None:
    pass


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _folder_name(source: str) -> str:
    digest = _digest(source)
    return f"{digest[:2]}/{digest[2:]}/"


def _name(source: str, variant: str) -> str:
    return _folder_name(source) + _digest(variant)


def _format_head(entry: Entry) -> bytes:
    return _HEAD.pack(
        _MARK,
        len(entry.body),
        entry.made_at_s,
        entry.width,
        entry.height,
        entry.media_type.encode(),
        entry.etag.encode(),
    )


def _parse(content: bytes) -> Entry | None:
    if len(content) < _HEAD.size:
        return None
    mark, size, made_at_s, width, height, media_type, etag = _HEAD.unpack_from(content)
    if mark != _MARK or len(content) != _HEAD.size + size:
        return None
    return Entry(
        content[_HEAD.size :],
        media_type.rstrip(b"\0").decode(),
        etag.rstrip(b"\0").decode(),
        width,
        height,
        made_at_s,
    )

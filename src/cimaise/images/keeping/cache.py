"""Finished pictures on disk: bounded by bytes, the least recently used go first.

One folder a source, so that everything made of it can be removed at once; one file an entry.
Files are written under another name and renamed, so nobody ever reads half of one; what a crash
cut short is recognised by its length. Several processes may share the folder: each looks through
it again after a while, and a file's date says when any of them used it.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from cimaise.images.keeping.entry import (
    HEAD,
    Entry,
    entry_name,
    format_entry,
    parse_entry,
    source_folder,
)
from cimaise.images.keeping.hot import HOT_ENTRY_BYTES, Hot
from cimaise.images.keeping.usage import Usage
from cimaise.telemetry import log

_TEMPORARY: Final = "tmp"
_STALE_TEMPORARY_S: Final = 3600
_LOOK_AGAIN_SHARE: Final = 16
"""After writing this part of its bytes a process looks what the others have written."""


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
        self._hot = Hot() if hot is None else hot
        self._now = now
        self._writer = ThreadPoolExecutor(1, "picture-cache")
        self._usage = Usage()
        self._written_bytes = 0

    @property
    def size(self) -> int:
        """Bytes of all files that are known."""
        return self._usage.size

    async def start(self) -> None:
        """Make the folder, and begin to look through it in the background.

        Until that has ended entries are already found; only what they take together is not known.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._make_folders)
        self._writer.submit(self._look_through)

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
        name = entry_name(source, variant)
        found = self._hot.get(name)
        if found is None:
            found = await self._read(name)
            if found is None:
                self._usage.forget(name)
                return None
            self._hot.put(name, found, len(found.body))
        self._note(name, len(found.body) + HEAD.size)
        return found

    async def put(self, source: str, variant: str, entry: Entry) -> None:
        """Keep an entry: when this returns it is on disk.

        In memory only once somebody asks for it again: most pictures of a gallery are not, and
        would take the place of those that are. Where the disk is full or fails, which is logged,
        memory has to do. Cancelling leaves the entry whole or absent.
        """
        name = entry_name(source, variant)
        self._hot.drop(name)
        loop = asyncio.get_running_loop()
        try:
            is_written = await loop.run_in_executor(self._writer, self._write, name, entry)
        finally:
            self._hot.drop(name)  # the one before it, where somebody asked for that meanwhile
        if not is_written:
            self._hot.put(name, entry, len(entry.body))

    async def purge(self, source: str) -> None:
        """Remove everything made of a source."""
        await self.purge_folder(source_folder(source))

    async def purge_folder(self, folder: str) -> None:
        """The same, by what :func:`cimaise.images.keeping.entry.source_folder` says of the source."""
        self._hot.drop_all(folder)
        await asyncio.get_running_loop().run_in_executor(self._writer, self._remove_all, folder)

    async def close(self) -> None:
        """Finish writing."""
        await asyncio.to_thread(self._writer.shutdown)

    async def _read(self, name: str) -> Entry | None:
        path = self._folder / name
        try:
            size = path.stat().st_size
            if size > HOT_ENTRY_BYTES:
                return parse_entry(await asyncio.to_thread(path.read_bytes))
            return parse_entry(path.read_bytes())
        except OSError:
            return None

    def _note(self, name: str, size: int) -> None:
        now = self._now()
        if self._usage.note(name, size, now):
            try:
                os.utime(self._folder / name, (now, now))
            except OSError:  # held in memory only: its file had to go
                self._usage.forget(name)

    def _make_folders(self) -> None:
        (self._folder / _TEMPORARY).mkdir(parents=True, exist_ok=True)

    def _look_through(self) -> None:
        """Learn what earlier runs and other processes kept, and what they used."""
        since_s = self._now()
        try:
            self._usage.replace(list(self._files()), since_s)
        except OSError as fault:
            log("picture_failed", level="warning", reason="cache cannot be read", detail=str(fault))
            return
        self._evict()

    def _files(self) -> Iterator[tuple[str, int, float]]:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                try:
                    facts = path.stat()
                    if path.parent.name != _TEMPORARY:
                        yield str(path.relative_to(self._folder)), facts.st_size, facts.st_mtime
                    elif self._now() - facts.st_mtime > _STALE_TEMPORARY_S:
                        path.unlink()
                except FileNotFoundError:
                    continue

    def _write(self, name: str, entry: Entry) -> bool:
        path = self._folder / name
        temporary = self._folder / _TEMPORARY / f"{os.getpid()}-{path.name}"
        content = format_entry(entry)
        try:
            temporary.write_bytes(content)
            os.utime(temporary, (self._now(), self._now()))
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(path)
        except OSError as fault:
            temporary.unlink(missing_ok=True)
            log("picture_failed", level="warning", reason="not kept", detail=str(fault))
            return False
        self._usage.wrote(name, len(content), self._now())
        self._written_bytes += len(content)
        if self._written_bytes > self._max_bytes // _LOOK_AGAIN_SHARE:
            self._written_bytes = 0
            self._look_through()
        else:
            self._evict()
        return True

    def _evict(self) -> None:
        while (name := self._usage.pop_oldest(self._max_bytes)) is not None:
            path = self._folder / name
            try:
                path.unlink(missing_ok=True)
                path.parent.rmdir()
            except OSError:  # the source has other entries, or the disk fails: both can wait
                pass

    def _remove_all(self, folder: str) -> None:
        shutil.rmtree(self._folder / folder, ignore_errors=True)
        self._usage.forget_all(folder)


def _nothing() -> None:
    pass

"""Facts of the pictures in folders, kept by path, last change and size.

A header is read once: as long as a file keeps its last change and its size, what was found is
taken from the database, also when it was that the file is no picture at all. Of a whole album a
digest is kept as well, so that one in which nothing has changed costs no look at its rows.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from cimaise.albums import index_rows as rows
from cimaise.albums.folder_tree import FolderContent, FolderFile
from cimaise.albums.index_rows import AlbumStamp, Facts, Look
from cimaise.albums.model import PictureHeader
from cimaise.database.engine import Database
from cimaise.errors import CimaiseError, Invalid, Malformed, TooLarge, TypeNotAllowed
from cimaise.telemetry import log

_BATCH: Final = 1000  # files between two writes: what a cancelled run has to do again
_CHUNK: Final = 50  # files a thread looks at before anybody else gets his turn
_FEW: Final = 10  # files that are not worth a second thread
_MOST_LOOKS: Final = 20_000  # kept in memory; above that a header may be read twice
_NO_PICTURE: Final = (TypeNotAllowed, Invalid, TooLarge, Malformed)

_Looks = dict[FolderFile, Facts | None]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What :meth:`FolderIndex.refresh` did, in files; and how many pictures there are now."""

    measured: int
    unreadable: int
    forgotten: int
    pictures: int


class FolderIndex:
    """Facts of folder pictures. ``threads`` headers are read at the same time; :meth:`close` it."""

    def __init__(
        self,
        database: Database,
        read_header: Callable[[Path], PictureHeader],
        *,
        threads: int = 2,
    ) -> None:
        self._database = database
        self._read_header = read_header
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="album-index")
        self._threads = threads
        self._asking = 0
        # Headers read since somebody began to ask, until nobody asks any more: whoever looked into
        # the database before they were kept there finds them here.
        self._looks: dict[tuple[str, FolderFile], asyncio.Future[_Looks]] = {}

    async def facts(
        self, album: str, folder: Path, files: Sequence[FolderFile]
    ) -> dict[str, Facts]:
        """Facts by file name; headers are read where they are not known yet.

        A file that cannot be read at this moment is missing, and tried again the next time.
        Cancelling keeps what has been found, but for the last few files.
        """
        names = [file.name for file in files]
        with self._shared_looks():
            known = await self._database.read(lambda connection: rows.known(connection, album, names))  # fmt: skip
            await self._measure(album, folder, files, known)
        return {file.name: known[file] for file in files if file in known}

    async def refresh(
        self, album: str, folder: Path, content: FolderContent, look: Look | None = None
    ) -> Refreshed:
        """Know all files of an album, which are those of ``content``, and forget the others.

        ``look`` says when that content was read, where the folder's time can be relied on.
        """
        files = content.files
        with self._shared_looks():
            known = await self._database.read(lambda connection: rows.known(connection, album, None))  # fmt: skip
            gone = sorted({row.name for row in known} - {file.name for file in files})
            if gone:
                await self._database.write(lambda connection: rows.forget(connection, album, gone))
            measured = await self._measure(album, folder, files, known)
        shown = sum(1 for one in content.pictures if one.file in known and known[one.file].is_picture)  # fmt: skip
        readable = sum(1 for file in files if file in known and known[file].is_picture)
        stamp = AlbumStamp(content.stamp, shown, len(files) - readable, look)
        if all(file in known for file in files):
            await self._database.write(lambda connection: rows.keep_stamp(connection, album, stamp))
        return Refreshed(measured, stamp.unreadable, len(gone), shown)

    async def stamps(self) -> Mapping[str, AlbumStamp]:
        """What is known of whole albums."""
        return await self._database.read(rows.stamps)

    async def keep_looks(self, looks: Mapping[str, Look]) -> None:
        """Remember looks at folders in which nothing had changed."""
        if looks:
            await self._database.write(lambda connection: rows.keep_looks(connection, looks))

    async def forget_others(self, albums: Iterable[str]) -> int:
        """Forget every album but these; how many files that were."""
        kept = set(albums)
        return await self._database.write(lambda connection: rows.forget_others(connection, kept))

    async def unreadable(self, album: str | None = None) -> Mapping[str, frozenset[FolderFile]]:
        """Files that were looked at and are no pictures, by album; of one album or of all."""
        return await self._database.read(lambda connection: rows.unreadable(connection, album))

    def close(self) -> None:
        """End the threads; headers that are being read are waited for."""
        self._pool.shutdown(cancel_futures=True)

    async def _measure(
        self, album: str, folder: Path, files: Sequence[FolderFile], known: dict[FolderFile, Facts]
    ) -> int:
        """Add to ``known`` what is not in it yet; how many headers were read."""
        missing = [file for file in files if file not in known]
        for start in range(0, len(missing), _BATCH):
            looks = await self._looked_at(album, folder, missing[start : start + _BATCH])
            found = {file: facts for file, facts in looks.items() if facts}
            if found:
                await self._database.write(partial(rows.keep, album=album, found=found))
                known.update(found)
        return len(missing)

    async def _looked_at(self, album: str, folder: Path, files: Sequence[FolderFile]) -> _Looks:
        """Read headers, once also for those who ask for them at the same time."""
        loop = asyncio.get_running_loop()
        new = [file for file in dict.fromkeys(files) if (album, file) not in self._looks]
        size = min(_CHUNK, max(_FEW, -(-len(new) // self._threads)))
        for start in range(0, len(new), size):
            chunk = new[start : start + size]
            look = loop.run_in_executor(self._pool, self._look_at_all, folder, chunk)
            self._looks.update(((album, file), look) for file in chunk)
        looks = {file: self._looks[album, file] for file in files}
        # With exceptions as results: nobody asks a shielded future after its waiter has gone.
        await asyncio.shield(asyncio.gather(*set(looks.values()), return_exceptions=True))
        return {file: look.result()[file] for file, look in looks.items()}

    @contextmanager
    def _shared_looks(self) -> Iterator[None]:
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking or len(self._looks) > _MOST_LOOKS:
                self._looks.clear()

    def _look_at_all(self, folder: Path, files: Sequence[FolderFile]) -> _Looks:
        return {file: self._look(folder / file.name) for file in files}

    def _look(self, path: Path) -> Facts | None:
        try:
            header = self._read_header(path)
        except _NO_PICTURE:
            return Facts(0, 0)
        except Exception as fault:  # one file that fails must not hide the others
            is_ours = isinstance(fault, CimaiseError | OSError)
            log("picture_failed", level="warning", fault=None if is_ours else fault, file=path.name)
            return None
        return Facts(
            header.width,
            header.height,
            _aware(header.taken_at),
            orientation=header.orientation,
            latitude=header.latitude,
            longitude=header.longitude,
        )


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment

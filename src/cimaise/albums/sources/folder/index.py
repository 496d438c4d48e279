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

from sqlalchemy import Connection

from cimaise.albums.model import PictureHeader
from cimaise.albums.sources.folder import index_rows as rows
from cimaise.albums.sources.folder.index_rows import AlbumStamp, Facts, Look
from cimaise.albums.sources.folder.tree import FolderContent, FolderFile
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


@dataclass(frozen=True, slots=True)
class Blanks:
    """Files by album that were looked at and are no pictures, and pictures that nobody can draw."""

    unreadable: Mapping[str, frozenset[FolderFile]]
    undrawable: Mapping[str, frozenset[FolderFile]]


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
        with self._shared_looks():
            known = await self._kept(album, files)
            await self._measure(album, folder, files, known)
        return {file.name: known[file] for file in files if file in known}

    async def look_up(
        self, album: str, folder: Path, files: Sequence[FolderFile]
    ) -> tuple[dict[str, Facts], frozenset[FolderFile]]:
        """:meth:`facts`, and what of the album is known to be no picture, in one transaction."""

        def read(connection: Connection) -> tuple[dict[FolderFile, Facts], frozenset[FolderFile]]:
            names = [file.name for file in files]
            of_album = rows.unreadable(connection, album).get(album, frozenset())
            return rows.known(connection, album, names), of_album

        with self._shared_looks():
            known, unreadable = await self._database.read(read)
            await self._measure(album, folder, files, known)
        return {file.name: known[file] for file in files if file in known}, unreadable

    async def refresh(
        self, album: str, folder: Path, content: FolderContent, look: Look | None = None
    ) -> Refreshed:
        """Know all files of an album, which are those of ``content``, and forget the others.

        ``look`` says when that content was read, where the folder's time can be relied on.
        """
        names = {file.name for file in content.files}
        gone = await self._database.read(lambda connection: rows.names_besides(connection, album, names))  # fmt: skip
        if gone:
            await self._database.write(lambda connection: rows.forget(connection, album, gone))
        measured, none_known, no_picture = await self._known(album, folder, content.files)
        is_out = none_known | no_picture
        shown = sum(1 for one in content.pictures if one.file not in is_out)
        stamp = AlbumStamp(content.stamp, shown, len(is_out), look)
        if not none_known:
            await self._database.write(lambda connection: rows.keep_stamp(connection, album, stamp))
        return Refreshed(measured, stamp.unreadable, len(gone), shown)

    async def _known(
        self, album: str, folder: Path, files: Sequence[FolderFile]
    ) -> tuple[int, set[FolderFile], set[FolderFile]]:
        """Know them, some at a time: the facts of 100,000 would take 50 MB.

        Returns:
            How many headers were read; files of which nothing is known; files that are no pictures.
        """
        measured, none_known, no_picture = 0, set[FolderFile](), set[FolderFile]()
        for start in range(0, len(files), _BATCH):
            some = files[start : start + _BATCH]
            with self._shared_looks():
                found = await self._kept(album, some)
                measured += await self._measure(album, folder, some, found)
            none_known.update(file for file in some if file not in found)
            no_picture.update(file for file in some if file in found and not found[file].is_picture)
        return measured, none_known, no_picture

    async def _kept(self, album: str, files: Sequence[FolderFile]) -> dict[FolderFile, Facts]:
        names = [file.name for file in files]
        return await self._database.read(lambda connection: rows.known(connection, album, names))

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

    async def blanks(self) -> Blanks:
        """Files of which nothing can be shown, of all albums."""
        return await self._database.read(
            lambda connection: Blanks(
                rows.unreadable(connection, None), rows.undrawable(connection)
            )
        )

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
        ours = dict.fromkeys(file for file in files if (album, file) not in self._looks)
        self._begin(album, folder, list(ours))
        found = await self._ended(album, files)
        # What others could not read may be readable now: they may have tried before we asked.
        again = [file for file in files if found[file] is None and file not in ours]
        if again:
            self._begin(album, folder, again)
            found |= await self._ended(album, again)
        return found

    def _begin(self, album: str, folder: Path, files: Sequence[FolderFile]) -> None:
        loop = asyncio.get_running_loop()
        size = min(_CHUNK, max(_FEW, -(-len(files) // self._threads)))
        for start in range(0, len(files), size):
            chunk = files[start : start + size]
            look = loop.run_in_executor(self._pool, self._look_at_all, folder, chunk)
            self._looks.update(((album, file), look) for file in chunk)

    async def _ended(self, album: str, files: Sequence[FolderFile]) -> _Looks:
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

"""Facts of the pictures in folders, kept by path, last change and size.

A header is read once: as long as a file keeps its last change and its size, what was found is
taken from the database, also when it was that the file is no picture at all.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from cimaise.albums.folder_tree import FolderFile
from cimaise.albums.model import PictureHeader
from cimaise.database.engine import Database
from cimaise.database.schema import folder_pictures
from cimaise.errors import CimaiseError, Invalid, Malformed, TooLarge, TypeNotAllowed
from cimaise.telemetry import log

_BATCH: Final = 32  # files between two writes: what a cancelled run has to do again
_MOST_LOOKS: Final = 20_000  # kept in memory; above that a header may be read twice
_NAMES: Final = 500  # names in one statement
_NO_PICTURE: Final = (TypeNotAllowed, Invalid, TooLarge, Malformed)
_VALUES: Final = ("mtime_ns", "size", "width", "height", "taken_at")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a header says. ``width`` and ``height`` are 0 for what is no picture."""

    width: int
    height: int
    taken_at: datetime | None = None
    placeholder: str | None = None

    @property
    def is_picture(self) -> bool:
        """It can be shown."""
        return self.width > 0 and self.height > 0


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What :meth:`FolderIndex.refresh` did, in files."""

    measured: int
    unreadable: int
    forgotten: int


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
        self._asking = 0
        # Headers read since somebody began to ask, until nobody asks any more: whoever looked into
        # the database before they were kept there finds them here.
        self._looks: dict[tuple[Path, FolderFile], asyncio.Future[Facts | None]] = {}

    async def facts(
        self, album: str, folder: Path, files: Sequence[FolderFile]
    ) -> dict[str, Facts]:
        """Facts by file name; headers are read where they are not known yet.

        A file that cannot be read at this moment is missing, and tried again the next time.
        Cancelling keeps what has been found, but for the last few files.
        """
        names = [file.name for file in files]
        with self._shared_looks():
            known = await self._database.read(lambda connection: _known(connection, album, names))
            await self._measure(album, folder, files, known)
        return {file.name: known[file] for file in files if file in known}

    async def refresh(self, album: str, folder: Path, files: Sequence[FolderFile]) -> Refreshed:
        """Know all files of an album, which are ``files``, and forget the others."""
        with self._shared_looks():
            known = await self._database.read(lambda connection: _known(connection, album, None))
            gone = sorted({row.name for row in known} - {file.name for file in files})
            if gone:
                await self._database.write(lambda connection: _forget(connection, album, gone))
            measured = await self._measure(album, folder, files, known)
        readable = sum(1 for file in files if file in known and known[file].is_picture)
        return Refreshed(measured, len(files) - readable, len(gone))

    async def forget_others(self, albums: Iterable[str]) -> int:
        """Forget every album but these; how many files that were."""
        kept = set(albums)

        def work(connection: Connection) -> int:
            held = connection.execute(select(folder_pictures.c.album).distinct()).scalars().all()
            return sum(
                connection.execute(
                    delete(folder_pictures).where(folder_pictures.c.album == album)
                ).rowcount
                for album in held
                if album not in kept
            )

        return await self._database.write(work)

    async def unreadable(self, album: str | None = None) -> Mapping[str, frozenset[FolderFile]]:
        """Files that were looked at and are no pictures, by album; of one album or of all."""
        columns = folder_pictures.c
        statement = select(columns.album, columns.name, columns.mtime_ns, columns.size).where(
            columns.width.is_(None)
        )
        if album is not None:
            statement = statement.where(columns.album == album)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        found: dict[str, set[FolderFile]] = {}
        for row in rows:
            found.setdefault(row.album, set()).add(FolderFile(row.name, row.mtime_ns, row.size))
        return {name: frozenset(files) for name, files in found.items()}

    def close(self) -> None:
        """End the threads; headers that are being read are waited for."""
        self._pool.shutdown(cancel_futures=True)

    async def _measure(
        self, album: str, folder: Path, files: Sequence[FolderFile], known: dict[FolderFile, Facts]
    ) -> int:
        """Add to ``known`` what is not in it yet; how many headers were read."""
        missing = [file for file in files if file not in known]
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            looked = await asyncio.gather(*(self._looked_at(folder, file) for file in batch))
            found = {file: facts for file, facts in zip(batch, looked, strict=True) if facts}
            if found:
                await self._database.write(partial(_keep, album=album, found=found))
                known.update(found)
        return len(missing)

    async def _looked_at(self, folder: Path, file: FolderFile) -> Facts | None:
        """Read a header, once also for those who ask for it at the same time."""
        key = (folder, file)
        look = self._looks.get(key)
        if look is None:
            loop = asyncio.get_running_loop()
            look = loop.run_in_executor(self._pool, self._look, folder / file.name)
            self._looks[key] = look
        return await asyncio.shield(look)

    @contextmanager
    def _shared_looks(self) -> Iterator[None]:
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking or len(self._looks) > _MOST_LOOKS:
                self._looks.clear()

    def _look(self, path: Path) -> Facts | None:
        try:
            header = self._read_header(path)
        except _NO_PICTURE:
            return Facts(0, 0)
        except Exception as fault:  # one file that fails must not hide the others
            is_ours = isinstance(fault, CimaiseError | OSError)
            log("picture_failed", level="warning", fault=None if is_ours else fault, file=path.name)
            return None
        return Facts(header.width, header.height, _aware(header.taken_at))


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _known(
    connection: Connection, album: str, names: Sequence[str] | None
) -> dict[FolderFile, Facts]:
    of_album = select(folder_pictures).where(folder_pictures.c.album == album)
    if names is None:
        return _facts_by_file(connection.execute(of_album))
    known: dict[FolderFile, Facts] = {}
    for start in range(0, len(names), _NAMES):
        some = folder_pictures.c.name.in_(names[start : start + _NAMES])
        known |= _facts_by_file(connection.execute(of_album.where(some)))
    return known


def _facts_by_file(rows: Iterable[Any]) -> dict[FolderFile, Facts]:
    return {
        FolderFile(row.name, row.mtime_ns, row.size): Facts(
            row.width or 0, row.height or 0, row.taken_at, row.placeholder
        )
        for row in rows
    }


def _keep(connection: Connection, *, album: str, found: Mapping[FolderFile, Facts]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(folder_pictures)
    statement = new.on_conflict_do_update(
        index_elements=["album", "name"], set_={name: new.excluded[name] for name in _VALUES}
    )
    in_order = sorted(found, key=lambda file: file.name)  # two that write never wait crosswise
    connection.execute(
        statement,
        [
            {
                "album": album,
                "name": file.name,
                "mtime_ns": file.mtime_ns,
                "size": file.size,
                "width": found[file].width or None,
                "height": found[file].height or None,
                "taken_at": found[file].taken_at,
            }
            for file in in_order
        ],
    )


def _forget(connection: Connection, album: str, names: Sequence[str]) -> None:
    for start in range(0, len(names), _NAMES):
        some = folder_pictures.c.name.in_(names[start : start + _NAMES])
        connection.execute(delete(folder_pictures).where(folder_pictures.c.album == album, some))

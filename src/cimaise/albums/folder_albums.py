"""Folders as albums: their names, descriptions and rights. Every method blocks.

Every folder below the root is an album. A nested one is called by all its folders, with ``~``
between them: ``2024~summer``. A folder without a visibility of its own has that of the folder
around it. A folder that holds nothing but folders can be opened, but is not listed.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cimaise.access.policy import Visibility
from cimaise.albums.description import FILE_NAME, Description, read_description
from cimaise.albums.folder_tree import (
    MAX_DEPTH,
    SEPARATOR,
    FolderContent,
    album_parts,
    is_visible,
    look_at_file,
    media_type_of,
    opened_folder,
    opened_root,
    read_folder,
)
from cimaise.albums.model import AlbumFile
from cimaise.errors import NotFound
from cimaise.telemetry import log

_UNSURE_NS: Final = 2_000_000_000  # a folder changed so shortly before may change in the same tick
_MOST_KEPT: Final = 200_000  # pictures whose names are kept in memory


@dataclass(frozen=True, slots=True)
class FolderAlbum:
    """A folder with all that is known without opening a picture."""

    name: str
    path: Path
    title: str
    visibility: Visibility
    description: Description
    content: FolderContent


@dataclass(frozen=True, slots=True)
class _Step:
    """An open folder on the way down, with what it says or has been told from above."""

    descriptor: int
    parts: tuple[str, ...] = ()
    visibility: Visibility = Visibility.PUBLIC
    description: Description = field(default_factory=Description)


@dataclass(frozen=True, slots=True)
class _Kept:
    mtime_ns: int
    content: FolderContent


class FolderAlbums:
    """The albums below ``root``, which need not exist yet.

    The list takes a folder's names from memory as long as the folder has not changed, which it
    does when something in it is added, renamed or removed; an album that is opened is read anew.
    """

    def __init__(self, root: Path, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._root = root
        self._clock_ns = clock_ns
        self._kept: dict[str, _Kept] = {}
        self._said: dict[str, tuple[tuple[int, ...], Description]] = {}

    def find(self, name: str) -> FolderAlbum:
        """An album, read anew. ``NotFound``; ``OSError`` where the folder cannot be read."""
        with self._reached(name) as step:
            return self._album(step, read_folder(step.descriptor))

    def find_file(self, name: str, file: str) -> tuple[Visibility, AlbumFile | None]:
        """The album's visibility, and the file if there is such a picture or thumbnail in it.

        Raises:
            NotFound: No such album.
            OSError: The folder or the file cannot be read.
        """
        with self._reached(name) as step:
            return step.visibility, self._file(step, file)

    def all(self) -> list[FolderAlbum]:
        """Every album that is listed, by name. A folder that cannot be read is logged, left out."""
        try:
            with opened_root(self._root) as descriptor:
                found = list(self._below(_Step(descriptor), read_folder(descriptor).folders))
        except NotFound:
            return []
        return sorted(found, key=lambda album: album.name)

    @contextmanager
    def _reached(self, name: str) -> Iterator[_Step]:
        parts = album_parts(name)
        if parts is None:
            raise NotFound("There is no such album.")
        with ExitStack() as stack:
            step = _Step(stack.enter_context(opened_root(self._root)))
            for part in parts:
                step = stack.enter_context(self._entered(step, part))
            yield step

    @contextmanager
    def _entered(self, outer: _Step, folder: str) -> Iterator[_Step]:
        with opened_folder(outer.descriptor, folder) as descriptor:
            parts = (*outer.parts, folder)
            description = self._description(descriptor, SEPARATOR.join(parts))
            visibility = description.visibility or outer.visibility
            yield _Step(descriptor, parts, visibility, description)

    def _below(self, outer: _Step, folders: tuple[str, ...]) -> Iterator[FolderAlbum]:
        for folder in folders:
            try:
                with self._entered(outer, folder) as step:
                    content = self._content(step)
                    if content.pictures or not content.folders:
                        yield self._album(step, content)
                    if len(step.parts) < MAX_DEPTH:
                        yield from self._below(step, content.folders)
            except NotFound:  # removed meanwhile
                continue
            except OSError as fault:
                log("album_source_failed", level="warning", source="folder", album=folder,
                    reason=fault.strerror)  # fmt: skip

    def _album(self, step: _Step, content: FolderContent) -> FolderAlbum:
        return FolderAlbum(
            SEPARATOR.join(step.parts),
            self._root.joinpath(*step.parts),
            step.description.title or " / ".join(step.parts),
            step.visibility,
            step.description,
            content,
        )

    def _file(self, step: _Step, file: str) -> AlbumFile | None:
        media_type = media_type_of(file)
        if media_type is None or not is_visible(file):
            return None
        try:
            facts = look_at_file(step.descriptor, file)
        except NotFound:
            return None
        return AlbumFile(
            path=self._root.joinpath(*step.parts, file),
            size=facts.st_size,
            mtime_ns=facts.st_mtime_ns,
            media_type=media_type,
            etag=f"{facts.st_mtime_ns:x}-{facts.st_size:x}",
            public=step.visibility is Visibility.PUBLIC,
        )

    def _content(self, step: _Step) -> FolderContent:
        """What lies in the folder, from memory where it cannot have changed."""
        album = SEPARATOR.join(step.parts)
        mtime_ns = os.fstat(step.descriptor).st_mtime_ns
        kept = self._kept.get(album)
        if kept is not None and kept.mtime_ns == mtime_ns:
            return kept.content
        now_ns = self._clock_ns()
        content = read_folder(step.descriptor)
        if mtime_ns + _UNSURE_NS < now_ns:
            if sum(len(one.content.pictures) for one in self._kept.values()) > _MOST_KEPT:
                self._kept.clear()
            self._kept[album] = _Kept(mtime_ns, content)
        return content

    def _description(self, folder: int, album: str) -> Description:
        """What the folder's ``album.toml`` says; read again only when the file has changed."""
        try:
            facts = os.stat(FILE_NAME, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return Description()
        stamp = (facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino)
        said = self._said.get(album)
        if said is None or said[0] != stamp:
            said = self._said[album] = (stamp, self._told(folder, album))
        return said[1]

    @staticmethod
    def _told(folder: int, album: str) -> Description:
        read = read_description(folder)
        if read.fault:
            log("album_source_failed", level="warning", source="folder", album=album,
                reason=f"{FILE_NAME}: {read.fault}")  # fmt: skip
        return read.description

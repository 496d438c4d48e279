"""Folders as albums: their names, descriptions and rights. Every method blocks.

Every folder below the root is an album. A nested one is called by all its folders, with ``~``
between them: ``2024~summer``. A folder without a visibility of its own has that of the folder
around it. A folder that holds nothing but folders can be opened, but is not listed.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cimaise.access.policy import Visibility
from cimaise.albums.model import AlbumFile
from cimaise.albums.picture_types import media_type_of
from cimaise.albums.sources.base import no_such_album
from cimaise.albums.sources.folder.contents import FolderContents
from cimaise.albums.sources.folder.description import (
    FILE_NAME,
    Description,
    ReadDescription,
    read_description,
)
from cimaise.albums.sources.folder.tree import (
    MAX_DEPTH,
    SEPARATOR,
    FolderContent,
    FolderFile,
    album_parts,
    folder_names,
    is_visible,
    look_at_file,
    opened_folder,
    opened_root,
)
from cimaise.errors import NotFound
from cimaise.telemetry import log

_NOTHING: Final = Description()
_NONE: Final = ReadDescription(_NOTHING)
"""One value for all: what was made of it is told from what has changed by its identity."""
_UNSURE_NS: Final = 2_000_000_000  # a folder changed so shortly before may change in the same tick


@dataclass(frozen=True, slots=True)
class FolderAlbum:
    """A folder with all that is known without opening a picture."""

    name: str
    path: Path
    title: str
    visibility: Visibility
    members: tuple[str, ...]
    description: Description
    content: FolderContent
    fault: str = ""  # what is wrong with its description


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file of an album with what decides about it; ``None`` where there is no such file."""

    file: AlbumFile | None
    visibility: Visibility
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeenFolder:
    """A folder that is listed as an album, as a scan sees it.

    Attributes:
        content: What lies in it; ``None`` where the folder's time says that this is known.
        mtime_ns: The folder's own last change; ``None`` where that is too fresh to rely on.
    """

    name: str
    path: Path
    content: FolderContent | None
    mtime_ns: int | None


@dataclass(frozen=True, slots=True)
class _Step:
    """An open folder on the way down, with what it says or has been told from above."""

    descriptor: int
    parts: tuple[str, ...] = ()
    visibility: Visibility = Visibility.PUBLIC
    members: tuple[str, ...] = ()
    description: Description = _NOTHING
    fault: str = ""


class FolderAlbums:
    """The albums below ``root``, which need not exist yet.

    Attributes:
        contents: What lies in the folders; whoever watches them tells it what changes.
    """

    def __init__(self, root: Path, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.contents = FolderContents(clock_ns)
        self._root = root
        self._clock_ns = clock_ns
        self._said: dict[str, tuple[tuple[int, ...], ReadDescription]] = {}

    def find(self, name: str) -> FolderAlbum:
        """An album. ``NotFound``; ``OSError`` where the folder cannot be read."""
        with self._reached(name) as step:
            return self._album(step, self.contents.of(name, step.descriptor))

    def forget(self, name: str) -> None:
        """An album that is gone: what was said of it is not kept."""
        self._said.pop(name, None)

    def look_at(self, name: str, files: Iterable[FolderFile]) -> bool:
        """Are these files still as they were? Forgets the folder's content where one is not."""
        with self._reached(name) as step:
            for file in files:
                try:
                    facts = os.stat(file.name, dir_fd=step.descriptor, follow_symlinks=False)
                except FileNotFoundError:
                    facts = None
                if facts is None or (facts.st_mtime_ns, facts.st_size) != file[1:]:
                    self.contents.forget([name])
                    return False
        return True

    def find_file(self, name: str, file: str) -> HeldFile:
        """A picture or thumbnail of an album.

        Raises:
            NotFound: No such album.
            OSError: The folder or the file cannot be read.
        """
        with self._reached(name) as step:
            return HeldFile(self._file(step, file), step.visibility, step.members)

    def folders(self) -> dict[str, Path]:
        """Every folder by the album's name, the root among them by the empty one; to be watched."""
        found: dict[str, Path] = {}

        def below(outer: _Step, folders: tuple[str, ...]) -> None:
            found[SEPARATOR.join(outer.parts)] = self._root.joinpath(*outer.parts)
            for folder in folders if len(outer.parts) < MAX_DEPTH else ():
                try:
                    with opened_folder(outer.descriptor, folder) as descriptor:
                        below(_Step(descriptor, (*outer.parts, folder)), folder_names(descriptor))
                except (NotFound, OSError):
                    continue

        try:
            with opened_root(self._root) as descriptor:
                below(_Step(descriptor), folder_names(descriptor))
        except (NotFound, OSError):
            return {}
        return found

    def all(self) -> list[FolderAlbum]:
        """Every album that is listed, by name. A folder that cannot be read is logged, left out."""
        try:
            with opened_root(self._root) as descriptor:
                outer = _Step(descriptor)
                found = list(self._below(outer, self._content(outer).folders))
        except NotFound:
            return []
        return sorted(found, key=lambda album: album.name)

    def faults(self) -> dict[str, str]:
        """What is wrong with descriptions, by album; of folders that are not listed, too."""
        try:
            with opened_root(self._root) as descriptor:
                outer = _Step(descriptor)
                return dict(self._faults_below(outer, self._content(outer).folders))
        except NotFound:
            return {}

    def _faults_below(self, outer: _Step, folders: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        for folder in folders:
            with self._passed_over(folder), self._entered(outer, folder) as step:
                if step.fault:
                    yield SEPARATOR.join(step.parts), step.fault
                if len(step.parts) < MAX_DEPTH:
                    yield from self._faults_below(step, self._content(step).folders)

    def seen(self, is_known: Callable[[str, int], bool]) -> list[SeenFolder]:
        """Every album that is listed, by name, as it lies on the disk now.

        Args:
            is_known: Of an album's name and its folder's time: nothing can have come, gone or
                been replaced. Then its files are not looked at.
        """
        try:
            with opened_root(self._root) as descriptor:
                found = list(self._seen_below(_Step(descriptor), is_known))
        except NotFound:
            return []
        return sorted(found, key=lambda folder: folder.name)

    def _seen_below(
        self, outer: _Step, is_known: Callable[[str, int], bool]
    ) -> Iterator[SeenFolder]:
        for folder in folder_names(outer.descriptor):
            with self._passed_over(folder), opened_folder(outer.descriptor, folder) as descriptor:
                step = _Step(descriptor, (*outer.parts, folder))
                yield from self._seen(step, is_known)
                if len(step.parts) < MAX_DEPTH:
                    yield from self._seen_below(step, is_known)

    def _seen(self, step: _Step, is_known: Callable[[str, int], bool]) -> Iterator[SeenFolder]:
        name, path = SEPARATOR.join(step.parts), self._root.joinpath(*step.parts)
        mtime_ns, now_ns = os.fstat(step.descriptor).st_mtime_ns, self._clock_ns()
        if is_known(name, mtime_ns):
            yield SeenFolder(name, path, None, mtime_ns)
            return
        content = self.contents.of(name, step.descriptor, fresh=True)
        if content.files or not content.folders:
            is_sure = mtime_ns + _UNSURE_NS < now_ns
            yield SeenFolder(name, path, content, mtime_ns if is_sure else None)

    @contextmanager
    def _passed_over(self, folder: str) -> Iterator[None]:
        """A folder that is gone meanwhile, or cannot be read, which is logged."""
        try:
            yield
        except NotFound:
            return
        except OSError as fault:
            log("album_source_failed", level="warning", source="folder", album=folder,
                reason=fault.strerror)  # fmt: skip

    @contextmanager
    def _reached(self, name: str) -> Iterator[_Step]:
        parts = album_parts(name)
        if parts is None:
            raise no_such_album()
        with ExitStack() as stack:
            step = _Step(stack.enter_context(opened_root(self._root)))
            for part in parts:
                step = stack.enter_context(self._entered(step, part))
            yield step

    @contextmanager
    def _entered(self, outer: _Step, folder: str) -> Iterator[_Step]:
        with opened_folder(outer.descriptor, folder) as descriptor:
            parts = (*outer.parts, folder)
            read = self._description(descriptor, SEPARATOR.join(parts))
            description = read.description
            visibility = description.visibility or outer.visibility
            # whoever says who may see it says it anew
            says = description.visibility is not None or bool(description.members)
            members = description.members if says else outer.members
            yield _Step(descriptor, parts, visibility, members, description, read.fault)

    def _below(self, outer: _Step, folders: tuple[str, ...]) -> Iterator[FolderAlbum]:
        for folder in folders:
            with self._passed_over(folder), self._entered(outer, folder) as step:
                content = self._content(step)
                if content.files or not content.folders:
                    yield self._album(step, content)
                if len(step.parts) < MAX_DEPTH:
                    yield from self._below(step, content.folders)

    def _album(self, step: _Step, content: FolderContent) -> FolderAlbum:
        return FolderAlbum(
            SEPARATOR.join(step.parts),
            self._root.joinpath(*step.parts),
            step.description.title or " / ".join(step.parts),
            step.visibility,
            step.members,
            step.description,
            content,
            step.fault,
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
        return self.contents.of(SEPARATOR.join(step.parts), step.descriptor)

    def _description(self, folder: int, album: str) -> ReadDescription:
        """What the folder's ``album.toml`` says; read again only when the file has changed."""
        try:
            facts = os.stat(FILE_NAME, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            self._said.pop(album, None)
            return _NONE
        stamp = (facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino)
        said = self._said.get(album)
        if said is None or said[0] != stamp:
            said = self._said[album] = (stamp, self._told(folder, album))
        return said[1]

    @staticmethod
    def _told(folder: int, album: str) -> ReadDescription:
        read = read_description(folder)
        if read.fault:
            log("album_source_failed", level="warning", source="folder", album=album,
                reason=f"{FILE_NAME}: {read.fault}")  # fmt: skip
        return read

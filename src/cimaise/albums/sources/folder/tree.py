"""The folders of pictures on disk: reached step by step, and never through a link.

Every function blocks. A folder is opened from its parent's descriptor, so nothing that is moved
or linked meanwhile can lead outside. What is not ours to show is passed over: hidden names, names
that are no UTF-8, links, pipes, and every file that is not called a picture.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from cimaise.albums.picture_types import media_type_of
from cimaise.errors import NotFound

SEPARATOR: Final = "~"
"""Between the folders of a nested album's name; a folder with it in its name is left out."""
MAX_DEPTH: Final = 8
_THUMB: Final = "-thumb"
_SOME: Final = 1000  # files whose names are in one text
_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: opening a pipe that somebody put there does not wait for a writer.
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_ABSENT: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO}
)


class FolderFile(NamedTuple):
    """A file as the folder lists it; bytes, and nanoseconds since 1970."""

    name: str
    mtime_ns: int
    size: int


class FolderPicture(NamedTuple):
    """A picture with the thumbnail that lies beside it, where one does."""

    file: FolderFile
    thumb: FolderFile | None = None


@dataclass(frozen=True)
class FolderContent:
    """What lies in a folder, by name.

    Attributes:
        files: Pictures and thumbnails.
        folders: Folders that may be albums or hold some.
        changed_ns: Last change of a file; of the folder itself where it has none.
        stamp: Digest of ``files``, the same in every process.
    """

    files: tuple[FolderFile, ...]
    folders: tuple[str, ...]
    changed_ns: int
    stamp: str

    @cached_property
    def pictures(self) -> tuple[FolderPicture, ...]:
        """The files without thumbnails, which are no pictures of their own."""
        return pair_thumbnails(self.files)


def is_visible(name: str) -> bool:
    """Can a file or folder of this name be shown? By the name alone."""
    if not name or name[0] == "." or "/" in name or "\0" in name:
        return False
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes on disk, or of a URL, that are no UTF-8
        return False
    return True


def album_parts(album: str) -> tuple[str, ...] | None:
    """The folders that lead to an album, outermost first; ``None``: no album is called so."""
    parts = tuple(album.split(SEPARATOR))
    return parts if len(parts) <= MAX_DEPTH and all(map(is_visible, parts)) else None


@contextmanager
def opened_folder(parent: int, name: str) -> Iterator[int]:
    """Descriptor of a folder in a folder. ``NotFound`` where it is none, or a link."""
    with _absences():
        descriptor = os.open(name, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_root(root: Path) -> Iterator[int]:
    """Descriptor of the folder of all albums, which may itself be a link of the operator's."""
    with _absences():
        descriptor = os.open(root, _FOLDER_FLAGS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def look_at_file(folder: int, name: str) -> os.stat_result:
    """Facts of a regular file, from its own descriptor. ``NotFound`` for anything else."""
    with _absences():
        descriptor = os.open(name, _FILE_FLAGS, dir_fd=folder)
    try:
        facts = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        raise NotFound("There is no such file.")
    return facts


def read_small_file(folder: int, name: str, max_bytes: int) -> bytes:
    """A regular file, whole. ``NotFound`` for anything else; ``ValueError`` when longer."""
    with _absences():
        descriptor = os.open(name, _FILE_FLAGS, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotFound("There is no such file.")
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"longer than {max_bytes} bytes")
    return content


def folder_names(folder: int) -> tuple[str, ...]:
    """Folders in an open folder that may be albums or hold some, by name; no file is looked at."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return tuple(sorted(name for name in names if is_visible(name) and SEPARATOR not in name))


def read_folder(folder: int) -> FolderContent:
    """What lies in an open folder."""
    files: list[FolderFile] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if not is_visible(name):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders += [name] if SEPARATOR not in name else []
            elif media_type_of(name) and entry.is_file(follow_symlinks=False):
                files += _facts_of(entry)
    files.sort()
    folders.sort()
    changed_ns = max((file.mtime_ns for file in files), default=os.fstat(folder).st_mtime_ns)
    return FolderContent(tuple(files), tuple(folders), changed_ns, _digest(files))


def _digest(files: Sequence[FolderFile]) -> str:
    digest, between = blake2b(digest_size=16), ""
    for start in range(0, len(files), _SOME):  # the text of 100,000 files would be 9 MB
        some = files[start : start + _SOME]
        told = "/".join([f"{name}/{mtime_ns}/{size}" for name, mtime_ns, size in some])
        digest.update((between + told).encode())
        between = "/"
    return digest.hexdigest()


def pair_thumbnails(files: Sequence[FolderFile]) -> tuple[FolderPicture, ...]:
    """Pictures with their thumbnails, in the order of ``files``.

    ``{stem}-thumb.{ext}`` is the thumbnail of every picture called ``{stem}``; of several, the
    one with the picture's own extension counts. Without such a picture it is one itself.
    """
    if not any(_THUMB in file.name for file in files):
        return tuple([FolderPicture(file) for file in files])
    stems = {_stem(file.name) for file in files}
    thumbs: dict[str, dict[str, FolderFile]] = {}
    for file in files:
        if _is_thumb(_stem(file.name), stems):
            of = _stem(file.name).removesuffix(_THUMB)
            thumbs.setdefault(of, {})[_extension(file.name)] = file
    return tuple(
        FolderPicture(file, _preferred(thumbs.get(_stem(file.name), {}), _extension(file.name)))
        for file in files
        if not _is_thumb(_stem(file.name), stems)
    )


def _is_thumb(stem: str, stems: set[str]) -> bool:
    of = stem.removesuffix(_THUMB)
    return of != stem and of in stems and not _is_thumb(of, stems)


def _preferred(thumbs: dict[str, FolderFile], extension: str) -> FolderFile | None:
    return thumbs.get(extension) or next(iter(thumbs.values()), None)


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _facts_of(entry: os.DirEntry[str]) -> list[FolderFile]:
    try:
        facts = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return []
    return [FolderFile(entry.name, facts.st_mtime_ns, facts.st_size)]


@contextmanager
def _absences() -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        if fault.errno in _ABSENT:
            raise NotFound("There is no such album or file.") from None
        raise

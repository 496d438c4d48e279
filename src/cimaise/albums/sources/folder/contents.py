"""What lies in folders, kept in memory for as long as it cannot have changed."""

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from cimaise.albums.sources.folder.tree import FolderContent, read_folder

_UNSURE_NS: Final = 2_000_000_000  # a folder changed so shortly before may change in the same tick
_TRUSTED_NS: Final = 10_000_000_000  # so long a file's change may stay unseen without a watch
_MOST_FILES: Final = 250_000


@dataclass(frozen=True, slots=True)
class _Kept:
    mtime_ns: int
    read_at_ns: int
    content: FolderContent
    is_sure: bool = True  # else it has to be looked at again; what was made of it may still hold


class FolderContents:
    """Contents by album; the least used ones leave when there are too many files.

    A folder's own time of change says when a name came, went or became another. A file that is
    written in place leaves it as it was: that is told by whoever watches the folder
    (:meth:`forget`), and where nobody does, what was read counts for ten seconds.
    """

    def __init__(self, clock_ns: Callable[[], int], most_files: int = _MOST_FILES) -> None:
        self._clock_ns = clock_ns
        self._most_files = most_files
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._files = 0
        self._watched: frozenset[str] = frozenset()
        self._forgotten = 0
        self._lock = Lock()

    def of(self, album: str, descriptor: int, *, fresh: bool = False) -> FolderContent:
        """What lies in the open folder of an album; ``fresh``: looked at anew. Blocks."""
        mtime_ns, now_ns = os.fstat(descriptor).st_mtime_ns, self._clock_ns()
        with self._lock:
            kept, forgotten = self._kept.get(album), self._forgotten
            if kept:
                self._kept.move_to_end(album)
            is_watched = album in self._watched
        is_recent = kept is not None and (is_watched or now_ns - kept.read_at_ns < _TRUSTED_NS)
        if kept and kept.is_sure and is_recent and not fresh and kept.mtime_ns == mtime_ns:
            return kept.content
        content = read_folder(descriptor)
        if kept and (kept.content.stamp, kept.content.folders) == (content.stamp, content.folders):
            content = kept.content  # what was made of it before still holds
        is_sure = is_watched or mtime_ns + _UNSURE_NS < now_ns
        with self._lock:
            is_sure = is_sure and forgotten == self._forgotten
            self._keep(album, _Kept(mtime_ns, now_ns, content, is_sure))
        return content

    def watch(self, albums: Iterable[str]) -> None:
        """From now on changes in the folders of these, and of no others, are told."""
        with self._lock:
            before, self._watched = self._watched, frozenset(albums)
            for album in self._watched - before:  # it may have changed before the watch began
                self._doubt(album)

    def forget(self, albums: Iterable[str]) -> None:
        """Something in the folders of these has changed."""
        with self._lock:
            self._forgotten += 1  # who reads just now must not keep what they read
            for album in albums:
                self._doubt(album)

    def _doubt(self, album: str) -> None:
        if album in self._kept:
            self._kept[album] = replace(self._kept[album], is_sure=False)

    def _keep(self, album: str, kept: _Kept) -> None:
        self._drop(album)
        self._kept[album] = kept
        self._files += len(kept.content.files)
        while self._files > self._most_files and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def _drop(self, album: str) -> None:
        kept = self._kept.pop(album, None)
        self._files -= len(kept.content.files) if kept else 0

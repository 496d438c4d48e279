"""Pictures of folders in order, and a page of them; sorted once for as long as nothing changes."""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cimaise.albums.dates import from_mtime
from cimaise.albums.folder_tree import FolderContent, FolderFile, FolderPicture
from cimaise.albums.model import Cursor, Sort

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MOST_KEPT: Final = 500_000  # pictures in all orders together

Key = Callable[[FolderPicture], int]


@dataclass(frozen=True, slots=True)
class Ordered:
    """Pictures in one order, with what each is ordered by; the name is the second key."""

    pictures: list[FolderPicture]
    sort: Sort
    descending: bool
    key: Key

    def cursor(self, picture: FolderPicture, page: int) -> Cursor:
        """Where the page behind a picture begins; ``page`` is that page's number."""
        return Cursor(self.sort, self.descending, self.key(picture), picture.file.name, page)

    def start_after(self, cursor: Cursor) -> int:
        """How many pictures come before the page that a cursor leads to."""
        return bisect_left(
            range(len(self.pictures)), 1, key=lambda at: self._is_after(self.pictures[at], cursor)
        )

    def _is_after(self, picture: FolderPicture, cursor: Cursor) -> int:
        name, key = picture.file.name, self.key(picture)
        if self.sort is Sort.NAME:
            return int(name < cursor.name if self.descending else name > cursor.name)
        if key != cursor.key:
            return int(key < cursor.key if self.descending else key > cursor.key)
        return int(name > cursor.name)


@dataclass(slots=True)
class _Kept:
    content: FolderContent
    unreadable: frozenset[FolderFile]
    pictures: list[FolderPicture]
    orders: dict[tuple[Sort, bool], Ordered] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """Pictures in all orders."""
        return len(self.pictures) * (1 + len(self.orders))


class FolderOrders:
    """Orders by album; valid for one content and what of it is known to be no picture."""

    def __init__(self, most_kept: int = _MOST_KEPT) -> None:
        self._most_kept = most_kept
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def pictures(
        self, album: str, content: FolderContent, unreadable: frozenset[FolderFile]
    ) -> list[FolderPicture]:
        """The pictures by name, without what is none. The caller must not change the list."""
        return self._of(album, content, unreadable).pictures

    def get(
        self,
        album: str,
        content: FolderContent,
        unreadable: frozenset[FolderFile],
        *,
        sort: Sort,
        descending: bool,
    ) -> Ordered | None:
        """An order that was made before, or can be made of the content alone."""
        kept = self._of(album, content, unreadable)
        found = kept.orders.get((sort, descending))
        if found is None and sort is Sort.NAME:
            found = self._add(kept, kept.pictures[:: -1 if descending else 1], sort, descending, _no_key)  # fmt: skip
        if found is None and sort is Sort.DATE:
            found = self._sorted(kept, kept.pictures, sort, descending, _date_key)
        return found

    def by_taken(
        self,
        album: str,
        content: FolderContent,
        unreadable: frozenset[FolderFile],
        taken: Mapping[str, datetime | None],
        *,
        descending: bool,
    ) -> Ordered:
        """By date taken, where ``taken`` says so by name; what is missing there is left out."""
        kept = self._of(album, content, unreadable)
        micros = {
            one.file.name: ((taken[one.file.name] or from_mtime(one.file.mtime_ns)) - _EPOCH)
            // _MICROSECOND
            for one in kept.pictures
            if one.file.name in taken
        }
        shown = [one for one in kept.pictures if one.file.name in micros]
        key: Key = lambda one: micros[one.file.name]  # noqa: E731
        if len(shown) < len(kept.pictures):  # some cannot be read now: the next time they may
            return Ordered(sorted(shown, key=key, reverse=descending), Sort.TAKEN, descending, key)
        return self._sorted(kept, shown, Sort.TAKEN, descending, key)

    def _of(self, album: str, content: FolderContent, unreadable: frozenset[FolderFile]) -> _Kept:
        kept = self._kept.get(album)
        if kept is None or kept.content is not content or kept.unreadable != unreadable:
            pictures = list(content.pictures)
            if unreadable:
                pictures = [one for one in pictures if one.file not in unreadable]
            kept = self._kept[album] = _Kept(content, unreadable, pictures)
        self._kept.move_to_end(album)
        while len(self._kept) > 1 and sum(one.weight for one in self._kept.values()) > self._most_kept:  # fmt: skip
            self._kept.popitem(last=False)
        return kept

    def _sorted(
        self, kept: _Kept, pictures: Sequence[FolderPicture], sort: Sort, descending: bool, key: Key
    ) -> Ordered:
        # Stable: pictures are in the order of their names, and equal keys keep it either way.
        in_order = sorted(pictures, key=key, reverse=descending)
        return self._add(kept, in_order, sort, descending, key)

    @staticmethod
    def _add(
        kept: _Kept, pictures: list[FolderPicture], sort: Sort, descending: bool, key: Key
    ) -> Ordered:
        made = Ordered(pictures, sort, descending, key)
        kept.orders[sort, descending] = made
        return made


def _no_key(_picture: FolderPicture) -> int:
    return 0


def _date_key(picture: FolderPicture) -> int:
    return picture.file.mtime_ns

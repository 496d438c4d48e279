"""Pictures of folders in order, and a page of them; sorted once for as long as nothing changes."""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cimaise.albums.model import Cursor, Sort
from cimaise.albums.sources.folder.tree import FolderContent, FolderFile, FolderPicture

_MOST_KEPT: Final = 500_000  # pictures in all orders together


@dataclass(frozen=True, slots=True)
class Ordered:
    """Pictures in one order; the name is the second key.

    Attributes:
        taken: In the order of dates taken those dates, microseconds since 1970, picture by
            picture; otherwise empty. A row of plain numbers: there may be 100,000.
    """

    pictures: Sequence[FolderPicture]
    sort: Sort
    descending: bool
    taken: Sequence[int] = ()

    def cursor(self, at: int, page: int) -> Cursor:
        """Where the page behind the picture at ``at`` begins; ``page`` is that page's number."""
        name = self.pictures[at].file.name
        return Cursor(self.sort, self.descending, self._key(at), name, page)

    def start_after(self, cursor: Cursor) -> int:
        """How many pictures come before the page that a cursor leads to."""
        return bisect_left(range(len(self.pictures)), 1, key=lambda at: self._is_after(at, cursor))

    def _key(self, at: int) -> int:
        if self.sort is Sort.NAME:
            return 0
        return self.taken[at] if self.sort is Sort.TAKEN else _date(self.pictures[at])

    def _is_after(self, at: int, cursor: Cursor) -> int:
        name, key = self.pictures[at].file.name, self._key(at)
        if self.sort is Sort.NAME:
            return int(name < cursor.name if self.descending else name > cursor.name)
        if key != cursor.key:
            return int(key < cursor.key if self.descending else key > cursor.key)
        return int(name > cursor.name)


@dataclass(slots=True)
class _Kept:
    content: FolderContent
    unreadable: frozenset[FolderFile]
    pictures: Sequence[FolderPicture]
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
    ) -> Sequence[FolderPicture]:
        """The pictures by name, without what is none."""
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
        if found is not None:
            return found
        if sort is Sort.NAME:
            found = Ordered(kept.pictures[::-1] if descending else kept.pictures, sort, descending)
        if sort is Sort.DATE:
            # Stable: pictures are in the order of their names, and equal dates keep it either way.
            found = Ordered(sorted(kept.pictures, key=_date, reverse=descending), sort, descending)
        return found and self._add(kept, found)

    def by_taken(
        self,
        album: str,
        content: FolderContent,
        unreadable: frozenset[FolderFile],
        taken: Sequence[int | None],
        *,
        descending: bool,
    ) -> Ordered:
        """By date taken.

        ``taken`` has it for each of :meth:`pictures`, in microseconds since 1970; what has none
        there cannot be read now and is left out.
        """
        kept = self._of(album, content, unreadable)
        known = [(at, micros) for at, micros in enumerate(taken) if micros is not None]
        known.sort(key=_micros, reverse=descending)  # stable, too
        made = Ordered(
            [kept.pictures[at] for at, _ in known],
            Sort.TAKEN,
            descending,
            array("q", [micros for _, micros in known]),
        )
        # where some are missing they may be read the next time
        return self._add(kept, made) if len(known) == len(kept.pictures) else made

    def _of(self, album: str, content: FolderContent, unreadable: frozenset[FolderFile]) -> _Kept:
        kept = self._kept.get(album)
        if kept is not None and kept.content is content and kept.unreadable == unreadable:
            self._kept.move_to_end(album)
            return kept
        pictures: Sequence[FolderPicture] = content.pictures
        if unreadable:
            pictures = [one for one in pictures if one.file not in unreadable]
        kept = self._kept[album] = _Kept(content, unreadable, pictures)
        self._kept.move_to_end(album)
        self._make_room()
        return kept

    def _add(self, kept: _Kept, made: Ordered) -> Ordered:
        kept.orders[made.sort, made.descending] = made
        self._make_room()
        return made

    def _make_room(self) -> None:
        while len(self._kept) > 1 and sum(one.weight for one in self._kept.values()) > self._most_kept:  # fmt: skip
            self._kept.popitem(last=False)


def _date(picture: FolderPicture) -> int:
    return picture.file.mtime_ns


def _micros(one: tuple[int, int]) -> int:
    return one[1]

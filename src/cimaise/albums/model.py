"""Albums and their pictures, as values. URLs are relative to the server's root."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from cimaise.access.policy import Visibility


class Sort(StrEnum):
    """What the pictures of an album are ordered by; the name is always the second key."""

    DATE = "date"  # last change of a folder's file, publication of a collection's
    NAME = "name"  # by code point
    TAKEN = "taken"  # when the camera says; where it says nothing, the date
    PLACED = "placed"  # by hand; the others behind. Folders have no such order: theirs instead


class Order(StrEnum):
    """Which way."""

    ASCENDING = "asc"
    DESCENDING = "desc"


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page begins: behind a picture, whatever was added or removed before it.

    Attributes:
        sort: What the pictures are ordered by.
        descending: Greatest first.
        key: What the last picture of the page before is ordered by; 0 where that is the name.
        name: Its name, the second key.
        page: Number of the page.
        id: Of a published file, the last key.
    """

    sort: Sort
    descending: bool
    key: int
    name: str
    page: int
    id: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pictures of an album.

    Attributes:
        page: From 1; not looked at where ``after`` is given.
        limit: Pictures a page, 1 to 100.
        sort: ``None``: the album's own way, by date where it has none.
        order: ``None``: names ascending, dates newest first.
        after: Where the page begins, in the cursor's own order; ``None``: by its number.
    """

    page: int = 1
    limit: int = 20
    sort: Sort | None = None
    order: Order | None = None
    after: Cursor | None = None

    @property
    def start(self) -> int:
        """How many come before the page."""
        return (self.page - 1) * self.limit

    def is_descending(self, sort: Sort) -> bool:
        """Greatest first, for what they are ordered by in the end."""
        if self.order is None:
            return sort not in (Sort.NAME, Sort.PLACED)
        return self.order is Order.DESCENDING


@dataclass(frozen=True, slots=True)
class Pagination:
    """Where a page lies in the whole.

    Attributes:
        page: From 1; may lie past the end.
        limit: Most entries a page.
        total: Entries in all.
        next: Where the next page begins, for sources that know; ``None`` at the end.
    """

    page: int
    limit: int
    total: int
    next: Cursor | None = None

    @property
    def total_pages(self) -> int:
        """Pages in all; 0 where there is nothing."""
        return -(-self.total // self.limit)

    @property
    def has_next(self) -> bool:
        """There are entries after this page."""
        return self.page < self.total_pages

    @property
    def has_previous(self) -> bool:
        """This is not the first page."""
        return self.page > 1


@dataclass(frozen=True, slots=True)
class AlbumSummary:
    """An album in the list.

    Attributes:
        name: One segment of a URL, not yet percent-encoded.
        title: For people.
        cover: URL of a small picture; ``None`` where there is none.
        count: Pictures in it.
        visibility: Who may see it.
        source: ``folder``, ``collection``, …
        changed_at: When something was last added.
    """

    name: str
    title: str
    cover: str | None
    count: int
    visibility: Visibility
    source: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class AlbumList:
    """A page of albums."""

    albums: tuple[AlbumSummary, ...]
    pagination: Pagination


@dataclass(frozen=True, slots=True)
class Rendition:
    """The picture at another width (pixels), for ``srcset``."""

    url: str
    width: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of an album. Sizes are pixels as shown, orientation applied.

    Attributes:
        name: The file's name.
        src: URL of the whole picture.
        thumb: URL of a small one, at most 500 wide or made by the album's owner.
        caption: What its owner says of it; empty for nothing.
        dated_at: What it is ordered by where nothing else is asked for.
        id: Of a published file; ``None`` in folders.
        placeholder: Thumbhash, base64.
        renditions: Narrower ones, ascending; empty where there are none.
        taken_at: When the camera says.
        rights: URI of a licence, or what the owner says in its place.
        attribution: Who has to be named beside it.
        source_url: The page that it comes from, on another server.
        download: URL of the file to keep; ``None`` where that is not offered.
        is_in_every_browser: ``src`` does in a page; else one of the renditions has to.
    """

    name: str
    src: str
    thumb: str
    caption: str
    dated_at: datetime
    width: int
    height: int
    thumb_width: int
    thumb_height: int
    id: str | None = None
    placeholder: str | None = None
    renditions: tuple[Rendition, ...] = ()
    taken_at: datetime | None = None
    rights: str | None = None
    attribution: str | None = None
    source_url: str | None = None
    download: str | None = None
    is_in_every_browser: bool = True

    @property
    def shown(self) -> Rendition:
        """The largest that a page can show."""
        if self.is_in_every_browser or not self.renditions:
            return Rendition(self.src, self.width)
        return self.renditions[-1]


@dataclass(frozen=True, slots=True)
class AlbumPage:
    """An album and some of its pictures.

    ``sort`` and ``descending`` are what was really used; ``has_places`` says that somebody has hung
    pictures by hand, so that :attr:`Sort.PLACED` is an order of its own.
    """

    name: str
    title: str
    visibility: Visibility
    source: str
    pictures: tuple[Picture, ...]
    pagination: Pagination
    sort: Sort
    descending: bool
    has_places: bool = False
    fault: str = ""  # what is wrong with its description, for whoever runs the server


@dataclass(frozen=True, slots=True)
class AlbumFile:
    """A file of a folder album, about to be sent.

    Attributes:
        path: Where it lies; has been opened and found to be a regular file, reached without
            following a link.
        size: Bytes.
        mtime_ns: Last change, nanoseconds since 1970.
        media_type: By its extension; always a picture's.
        etag: Strong, without quotation marks.
        public: The album is public, and may be kept by shared caches.
    """

    path: Path
    size: int
    mtime_ns: int
    media_type: str
    etag: str
    public: bool


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan of the folder albums found and did.

    Attributes:
        albums: Folders that are albums.
        pictures: Files that can be shown, thumbnails not counted.
        measured: Files whose header was read this time.
        unreadable: Files that are called pictures and are none, or cannot be read.
        forgotten: Rows of files that are gone.
    """

    albums: int = 0
    pictures: int = 0
    measured: int = 0
    unreadable: int = 0
    forgotten: int = 0


class PictureHeader(Protocol):
    """What has to be known of a picture file."""

    @property
    def width(self) -> int:
        """Pixels as shown."""
        ...

    @property
    def height(self) -> int:
        """Pixels as shown."""
        ...

    @property
    def taken_at(self) -> datetime | None:
        """When the camera says, aware."""
        ...

    @property
    def orientation(self) -> int:
        """EXIF's, 1 to 8; applied to width and height."""
        ...

    @property
    def latitude(self) -> float | None:
        """Degrees, north positive."""
        ...

    @property
    def longitude(self) -> float | None:
        """Degrees, east positive."""
        ...

"""The albums, and one album, for people."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.access.policy import Visibility
from cimaise.albums.addresses import gallery_url
from cimaise.albums.model import AlbumPage, Order, Pagination, Picture, Sort
from cimaise.albums.outlets.places import Places
from cimaise.albums.paging import parse_order, parse_page, parse_sort
from cimaise.archives.archive import MAX_FILES
from cimaise.errors import CimaiseError
from cimaise.library.model import Collection
from cimaise.web.call import Call
from cimaise.web.pages.page import page, shown
from cimaise.web.pages.tiles import SMALL_PX, Site, make_tile

ALBUMS_A_PAGE: Final = 24
PICTURES_A_PAGE: Final = 60
_SORTS: Final = (
    ("Newest", Sort.DATE, True),
    ("Oldest", Sort.DATE, False),
    ("Name", Sort.NAME, False),
    ("Date taken", Sort.TAKEN, True),
)
_AS_HUNG: Final = ("As hung", Sort.PLACED, False)


@dataclass(frozen=True, slots=True)
class _Link:
    text: str
    url: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Pager:
    """Links to the pages around one; empty texts where there is none."""

    page: int
    pages: int
    previous: str
    next: str
    first: str


@shown
async def index(call: Call) -> ASGIApp:
    """Every album that the caller may find."""
    number = parse_page(call.query("page"))
    listed = await call.services.catalogue.list_albums(
        call.principal, page=number, limit=ALBUMS_A_PAGE
    )
    site = site_of(call)
    cards = [
        {
            "url": gallery_url(album.name),
            "cover": site.near(album.cover, SMALL_PX) if album.cover else None,
            "album": album,
        }
        for album in listed.albums
    ]
    pager = pager_of("/", listed.pagination, {})
    return page(call, "index.html", cards=cards, pager=pager, pagination=listed.pagination)


@shown
async def gallery(call: Call) -> ASGIApp:
    """One album, page by page."""
    name = call.path("album")
    sort, order = parse_sort(call.query("sort")), parse_order(call.query("order"))
    number = parse_page(call.query("page"))
    album = await call.services.catalogue.open_album(
        call.principal, name, page=number, limit=PICTURES_A_PAGE, sort=sort, order=order
    )
    kept = {key: value for key in ("sort", "order") if (value := call.query(key)) is not None}
    held = await _collection(call, name) if album.source == "collection" else None
    is_managed = rights.may_manage(call.principal, held.facts) if held else False
    is_shareable = is_managed or (album.source == "folder" and call.principal.is_admin)
    return page(
        call,
        "gallery.html",
        headers={} if album.visibility is Visibility.PUBLIC else {"x-robots-tag": "noindex"},
        album=album,
        places=_places(call, album),
        tiles=[
            make_tile(one, album.title, site_of(call), links=_links_url(one, is_managed=is_managed))
            for one in album.pictures
        ],
        has_captions=any(picture.caption for picture in album.pictures),
        pager=pager_of(gallery_url(name), album.pagination, kept),
        sorts=_sort_links(album),
        upload_to=held if held and rights.may_contribute(call.principal, held.facts) else None,
        arrange=arrange_url(name) if is_managed else "",
        settings=settings_url(name) if is_managed else "",
        share=shares_url(name) if is_shareable else "",
        archive=_archive_url(album),
    )


def site_of(call: Call) -> Site:
    """How pages of this server write the addresses of pictures."""
    return Site(call.services.settings.base_path, call.services.images.policy.sign_own)


def _places(call: Call, album: AlbumPage) -> Places | None:
    """Where others find a public album; the rest is not told to anybody."""
    if album.visibility is not Visibility.PUBLIC:
        return None
    return Places(call.services.settings.public_url, album.name)


async def contributable(call: Call, name: str) -> Collection | None:
    """The collection of that name, if the caller may add to it; ``None`` for any reason."""
    found = await _collection(call, name)
    return found if found and rights.may_contribute(call.principal, found.facts) else None


async def _collection(call: Call, name: str) -> Collection | None:
    try:
        return await call.services.library.collections.find(call.principal, name)
    except CimaiseError:
        return None


def arrange_url(name: str) -> str:
    """Where a collection is hung by hand."""
    return f"{gallery_url(name)}/arrange"


def shares_url(name: str) -> str:
    """Where share links of an album are made."""
    return f"{gallery_url(name)}/shares"


def links_url(file_id: str) -> str:
    """Where signed links to a file are made."""
    return f"/me/files/{file_id}/links"


def _links_url(picture: Picture, *, is_managed: bool) -> str:
    return links_url(picture.id) if is_managed and picture.id else ""


def settings_url(name: str) -> str:
    """Where a collection is described, and opened to others."""
    return f"{gallery_url(name)}/settings"


def _archive_url(album: AlbumPage) -> str:
    """All its originals in one ZIP archive; empty where that cannot be had."""
    if album.source not in ("folder", "collection") or not 0 < album.pagination.total <= MAX_FILES:
        return ""
    return f"/api/albums/{quote(album.name, safe='')}/zip"


def _sort_links(album: AlbumPage) -> list[_Link]:
    base = gallery_url(album.name)
    return [
        _Link(
            text,
            f"{base}?{urlencode({'sort': sort, 'order': Order.DESCENDING if down else Order.ASCENDING})}",
            is_current=album.sort is sort and album.descending is down,
        )
        for text, sort, down in ((_AS_HUNG, *_SORTS) if album.has_places else _SORTS)
    ]


def pager_of(base: str, pagination: Pagination, kept: dict[str, str]) -> Pager:
    """Links from one page to those beside it; ``kept`` is what else is in their queries."""

    def url(number: int) -> str:
        query = urlencode(kept | ({"page": str(number)} if number > 1 else {}))
        return f"{base}?{query}" if query else base

    before = min(pagination.page - 1, pagination.total_pages)
    return Pager(
        page=pagination.page,
        pages=pagination.total_pages,
        previous=url(before) if pagination.has_previous and before else "",
        next=url(pagination.page + 1) if pagination.has_next else "",
        first=url(1),
    )

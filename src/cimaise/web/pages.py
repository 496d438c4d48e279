"""Pages for people: albums, a gallery, uploading, one's own account."""

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.access.policy import Visibility
from cimaise.albums.addresses import gallery_url
from cimaise.albums.model import AlbumPage, Order, Pagination, Sort
from cimaise.albums.paging import parse_order, parse_page, parse_sort
from cimaise.errors import CimaiseError
from cimaise.library.model import Collection
from cimaise.uploads.quota import QuotaState
from cimaise.uploads.session import UploadSession, shown_state
from cimaise.web.call import Call
from cimaise.web.page import page, shown
from cimaise.web.tiles import SMALL_PX, make_tile, near_url
from cimaise.web.token_access import right_of

ALBUMS_A_PAGE: Final = 24
PICTURES_A_PAGE: Final = 48
_UPLOADS_SHOWN: Final = 50
_DIGITS: Final = 7
_SORTS: Final = (
    ("Newest first", Sort.DATE, True),
    ("Oldest first", Sort.DATE, False),
    ("By name", Sort.NAME, False),
    ("By date taken", Sort.TAKEN, True),
)


@dataclass(frozen=True, slots=True)
class _Link:
    text: str
    url: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class _Pager:
    """Links to the pages around one; empty texts where there is none."""

    page: int
    pages: int
    previous: str
    next: str
    first: str


@dataclass(frozen=True, slots=True)
class _Bar:
    """A limit and what is used of it; ``limit`` is 0 where there is none."""

    name: str
    used: int
    limit: int
    in_bytes: bool


@shown
async def index(call: Call) -> ASGIApp:
    """Every album that the caller may find."""
    number = parse_page(call.query("page"))
    listed = await call.services.catalogue.list_albums(
        call.principal, page=number, limit=ALBUMS_A_PAGE
    )
    cards = [
        {
            "url": gallery_url(album.name),
            "cover": near_url(album.cover, SMALL_PX) if album.cover else None,
            "album": album,
        }
        for album in listed.albums
    ]
    pager = _pager("/", listed.pagination, {})
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
    return page(
        call,
        "gallery.html",
        headers={} if album.visibility is Visibility.PUBLIC else {"x-robots-tag": "noindex"},
        album=album,
        tiles=[make_tile(picture, album.title) for picture in album.pictures],
        has_captions=any(picture.caption for picture in album.pictures),
        pager=_pager(gallery_url(name), album.pagination, kept),
        sorts=_sort_links(album),
        upload_to=await _contributable(call, name) if album.source == "collection" else None,
    )


async def _contributable(call: Call, name: str) -> Collection | None:
    """The collection of that name, if the caller may add to it."""
    try:
        found = await call.services.collections.find(call.principal, name)
    except CimaiseError:
        return None
    return found if rights.may_contribute(call.principal, found.facts) else None


def _sort_links(album: AlbumPage) -> list[_Link]:
    base = gallery_url(album.name)
    return [
        _Link(
            text,
            f"{base}?{urlencode({'sort': sort, 'order': Order.DESCENDING if down else Order.ASCENDING})}",
            is_current=album.sort is sort and album.descending is down,
        )
        for text, sort, down in _SORTS
    ]


def _pager(base: str, pagination: Pagination, kept: dict[str, str]) -> _Pager:
    def url(number: int) -> str:
        query = urlencode(kept | ({"page": str(number)} if number > 1 else {}))
        return f"{base}?{query}" if query else base

    before = min(pagination.page - 1, pagination.total_pages)
    return _Pager(
        page=pagination.page,
        pages=pagination.total_pages,
        previous=url(before) if pagination.has_previous and before else "",
        next=url(pagination.page + 1) if pagination.has_next else "",
        first=url(1),
    )


@shown
async def upload_page(call: Call) -> ASGIApp:
    """Where files are chosen or dropped; and, after a plain form was sent, what became of them."""
    rights.require_account(call.principal)
    listed = await call.services.collections.list(call.principal)
    into = [one for one in listed if rights.may_contribute(call.principal, one.facts)]
    wanted = call.query("collection")
    if wanted and wanted not in {one.name for one in into}:
        unlisted = await _contributable(call, wanted)
        into += [unlisted] if unlisted else []
    return page(
        call,
        "upload.html",
        collections=into,
        wanted=wanted,
        done=_count_done(call.query("done")),
        public_url=call.services.settings.public_url,
    )


@shown
async def token_page(call: Call) -> ASGIApp:
    """Where somebody without an account, but with an upload token, chooses files."""
    right = await right_of(call)
    return page(
        call,
        "upload_by_token.html",
        title=right.collection,
        expires_at=right.token.expires_at,
        done=_count_done(call.query("done")),
    )


def _count_done(text: str | None) -> int:
    """How many files a plain form has brought; 0 for whatever is no such number."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < _DIGITS else 0


@shown
async def me(call: Call) -> ASGIApp:
    """The caller's account: points, quota, uploads, collections."""
    rights.require_account(call.principal)
    services, principal = call.services, call.principal
    account, quota, uploads, listed = await asyncio.gather(
        services.accounts.find(principal.account_id),
        services.quota_of(principal.account_id),
        services.direct.list(principal, state=None, before=None, limit=_UPLOADS_SHOWN),
        services.collections.list(principal),
    )
    return page(
        call,
        "me.html",
        account=account,
        quota=quota,
        bars=_bars(quota),
        uploads=[_upload_row(session) for session in uploads],
        collections=[one for one in listed if one.owner_id == principal.account_id],
    )


def _bars(quota: QuotaState) -> list[_Bar]:
    return [
        _Bar("Today", quota.daily_used, quota.daily_bytes, in_bytes=True),
        _Bar("Files today", quota.daily_files_used, quota.daily_files, in_bytes=False),
        _Bar("In all", quota.total_used, quota.total_bytes, in_bytes=True),
    ]


def _upload_row(session: UploadSession) -> dict[str, object]:
    size = session.size if session.size is not None else session.declared_size
    return {
        "filename": session.filename,
        "collection": session.collection_name,
        "size": size,
        "state": shown_state(session),
        "reason": session.reason,
        "created_at": session.created_at,
        "url": f"/files/{session.file_id}" if session.file_id else None,
    }

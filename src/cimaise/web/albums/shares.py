"""Share links as they are used, by whoever holds one."""

from functools import wraps
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from cimaise.access.links.shares import TICKET_TTL_S, Downloads, Share
from cimaise.albums.addresses import VariantSizes
from cimaise.albums.contract import album_json
from cimaise.albums.cursor import parse_cursor
from cimaise.albums.model import AlbumPage, Sort
from cimaise.albums.outlets import feeds
from cimaise.albums.outlets.places import Places
from cimaise.albums.paging import agreed_cursor, parse_limit, parse_order, parse_page, parse_sort
from cimaise.albums.sharing import share_url, shared_page
from cimaise.errors import CimaiseError, Forbidden, Invalid, NotSignedIn
from cimaise.images.spec import ImageSpec
from cimaise.library.serving import GUARDS
from cimaise.rfc.disposition import format_disposition
from cimaise.rfc.negotiation import prefers_html
from cimaise.rfc.selection import Representation, select
from cimaise.web.accounts.own import require_own_page
from cimaise.web.albums.share_links import marked_spec
from cimaise.web.albums.shared_archive import archive_reply, has_archive, left_out_of
from cimaise.web.albums.shared_files import SharedFile, clean_opener, find_shared
from cimaise.web.call import Call
from cimaise.web.pages.albums import pager_of, site_of
from cimaise.web.pages.forms import read_form
from cimaise.web.pages.page import PageHandler, headers_with, page, shown
from cimaise.web.pages.tiles import make_tile
from cimaise.web.replies.problems import status_of
from cimaise.web.replies.reply import BytesReply, json_reply, open_memory
from cimaise.web.replies.transfers import TransferReply, require_transfer

WEB_PX: Final = 2048
_SEE_OTHER: Final = 303
_COOKIE: Final = "cimaise_share"
# Kept by nobody else, and asked for again each time: what is taken back is gone at once.
_CACHE: Final = {"cache-control": "private, no-cache"}
_HEADERS: Final = {
    **_CACHE, **dict(GUARDS), "cross-origin-resource-policy": "same-origin",
    "x-robots-tag": "noindex",
}  # fmt: skip


@shown
async def show(call: Call) -> ASGIApp:
    """The shared album, for people; a form where it asks for a password."""
    try:
        share = await _share(call)
    except NotSignedIn as needed:
        if not prefers_html(call.header("accept")):
            raise
        return _ask(call, needed)
    album = await _page(call, share)
    await _count(call, share)
    return page(
        call,
        "shared.html",
        here=share_url(call.path("token")),
        headers={"x-robots-tag": "noindex"},
        album=album,
        tiles=[make_tile(one, album.title, site_of(call)) for one in album.pictures],
        has_captions=any(one.caption for one in album.pictures),
        pager=pager_of(share_url(call.path("token")), album.pagination, {}),
        archive=f"{share_url(call.path('token'))}/archive.zip" if has_archive(share) else "",
        cleans=call.services.settings.shares.clean_originals,
        one_by_one=share.downloads is not Downloads.NONE and not has_archive(share),
    )


@shown
async def unlock(call: Call) -> ASGIApp:
    """Take the password: a cookie for this share, and on to the album."""
    require_own_page(call)
    token, form = call.path("token"), await read_form(call)
    address = call.request.client.host if call.request.client else ""
    try:
        _, ticket = await call.services.access.shares.unlock(
            token, form.get("password", ""), address=address
        )
    except NotSignedIn as wrong:
        if not prefers_html(call.header("accept")):
            raise
        return _ask(call, wrong)
    reply: Response = RedirectResponse(share_url(token), _SEE_OTHER, {"cache-control": "no-store"})
    if ticket:
        is_safe = call.services.settings.public_url.startswith("https:")
        reply.set_cookie(
            _COOKIE, ticket, max_age=TICKET_TTL_S, path=call.at(share_url(token)), secure=is_safe,
            httponly=True, samesite="lax",
        )  # fmt: skip
    return reply


def for_visitors(handler: PageHandler) -> PageHandler:
    """A handler of what a share holds; who comes with a browser reads why there is nothing."""

    @wraps(handler)
    async def answered(call: Call) -> ASGIApp:
        try:
            return await handler(call)
        except NotSignedIn as needed:
            if not prefers_html(call.header("accept")):
                raise
            return _ask(call, needed)
        except Forbidden as refused:
            if not prefers_html(call.header("accept")):
                raise
            return await _refused(call, refused)

    return shown(answered)


async def _refused(call: Call, why: Forbidden) -> Response:
    share = await _share(call)
    return page(
        call,
        "shared_refused.html",
        status=status_of(why),
        headers={"x-robots-tag": "noindex"},
        message=why.message,
        one_by_one=share.downloads is not Downloads.NONE,
        here=share_url(call.path("token")),
    )


def _ask(call: Call, why: CimaiseError) -> Response:
    message = why.message if why.code == "bad_credentials" else ""
    action = share_url(call.path("token"))
    return page(
        call, "share_password.html", status=status_of(why), headers=headers_with(why), message=message,
        action=action,
    )  # fmt: skip


@for_visitors
async def album(call: Call) -> ASGIApp:
    """The shared album as JSON, in the form of any other."""
    share = await _share(call)
    found, base_url = await _page(call, share), call.services.settings.base_path
    await _count(call, share)
    return json_reply(album_json(found, base_url=base_url), headers=_HEADERS)


async def _count(call: Call, share: Share) -> None:
    """Its beginning was opened: who scrolls on does not open it again."""
    is_further = call.query("page") not in (None, "1") or call.query("cursor") is not None
    if call.request.method == "GET" and not is_further:
        await call.services.access.shares.count_opening(share)


@for_visitors
async def rss(call: Call) -> ASGIApp:
    """The newest pictures of the shared album as RSS; every address in it leads through the link."""
    found, places = await _fed(call)
    return _feed(feeds.rss(found, places), "application/rss+xml; charset=utf-8")


@for_visitors
async def json_feed(call: Call) -> ASGIApp:
    """The same as a JSON Feed."""
    found, places = await _fed(call)
    return _feed(msgspec.json.encode(feeds.json_feed(found, places)), "application/feed+json")


async def _fed(call: Call) -> tuple[AlbumPage, Places]:
    share, token = await _share(call), call.path("token")
    found = await call.services.catalogue.open_album(
        share.principal, share.album, limit=feeds.FEED_PICTURES, sort=Sort.DATE
    )
    pictures = shared_page(found, token, _sizes(call), downloads=False)
    return pictures, Places(call.services.settings.public_url, share.album, share_url(token))


def _feed(body: bytes, media_type: str) -> Response:
    return Response(body, headers=_HEADERS | {"content-type": media_type})


@for_visitors
async def picture(call: Call) -> ASGIApp:
    """A picture of the shared album at one of the widths that are offered, without metadata."""
    share = await _share(call)
    file = await find_shared(call, call.path("token"), share, call.path("picture"))
    spec = marked_spec(call, _width(call), share.watermark)
    return await _variant(call, file, spec, _HEADERS)


@for_visitors
async def download(call: Call) -> ASGIApp:
    """A picture to keep, as far as the share allows it."""
    share = await _share(call)
    if share.downloads is Downloads.NONE:
        raise Forbidden("These pictures are to be looked at only.")
    file = await find_shared(call, call.path("token"), share, call.path("picture"))
    # Whoever wants a mark on every picture does not mean to give away the unmarked ones.
    is_marked = share.downloads is Downloads.WEB or share.watermark is not None
    clean = None if is_marked else await clean_opener(call, file)
    if clean is None:
        spec = marked_spec(call, WEB_PX, share.watermark, format="jpeg", height=str(WEB_PX))
        name = f"{file.filename.rpartition('.')[0] or file.filename}.jpg"
        named = {"content-disposition": format_disposition(name, attachment=True)}
        return await _variant(call, file, spec, _HEADERS | named)
    opener, tail = clean
    what = Representation(file.size, file.etag + tail, file.media_type, file.modified_at)
    named = {"content-disposition": format_disposition(file.filename, attachment=True)}
    asking = await require_transfer(call)
    reply = BytesReply(what, select(what, call.wanted(), now=call.now), opener, _HEADERS | named)
    return TransferReply(reply, asking, call.services)


@for_visitors
async def archive(call: Call) -> ASGIApp:
    """The originals of the shared album as one file, where they may be kept.

    Those that cannot be cleaned of private metadata are left out, and named in a file of it.
    """
    return await archive_reply(call, call.path("token"), await _share(call), _CACHE)


@for_visitors
async def left_out(call: Call) -> ASGIApp:
    """What the archive leaves out, for people who want to know before they fetch it."""
    share, here = await _share(call), share_url(call.path("token"))
    held, files = await left_out_of(call, call.path("token"), share)
    album = await _page(call, share)
    return page(
        call,
        "shared_left_out.html",
        headers={"x-robots-tag": "noindex"},
        title=album.title,
        here=here,
        held=held,
        files=[
            (file.filename, f"{here}/downloads/{quote(n, safe='')}") for n, file in files.items()
        ],
    )


async def _share(call: Call) -> Share:
    return await call.services.access.shares.check(
        call.path("token"), call.request.cookies.get(_COOKIE)
    )


async def _page(call: Call, share: Share) -> AlbumPage:
    sort, order = parse_sort(call.query("sort")), parse_order(call.query("order"))
    found = await call.services.catalogue.open_album(
        share.principal,
        share.album,
        page=parse_page(call.query("page")),
        limit=parse_limit(call.query("limit") or "48"),
        sort=sort,
        order=order,
        after=agreed_cursor(parse_cursor(call.query("cursor")), sort, order),
    )
    is_kept = share.downloads is not Downloads.NONE
    return shared_page(found, call.path("token"), _sizes(call), downloads=is_kept)


def _sizes(call: Call) -> VariantSizes:
    return VariantSizes(call.services.settings.images.max_width)


def _width(call: Call) -> int:
    width = call.number("width", 0)
    if not 1 <= width <= call.services.settings.images.max_width:
        raise Invalid("width is one of those that the album offers.", field="width")
    return width


async def _variant(
    call: Call, file: SharedFile, spec: ImageSpec, headers: dict[str, str]
) -> ASGIApp:
    made = await call.services.images.variants.of_stored(
        file.version, file.source, spec, call.header("accept")
    )
    what = Representation(len(made.body), made.etag, made.media_type)
    wanted = select(what, call.wanted(), now=call.now)
    return BytesReply(what, wanted, open_memory(made.body), headers)

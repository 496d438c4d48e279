"""Albums as JSON, and the files of folder albums."""

from datetime import UTC, datetime

from starlette.types import ASGIApp

from cimaise.albums.contract import album_json, albums_json
from cimaise.albums.cursor import parse_cursor
from cimaise.albums.model import AlbumFile
from cimaise.albums.paging import agreed_cursor, parse_limit, parse_order, parse_page, parse_sort
from cimaise.library.serving import serving_headers
from cimaise.library.serving_types import served_type
from cimaise.rfc.selection import Representation, select
from cimaise.web.asgi.files_origin import GRANTEE, is_granted, sent_over
from cimaise.web.call import Call
from cimaise.web.replies.local_file import open_local_file
from cimaise.web.replies.reply import BytesReply, json_reply
from cimaise.web.replies.transfers import TransferReply, require_transfer

_NANO = 1_000_000_000


async def index(call: Call) -> ASGIApp:
    """Albums that the caller may find."""
    absolute = call.flag("absolute")
    page, limit = parse_page(call.query("page")), parse_limit(call.query("limit"))
    listed = await call.services.catalogue.list_albums(call.principal, page=page, limit=limit)
    base_url = call.services.settings.public_url if absolute else call.services.settings.base_path
    return json_reply(albums_json(listed, base_url=base_url))


async def show(call: Call) -> ASGIApp:
    """One page of an album."""
    absolute = call.flag("absolute")
    page, limit = parse_page(call.query("page")), parse_limit(call.query("limit"))
    sort, order = parse_sort(call.query("sort")), parse_order(call.query("order"))
    after = agreed_cursor(parse_cursor(call.query("cursor")), sort, order)
    album = await call.services.catalogue.open_album(
        call.principal, call.path("album"), page=page, limit=limit, sort=sort, order=order,
        after=after,
    )  # fmt: skip
    base_url = call.services.settings.public_url if absolute else call.services.settings.base_path
    return json_reply(album_json(album, base_url=base_url))


async def file(call: Call) -> ASGIApp:
    """A picture of a folder album, untouched."""
    album, name = call.path("album"), call.path("file")
    subject = f"album {album}/{name}"
    found = await call.services.catalogue.open_file(
        GRANTEE if is_granted(call, subject) else call.principal, album, name
    )
    away = sent_over(call, subject, is_public=found.public)
    return away or await _delivered(call, found)


async def _delivered(call: Call, found: AlbumFile) -> ASGIApp:
    asking = await require_transfer(call)
    modified_at = datetime.fromtimestamp(found.mtime_ns // _NANO, UTC)
    served = served_type(found.media_type)
    what = Representation(found.size, found.etag, served, modified_at, is_fixed=False)
    more = serving_headers(
        found.path.name,
        found.media_type,
        is_public=found.public,
        attachment=call.flag("download"),
    )
    selection = select(what, call.wanted(), now=call.now)
    reply = BytesReply(what, selection, open_local_file(found), dict(more))
    return TransferReply(reply, asking, call.services)

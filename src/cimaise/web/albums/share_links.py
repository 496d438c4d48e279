"""Share links as they are made, listed and taken back, by those who manage an album."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from starlette.types import ASGIApp

from cimaise.access.links.shares import Downloads, Share, Terms
from cimaise.albums.sharing import share_url
from cimaise.images.spec import ImageSpec, parse_spec
from cimaise.web.call import Call
from cimaise.web.replies.reply import empty_reply, json_reply
from cimaise.web.shapes.public import CreateShare, time_text

_SMALL_PX: Final = 16


async def create(call: Call) -> ASGIApp:
    """A link to an album, for whoever manages it."""
    body = await call.json(CreateShare)
    downloads = Downloads(body.downloads)
    terms = Terms(body.password, body.expires_in, downloads, body.watermark or None, body.name)
    share = await make_share(call, call.path("album"), terms)
    return json_reply(_share_json(call, share) | {"token": share.token}, status=201)


async def index(call: Call) -> ASGIApp:
    """Links to an album."""
    found = await list_shares(call, call.path("album"))
    return json_reply({"shares": [_share_json(call, share) for share in found]})


async def revoke(call: Call) -> ASGIApp:
    """Take a link back, at once."""
    await call.services.access.shares.revoke(call.principal, call.path("id"))
    return empty_reply()


async def make_share(call: Call, album: str, terms: Terms) -> Share:
    """What makes a link, wherever that was asked for; ``Invalid`` where a term is refused."""
    facts = await call.services.catalogue.facts(call.principal, album)
    marked_spec(call, _SMALL_PX, terms.watermark)  # Invalid where there is no such watermark
    share, _ = await call.services.access.shares.create(call.principal, album, facts, terms)
    return share


async def list_shares(call: Call, album: str) -> Sequence[Share]:
    """Those to an album, the newest first, for whoever manages it."""
    facts = await call.services.catalogue.facts(call.principal, album)
    return await call.services.access.shares.list(call.principal, album, facts)


def address_of(call: Call, share: Share) -> str:
    """What is sent to others; empty where it cannot be told any more."""
    return call.services.settings.public_url + share_url(share.token) if share.token else ""


def state_of(share: Share, now: datetime) -> str:
    """``open``; or ``expired``, or ``stopped`` with its maker's account: then it answers 410."""
    if share.expires_at is not None and share.expires_at <= now:
        return "expired"
    return "stopped" if share.is_stopped else "open"


def marked_spec(call: Call, width: int, watermark: str | None, **more: str) -> ImageSpec:
    """A picture of this width with the watermark of a share; ``Invalid`` where there is none."""
    wanted = {"width": str(width), **more} | ({"watermark": watermark} if watermark else {})
    return parse_spec(wanted, limits=call.services.images.spec_limits)


def _share_json(call: Call, share: Share) -> dict[str, Any]:
    return {
        "id": share.id,
        "album": share.album,
        "name": share.name,
        "state": state_of(share, call.now),
        "has_password": share.has_password,
        "downloads": share.downloads.value,
        "watermark": share.watermark,
        "uses": share.uses,
        "last_used_at": time_text(share.last_used_at),
        "created_at": time_text(share.created_at),
        "expires_at": time_text(share.expires_at),
        "url": address_of(call, share) or None,
    }

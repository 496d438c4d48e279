"""Albums for other programs: feeds, IIIF Presentation, oEmbed, embedding, sitemap, robots."""

from dataclasses import replace
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise.access.policy import GUEST, Principal, Visibility
from cimaise.albums.addresses import gallery_url
from cimaise.albums.model import AlbumPage, AlbumSummary, Pagination, Picture
from cimaise.albums.outlets import feeds, manifest, oembed, sitemap
from cimaise.albums.outlets.places import Places
from cimaise.albums.paging import MAX_LIMIT
from cimaise.errors import Invalid, Limit, NotFound, TooLarge
from cimaise.rfc.caching import CachePolicy, format_cache_control
from cimaise.web.assets import asset_url
from cimaise.web.call import Call
from cimaise.web.pages.albums import site_of
from cimaise.web.pages.page import page, shown
from cimaise.web.pages.tiles import make_tile

MOST_CANVASES: Final = 10_000
_MINUTES_S: Final = 300
_EMBEDDED: Final = 48
_FORMATS: Final = ("json", "xml")


async def rss(call: Call) -> ASGIApp:
    """The newest pictures of an album as RSS."""
    album = await _newest(call)
    body = feeds.rss(album, _places(call))
    return _reply(album, call.principal, body, "application/rss+xml; charset=utf-8")


async def json_feed(call: Call) -> ASGIApp:
    """The newest pictures of an album as a JSON Feed."""
    album = await _newest(call)
    body = msgspec.json.encode(feeds.json_feed(album, _places(call)))
    return _reply(album, call.principal, body, "application/feed+json")


async def presentation(call: Call) -> ASGIApp:
    """An album as a IIIF manifest."""
    album = await _whole(call)
    made = manifest.manifest(album, _places(call), _service)
    return _reply(album, call.principal, msgspec.json.encode(made), manifest.MEDIA_TYPE)


def _service(picture: Picture) -> str | None:
    """Where the Image API has a picture of ours; other servers' pictures have no place there."""
    if picture.source_url is not None:
        return None
    if picture.id is not None:
        return f"/iiif/3/{quote(picture.id, safe='')}"
    # a picture of a folder is called by its own path there
    return f"/iiif/3/{quote(picture.src.removeprefix('/'), safe='%').replace('/', '%2F')}"


async def embed_answer(call: Call) -> ASGIApp:
    """The oEmbed answer of a gallery's page."""
    form = call.query("format") or "json"
    if form not in _FORMATS:
        raise Invalid("format is json or xml.", field="format")
    base = call.services.settings.public_url
    name = oembed.album_of(call.query("url") or "", base)
    if name is None:
        raise NotFound("url is no gallery of ours.")
    width, height = oembed.fit(
        call.number("maxwidth", 0) or None, call.number("maxheight", 0) or None
    )
    album = await call.services.catalogue.open_album(GUEST, name, limit=1)
    answer = oembed.oembed(album, Places(base, name), width=width, height=height)
    if form == "xml":
        return _reply(album, GUEST, oembed.oembed_xml(answer), "text/xml; charset=utf-8")
    return _reply(album, GUEST, msgspec.json.encode(answer), "application/json")


@shown
async def embedded(call: Call) -> ASGIApp:
    """An album to be framed by pages of other sites: as anybody sees it, whoever has signed in."""
    name = call.path("album")
    album = await call.services.catalogue.open_album(GUEST, name, limit=_EMBEDDED)
    as_guest = replace(call, principal=GUEST)
    reply = page(
        as_guest,
        "embed.html",
        album=album,
        gallery=gallery_url(name),
        tiles=[make_tile(picture, album.title, site_of(call)) for picture in album.pictures],
    )
    del reply.headers["x-frame-options"]
    policy = reply.headers["content-security-policy"]
    reply.headers["content-security-policy"] = policy.replace(
        "frame-ancestors 'none'", "frame-ancestors *"
    )
    reply.headers["cross-origin-resource-policy"] = "cross-origin"
    reply.headers["cache-control"] = _cache(album, GUEST)
    return reply


async def element(call: Call) -> ASGIApp:
    """The module of the element ``<cimaise-gallery>``, at an address that stays."""
    url = asset_url("element.js")
    if url is None:
        raise NotFound("The browser's modules were not built.")
    return Response(
        f'export * from "{call.services.settings.public_url}{url}";\n',
        media_type="text/javascript",
        headers={
            "cache-control": f"public, max-age={_MINUTES_S}",
            "cross-origin-resource-policy": "cross-origin",
            "x-content-type-options": "nosniff",
        },
    )


async def site_map(call: Call) -> ASGIApp:
    """Every public album's page, where search engines may look."""
    if call.services.settings.pages.robots != "index":
        raise NotFound("Not found")
    albums: list[AlbumSummary] = []
    number, has_next = 1, True
    while has_next and len(albums) < sitemap.MOST_ALBUMS:
        listed = await call.services.catalogue.list_albums(GUEST, page=number, limit=MAX_LIMIT)
        albums += [one for one in listed.albums if one.visibility is Visibility.PUBLIC]
        number, has_next = number + 1, listed.pagination.has_next
    body = sitemap.sitemap(albums, call.services.settings.public_url)
    headers = {"cache-control": f"public, max-age={_MINUTES_S}"}
    return Response(body, media_type="application/xml", headers=headers)


async def robots_text(call: Call) -> ASGIApp:
    """What search engines may look at."""
    settings = call.services.settings
    body = sitemap.robots(settings.public_url, is_indexed=settings.pages.robots == "index")
    headers = {"cache-control": f"public, max-age={_MINUTES_S}"}
    return Response(body, media_type="text/plain; charset=utf-8", headers=headers)


async def _newest(call: Call) -> AlbumPage:
    return await call.services.catalogue.open_album(
        call.principal, call.path("album"), limit=feeds.FEED_PICTURES
    )


async def _whole(call: Call) -> AlbumPage:
    """All pictures of an album. ``TooLarge`` above the most that a viewer can take."""
    name, pictures = call.path("album"), list[Picture]()
    found = await call.services.catalogue.open_album(call.principal, name, limit=MAX_LIMIT)
    if found.pagination.total > MOST_CANVASES:
        limit = Limit("manifest.max_pictures", MOST_CANVASES, found.pagination.total)
        raise TooLarge("The album is too large for one manifest.", limit=limit)
    pictures += found.pictures
    while found.pagination.next is not None:
        found = await call.services.catalogue.open_album(
            call.principal, name, limit=MAX_LIMIT, after=found.pagination.next
        )
        pictures += found.pictures
    whole = Pagination(1, max(1, len(pictures)), len(pictures))
    return replace(found, pictures=tuple(pictures), pagination=whole)


def _places(call: Call) -> Places:
    return Places(call.services.settings.public_url, call.path("album"))


def _cache(album: AlbumPage, reader: Principal) -> str:
    """For everybody only what nobody has signed in for: others may see more of the same album."""
    is_public = album.visibility is Visibility.PUBLIC and reader.is_guest
    return format_cache_control(CachePolicy(public=is_public, max_age_s=_MINUTES_S * is_public))


def _reply(album: AlbumPage, reader: Principal, body: bytes, media_type: str) -> Response:
    headers = {"cache-control": _cache(album, reader), "x-content-type-options": "nosniff"}
    return Response(body, media_type=None, headers=headers | {"content-type": media_type})

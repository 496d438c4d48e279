"""The IIIF Image API: pictures of the library and of folder albums for viewers that zoom."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from cimaise.errors import Malformed, TypeNotAllowed
from cimaise.images.iiif import identifiers
from cimaise.images.iiif.description import Offer, context_uri, describe, profile_uri
from cimaise.images.iiif.dialect import OUR_FORMATS, Size, Version
from cimaise.images.iiif.identifiers import StoredPicture, decode_segment
from cimaise.images.iiif.pyramid import is_offered
from cimaise.images.iiif.request import ImageRequest, parse_request, resolve
from cimaise.images.keeping.entry import make_etag
from cimaise.images.lanes import SourceFacts
from cimaise.images.making import OpenSource
from cimaise.images.policy import Policy
from cimaise.images.spec import parse_spec
from cimaise.images.variants import stored_name
from cimaise.library.serving import audience_headers
from cimaise.originals import is_public
from cimaise.rfc.caching import CachePolicy, format_cache_control
from cimaise.rfc.negotiation import parse_accept, quality_of
from cimaise.rfc.selection import Representation, select
from cimaise.web.call import Call
from cimaise.web.images.policy import is_signed
from cimaise.web.images.variants import HotPlace, facts_of, local_source, source_of, variant_reply
from cimaise.web.replies.reply import BytesReply, empty_reply, open_memory

_PREFIX: Final = "/iiif/"
_HOUR_S: Final = 3600
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_JSON: Final = "application/json"
_JSON_LD: Final = "application/ld+json"


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture that may be seen."""

    size: Size
    source_id: str
    open: OpenSource
    policy: CachePolicy
    headers: Mapping[str, str]
    facts: SourceFacts
    is_hot: bool = False


def with_raw_segments(app: ASGIApp) -> ASGIApp:
    """Leave IIIF's addresses encoded: an identifier's ``%2F`` is no slash (Image API 3.0 §9).

    ASGI decodes ``path``; routes are then found in what the client really sent, and the handlers
    here decode each segment once.
    """

    async def kept(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_PREFIX):
            raw = scope.get("raw_path") or quote(scope["path"]).encode()
            scope = {**scope, "path": raw.decode("latin-1")}
        await app(scope, receive, send)

    return kept


async def base(call: Call) -> ASGIApp:
    """The address of the picture itself: where to read about it (3.0 §2.2)."""
    await _find(call)
    return empty_reply(303, {"location": f"{_base_uri(call)}/info.json"})


async def information(call: Call) -> ASGIApp:
    """``info.json``: the picture's size, and what may be asked of it."""
    picture, version, offer = await _find(call), _version(call), _offer(call)
    body = msgspec.json.encode(describe(version, _base_uri(call), picture.size, offer))
    media_type = _information_type(version, call.header("accept"))
    headers = dict(picture.headers) | {
        "cache-control": format_cache_control(picture.policy),
        "vary": "Accept",
        "link": _information_link(version, offer, media_type),
    }
    what = Representation(len(body), make_etag(body + media_type.encode()), media_type)
    return BytesReply(what, select(what, call.wanted(), now=call.now), open_memory(body), headers)


async def image(call: Call) -> ASGIApp:
    """A region of a picture, scaled, turned, in a quality and a format."""
    asked = parse_request(
        version=_version(call),
        region=_segment(call, "region"),
        size=_segment(call, "size"),
        rotation=_segment(call, "rotation"),
        quality=_segment(call, "quality"),
        format_=_segment(call, "format"),
    )
    changes = call.services.images.answers.changes
    picture, offer = await _find(call), _offer(call)
    wanted = resolve(asked, picture.size, offer.limit_px)
    _require_allowed(call, wanted, offer)
    spec = parse_spec(wanted.parameters(), limits=call.services.images.spec_limits)
    made = await call.services.images.variants.of_stored(
        picture.source_id, picture.open, spec, facts=picture.facts, wait=call.while_present
    )
    canonical = f'<{_base_uri(call)}/{wanted.canonical()}>;rel="canonical"'
    profile = f'<{profile_uri(wanted.version, offer)}>;rel="profile"'
    more = dict(picture.headers) | {"link": f"{profile}, {canonical}"}
    # prepared for others only under our own address: any client can name another in its Host
    is_hot = picture.is_hot and _origin(call) == call.services.settings.public_url
    hot = HotPlace(stored_name(picture.source_id), changes) if is_hot else None
    return variant_reply(call, made, picture.policy, more, hot)


def _require_allowed(call: Call, wanted: ImageRequest, offer: Offer) -> None:
    is_named = is_offered(wanted, offer.limit_px)
    call.services.images.policy.require(is_signed=is_signed(call), is_named=is_named)
    if OUR_FORMATS[wanted.format] not in offer.formats:
        raise Malformed("This format cannot be written here.", field="format")


async def _find(call: Call) -> _Picture:
    """The picture, under the rules of its original."""
    named = identifiers.parse_identifier(_segment(call, "id"))
    if isinstance(named, StoredPicture):
        return await _stored(call, named)
    file = await call.services.catalogue.open_file(call.principal, named.album, named.file)
    source_id, opened = f"{file.path} {file.etag}", local_source(file.path)
    header = await call.services.images.headers.read(source_id, opened)
    return _Picture(
        Size(header.width, header.height),
        source_id,
        opened,
        CachePolicy(public=file.public, max_age_s=_HOUR_S),
        dict(audience_headers(is_public=file.public)),
        SourceFacts(header.media_type, file.size, header.width * header.height * header.frames),
    )


async def _stored(call: Call, named: StoredPicture) -> _Picture:
    found = await call.services.delivery.originals.find(
        call.principal, named.file_id, link_token=call.query("link")
    )
    file = found.file
    if file.storage_key is None or not file.is_picture:
        raise TypeNotAllowed("This file is no picture.", code="not_an_image")
    open_to_all = is_public(file, by_link=found.by_link)
    opened = source_of(call, file)
    width, height = file.width, file.height
    if width is None or height is None:
        header = await call.services.images.headers.read(file.storage_key, opened)
        width, height = header.width, header.height
    return _Picture(
        Size(width, height),
        file.storage_key,
        opened,
        CachePolicy(public=open_to_all, max_age_s=_HOUR_S),
        dict(audience_headers(is_public=open_to_all)),
        facts_of(file),
        is_hot=open_to_all,
    )


def _offer(call: Call) -> Offer:
    limits = call.services.images.spec_limits
    is_free = call.services.images.policy.policy is Policy.OPEN
    return Offer(limits.max_width, limits.formats, is_free=is_free)


def _version(call: Call) -> Version:
    return Version(int(call.request.url.path.removeprefix(_PREFIX)[:1]))


def _segment(call: Call, name: str) -> str:
    return decode_segment(call.path(name))


def _base_uri(call: Call) -> str:
    """The picture's address as the client knows it: ``info.json`` names itself by it."""
    named = identifiers.parse_identifier(_segment(call, "id"))
    segment = identifiers.format_identifier(named)
    return f"{_origin(call)}{_PREFIX}{_version(call).value}/{segment}"


def _origin(call: Call) -> str:
    """The configured public address; without one, the host that was asked for."""
    host = call.header("host")
    if call.services.settings.server.public_url or not host or not _HOST.fullmatch(host):
        return call.services.settings.public_url
    return f"{call.request.url.scheme}://{host}"


def _information_type(version: Version, accept: str | None) -> str:
    """3.0 §5.1: JSON-LD unless plain JSON alone is taken; 2.1.1 §5: the other way round."""
    ranges = parse_accept(accept)
    linked, plain = quality_of(ranges, _JSON_LD), quality_of(ranges, _JSON)
    named = any(found.media_type == _JSON_LD for found in ranges)
    if version is Version.TWO:
        return _JSON_LD if named and linked >= plain and linked > 0 else _JSON
    if plain > linked:
        return _JSON
    return f'{_JSON_LD};profile="{context_uri(version)}"'


def _information_link(version: Version, offer: Offer, media_type: str) -> str:
    profile = f'<{profile_uri(version, offer)}>;rel="profile"'
    if media_type != _JSON:
        return profile
    relation = "http://www.w3.org/ns/json-ld#context"
    return f'{profile}, <{context_uri(version)}>;rel="{relation}";type="{_JSON_LD}"'

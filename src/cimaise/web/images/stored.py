"""Pictures at other sizes: remote ones, those of albums, and stored ones."""

from functools import partial
from typing import Any, Final

from starlette.types import ASGIApp

from cimaise.albums.addresses import parse_folder_file_url
from cimaise.albums.sources.folder.placeholders import BareFile, placeholder_of
from cimaise.errors import Invalid, TypeNotAllowed
from cimaise.images.decoders.base import ImageHeader
from cimaise.images.lanes import SourceFacts
from cimaise.images.policy import Policy
from cimaise.images.spec import ImageSpec, SpecLimits, parse_preset, parse_spec
from cimaise.images.variants import stored_name
from cimaise.library.serving import audience_headers
from cimaise.originals import Found, is_public
from cimaise.rfc.caching import CachePolicy
from cimaise.web.call import Call
from cimaise.web.images.policy import NO_PARAMETERS, is_signed, require_allowed
from cimaise.web.images.variants import (
    HotPlace,
    facts_of,
    local_source,
    own_until,
    source_of,
    variant_reply,
)
from cimaise.web.replies.reply import json_reply
from cimaise.web.replies.transfers import cache_headers

_YEAR_S: Final = 31_536_000
_WEEK_S: Final = 7 * 86_400
_HOUR_S: Final = 3600


async def resize(call: Call) -> ASGIApp:
    """A remote https picture, or one of an album's folder, at another size."""
    url = call.query("url")
    if not url:
        raise Invalid("url names the picture.", field="url")
    spec = _spec(call)
    if not url.startswith("/"):
        return await _resized_remote(call, url, spec)
    return await _resized_album_file(call, url, spec)


async def _resized_remote(call: Call, url: str, spec: ImageSpec) -> ASGIApp:
    require_allowed(call, is_remote=True)
    variants, changes = call.services.images.variants, call.services.images.answers.changes
    made = await variants.of_remote(url, spec, call.header("accept"), wait=call.while_present)
    policy = _remote_policy(call.services.settings.images.remote_ttl)
    return variant_reply(call, made, policy, hot=HotPlace(variants.remote_name(url), changes))


def _remote_policy(remote_ttl_s: float) -> CachePolicy:
    """A year; less where the operator wants changes of other servers' pictures to be seen soon."""
    if 0 < remote_ttl_s < _WEEK_S:
        return CachePolicy(public=True, max_age_s=max(1, int(remote_ttl_s)))
    return CachePolicy(public=True, max_age_s=_YEAR_S, immutable=True)


async def _resized_album_file(call: Call, url: str, spec: ImageSpec) -> ASGIApp:
    place = parse_folder_file_url(url.removeprefix(call.services.settings.base_path))
    if place is None:
        raise Invalid("url is https://… or /albums/…", field="url")
    file = await call.services.catalogue.open_file(call.principal, *place)
    source_id, opened = f"{file.path} {file.etag}", local_source(file.path)
    if call.services.images.policy.policy is not Policy.OPEN or is_signed(call):
        header = await call.services.images.headers.read(source_id, opened)
        require_allowed(call, own_width=header.width)
    variant = await call.services.images.variants.of_stored(
        source_id,
        opened,
        spec,
        call.header("accept"),
        facts=SourceFacts(file.media_type, file.size),
        wait=call.while_present,
    )
    policy = CachePolicy(public=file.public, max_age_s=_YEAR_S, immutable=True)
    return variant_reply(call, variant, policy)


async def variant(call: Call) -> ASGIApp:
    """A stored picture at another size, under the original's rules."""
    changes = call.services.images.answers.changes
    found = await _picture(call)
    require_allowed(call, own_width=found.file.width)
    return await _stored(call, found, _spec(call), changes=changes)


async def preset(call: Call) -> ASGIApp:
    """A stored picture at a named size."""
    changes = call.services.images.answers.changes
    found = await _picture(call)
    is_signed(call)  # a bad signature is refused here too, though none is needed
    spec = parse_preset(call.path("preset"), _parameters(call), limits=_limits(call))
    return await _stored(call, found, spec, changes=changes)


async def info(call: Call) -> ASGIApp:
    """What the file says of its picture."""
    file = (await _picture(call, counts=False)).file
    header = await call.services.images.headers.read(file.storage_key or "", source_of(call, file))
    return json_reply(_info_json(header, size=file.size, placeholder=file.placeholder or None))


async def album_info(call: Call) -> ASGIApp:
    """What a file of a folder album says of its picture."""
    album, name = call.path("album"), call.path("file")
    file = await call.services.catalogue.open_file(call.principal, album, name)
    header = await call.services.images.headers.read(
        f"{file.path} {file.etag}", local_source(file.path)
    )
    picture = BareFile(album, name, file.mtime_ns, file.size)
    known = await call.services.database.read(partial(placeholder_of, picture=picture))
    return json_reply(_info_json(header, size=file.size, placeholder=known))


def _info_json(header: ImageHeader, *, size: int, placeholder: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "width": header.width,
        "height": header.height,
        "format": header.format,
        "frames": header.frames,
        "orientation": header.orientation,
        "has_alpha": header.has_alpha,
        "size": size,
        "placeholder": placeholder,
    }
    return facts | ({"exif": dict(header.exif)} if header.exif else {})


async def _picture(call: Call, *, counts: bool = True) -> Found:
    """The record, if it may be seen and is a picture; and what allowed it.

    ``counts``: what is given is a use of the link.
    """
    found = await call.services.delivery.originals.find(
        call.principal, call.path("id"), link_token=call.query("link")
    )
    if found.file.storage_key is None or not found.file.is_picture:
        raise TypeNotAllowed("This file is no picture.", code="not_an_image")
    if counts and found.link is not None and call.request.method != "HEAD":
        await call.services.access.links.use(found.link)
    return found


async def _stored(call: Call, found: Found, spec: ImageSpec, *, changes: int) -> ASGIApp:
    file = found.file
    assert file.storage_key is not None
    made = await call.services.images.variants.of_stored(
        file.storage_key,
        source_of(call, file),
        spec,
        call.header("accept"),
        facts=facts_of(file),
        wait=call.while_present,
    )
    open_to_all = is_public(file, by_link=found.by_link)
    policy = CachePolicy(public=open_to_all, max_age_s=_HOUR_S)
    more = dict(audience_headers(is_public=open_to_all))
    more |= dict(cache_headers(call, file, is_public=open_to_all))
    place = HotPlace(stored_name(file.storage_key), changes, own_until(call, found.link))
    return variant_reply(call, made, policy, more, place)


def _parameters(call: Call) -> dict[str, str]:
    query = call.request.query_params
    repeated = [name for name in query if len(query.getlist(name)) > 1]
    if repeated:
        raise Invalid(f"{repeated[0][:40]} is given twice.", field=repeated[0][:40])
    return {name: text for name, text in query.items() if name not in NO_PARAMETERS}


def _limits(call: Call) -> SpecLimits:
    return call.services.images.spec_limits


def _spec(call: Call) -> ImageSpec:
    return parse_spec(_parameters(call), limits=_limits(call))

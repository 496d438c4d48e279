"""Pictures that have been made, as answers; and where they are made from."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from cimaise.access.links.links import Link
from cimaise.access.policy import GUEST, NEVER
from cimaise.image_urls import EXPIRES
from cimaise.images.lanes import SourceFacts
from cimaise.images.making import OpenSource
from cimaise.images.stored import stored_source
from cimaise.images.variants import Variant
from cimaise.library.model import File
from cimaise.rfc.caching import CachePolicy, format_cache_control
from cimaise.rfc.selection import NOT_MODIFIED, OK, Representation, select
from cimaise.web.asgi.mounting import ARRIVED
from cimaise.web.call import Call
from cimaise.web.images.policy import within_signature
from cimaise.web.replies.reply import BytesReply, open_memory

_SAFE: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "cross-origin",
}
_LAST_SECOND: Final = int(NEVER.timestamp())
_OF_ONE_CLIENT: Final = b"ratelimit"
"""What is left to whoever asked first is nobody else's business."""


@dataclass(frozen=True, slots=True)
class HotPlace:
    """Where an answer that everybody may see is prepared for the next ones who ask.

    Attributes:
        source: Of the picture, as variants know it.
        changes: ``answers.changes`` as it was before anybody looked who may see the picture.
        own_until: When the right ends that allowed it to whoever asks; ``None``: nobody knows,
            or each use of it counts.
    """

    source: str
    changes: int
    own_until: datetime | None = None


def variant_reply(
    call: Call,
    made: Variant,
    policy: CachePolicy,
    more: Mapping[str, str] | None = None,
    hot: HotPlace | None = None,
) -> ASGIApp:
    """A finished picture as an answer: conditions and ranges, and what keeps browsers safe.

    Args:
        call: The request.
        made: The picture.
        policy: What caches may do; nothing is prepared for others unless it is public.
        more: Further headers.
        hot: Where the answer is prepared for the next ones.
    """
    what = Representation(len(made.body), made.etag, made.media_type)
    policy = within_signature(call, policy)
    headers = _SAFE | {"cache-control": format_cache_control(policy)} | dict(more or {})
    if made.varies_by_accept:
        headers["vary"] = "Accept"
    selection = select(what, call.wanted(), now=call.now)
    reply = BytesReply(what, selection, open_memory(made.body), headers)
    if hot is not None and selection.status in (OK, NOT_MODIFIED):
        reply.left = lambda: _prepare(call, reply, made, hot, for_all=policy.public)
    return reply


def _prepare(
    call: Call, reply: BytesReply, made: Variant, place: HotPlace, *, for_all: bool
) -> None:
    """Called when the answer has left, for only then its headers are final.

    Whoever has the picture already, or wants its head alone, prepares the same 200 as everybody:
    a browser asks in no other way for what it has kept.
    """
    scope = call.request.scope[ARRIVED]  # as it will come again
    raw_path, query = scope.get("raw_path"), scope["query_string"]
    if raw_path is None or "x-forwarded-host" in call.request.headers:
        return
    target = raw_path + b"?" + query if query else raw_path
    headers = without_rates(reply.headers_of_all)
    route = call.request.scope["state"]["route"]
    accepts = [value for name, value in scope["headers"] if name == b"accept"]
    is_kept = len(accepts) <= 1 or not made.varies_by_accept
    if for_all and is_kept and call.query(EXPIRES) is None:
        call.services.images.answers.put(
            target,
            place.source,
            headers,
            made.body,
            route=route,
            changes=place.changes,
            accept=b"".join(accepts) if made.varies_by_accept else None,
        )
    key = call.services.images.own_answers.key_of(target, scope["headers"])
    if key is not None and place.own_until is not None:
        call.services.images.own_answers.put(
            key,
            headers,
            made.body,
            route=route,
            account_id=call.principal.account_id,
            lasts_s=(place.own_until - call.now).total_seconds(),
            changes=call.changes,
        )


def without_rates(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """What may be said to others as well."""
    return [pair for pair in headers if not pair[0].startswith(_OF_ONE_CLIENT)]


def own_until(call: Call, link: Link | None) -> datetime | None:
    """When the first ends of what the request came with; ``None`` where nobody knows.

    Args:
        call: The request.
        link: That came with it and was checked.
    """
    if link is not None and link.max_uses is not None:
        return None  # each answer is a use
    ends = [NEVER if call.principal == GUEST else call.principal.lasts_until]
    if link is not None:
        ends.append(link.expires_at)
    signed_until = call.query(EXPIRES)
    if signed_until is not None:  # a number: the signature was checked
        ends.append(datetime.fromtimestamp(min(int(signed_until), _LAST_SECOND), UTC))
    known = [end for end in ends if end is not None]
    return min(known) if len(known) == len(ends) else None


def source_of(call: Call, file: File) -> OpenSource:
    """An opener of a published picture's bytes."""
    assert file.storage_key is not None
    return stored_source(
        call.services.storage,
        file.storage_key,
        max_bytes=call.services.settings.images.max_source_bytes,
        folder=call.services.settings.data.dir.absolute() / "cache" / "fetched",
    )


def facts_of(file: File) -> SourceFacts:
    """What is known of a published picture without opening it."""
    sides = (file.width or 0) * (file.height or 0) * (file.frames or 1)
    return SourceFacts(file.content_type, file.size, sides or None)


def local_source(path: Path) -> OpenSource:
    """An opener of a file of this machine."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[bytes | Path]:
        yield path

    return opened

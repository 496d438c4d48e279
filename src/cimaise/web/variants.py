"""Pictures that have been made, as answers; and where they are made from."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from cimaise.images.lanes import SourceFacts
from cimaise.images.making import OpenSource
from cimaise.images.stored import stored_source
from cimaise.images.variants import Variant
from cimaise.library.model import File
from cimaise.rfc.caching import CachePolicy, format_cache_control
from cimaise.rfc.selection import OK, Representation, select
from cimaise.web.call import Call
from cimaise.web.image_policy import within_signature
from cimaise.web.mounting import ARRIVED
from cimaise.web.reply import BytesReply, open_memory

_SAFE: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "cross-origin",
}
_OF_ONE_CLIENT: Final = b"ratelimit"
"""What is left to whoever asked first is nobody else's business."""


@dataclass(frozen=True, slots=True)
class HotPlace:
    """Where an answer that everybody may see is prepared for the next ones who ask.

    Attributes:
        source: Of the picture, as variants know it.
        changes: ``answers.changes`` as it was before anybody looked who may see the picture.
    """

    source: str
    changes: int


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
    is_same_for_all = policy.public and not made.varies_by_accept
    if hot is not None and is_same_for_all and selection.status == OK:
        reply.done = lambda: _prepare(call, reply, made.body, hot)
    return reply


def _prepare(call: Call, reply: BytesReply, body: bytes, place: HotPlace) -> None:
    """Called when the answer has left, for only then its headers are final."""
    scope = call.request.scope[ARRIVED]  # as it will come again
    raw_path, query = scope.get("raw_path"), scope["query_string"]
    if raw_path is None or b"expires=" in query or "x-forwarded-host" in call.request.headers:
        return
    target = raw_path + b"?" + query if query else raw_path
    headers = [pair for pair in reply.headers.raw if not pair[0].startswith(_OF_ONE_CLIENT)]
    call.services.answers.put(
        target,
        place.source,
        headers,
        body,
        route=call.request.scope["state"]["route"],
        changes=place.changes,
    )


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

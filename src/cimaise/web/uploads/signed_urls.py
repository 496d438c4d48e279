"""The other end of local storage's signed URLs: the behaviour of S3, on a route of ours.

A URL is good for one verb, one key, one length (exact, or the greatest where none is known). Anything else is refused before a byte is
read, and what breaks off in the middle leaves nothing.
"""

from sqlalchemy import Connection
from starlette.types import ASGIApp

from cimaise.errors import Forbidden, Gone, LengthRequired, Limit, NotFound, TooLarge
from cimaise.library.discarded import is_discarded
from cimaise.library.serving import signed_headers
from cimaise.library.serving_types import served_type
from cimaise.rfc.selection import Representation, select
from cimaise.storage.base import Grant, SignedDoor
from cimaise.uploads.living import account_of_key
from cimaise.web.call import Call
from cimaise.web.replies.problems import problem_reply
from cimaise.web.replies.reply import BytesReply, empty_reply

_TYPE = "application/octet-stream"
_S3_EXPIRED = {"message": "<Message>Request has expired</Message>"}


async def put(call: Call) -> ASGIApp:
    """Store an object or a part: 200 with its ``ETag``."""
    try:
        grant = _grant(call)
    except Forbidden as refusal:
        # Uppy looks for S3's words, and then fetches a fresh URL by itself
        more = _S3_EXPIRED if refusal.code == "expired_signature" else {}
        return problem_reply(refusal, call.request_id, more)
    if grant.verb not in ("put", "part"):
        raise Forbidden("The signed URL is for reading.", code="bad_signature")
    size = _checked_length(call, grant)
    _check_type(call, grant)
    storage = call.services.storage
    await _require_known(call, grant)
    if grant.verb == "put":
        info = await storage.write(
            grant.key, call.chunks(), content_type=grant.content_type or _TYPE, size=size
        )
        return _stored(info.etag)
    assert storage.multipart is not None
    assert grant.upload_id is not None
    assert grant.part_number is not None
    if grant.session_id is not None:
        await call.services.uploads.companion.expect_part(grant.session_id, grant.part_number, size)
    part = await storage.multipart.write(
        grant.key, grant.upload_id, grant.part_number, call.chunks(), size=size
    )
    return _stored(part.etag)


async def get(call: Call) -> ASGIApp:
    """Read an object, with the type and name that were signed, behind the fences of every file."""
    grant = _grant(call)
    if grant.verb != "get":
        raise Forbidden("The signed URL is for writing.", code="bad_signature")
    storage = call.services.storage
    info = await storage.stat(grant.key)
    kind = grant.content_type or _TYPE
    what = Representation(info.size, info.etag, served_type(kind), info.modified_at)
    more = dict(signed_headers(kind, grant.content_disposition))
    return BytesReply(
        what,
        select(what, call.wanted(), now=call.now),
        lambda start, stop: storage.open(grant.key, start=start, stop=stop, if_etag=info.etag),
        more,
    )


def _grant(call: Call) -> Grant:
    door: SignedDoor | None = call.services.storage.signed_door
    if door is None:
        raise NotFound("Not found")
    return door.open_grant(call.path("token"), call.now)


async def _require_known(call: Call, grant: Grant) -> None:
    """Note whose upload it is. ``Gone`` where a whole object would come after the upload's end."""

    def look(connection: Connection) -> tuple[str, bool]:
        account_id = account_of_key(connection, grant.key)
        return account_id, grant.verb == "put" and is_discarded(connection, grant.key)

    account_id, has_ended = await call.services.database.read(look)
    call.count_for(account_id)
    if has_ended:  # what came now would be charged to nobody
        raise Gone("The upload has ended: begin another.")


def _checked_length(call: Call, grant: Grant) -> int:
    size = call.content_length
    if size is None:
        raise LengthRequired("The request must say its length.")
    if grant.size is None and grant.session_id is not None:
        return size  # the session knows how much it has room for
    if grant.size is None and grant.max_bytes is not None:
        if size > grant.max_bytes:
            limit = Limit("max_bytes", grant.max_bytes, size)
            raise TooLarge("The part is too long.", limit=limit)
        return size
    if size != grant.size:
        raise Forbidden(
            f"The URL is signed for {grant.size} bytes, and the request has {size}.",
            code="size_mismatch",
            limit=None if grant.size is None else Limit("signed_bytes", grant.size, size),
        )
    return size


def _check_type(call: Call, grant: Grant) -> None:
    sent = call.request.headers.get("content-type")
    if grant.content_type is not None and sent is not None and sent != grant.content_type:
        raise Forbidden(
            f"The URL is signed for the type {grant.content_type}, and the request has another.",
            code="type_mismatch",
        )


def _stored(etag: str) -> ASGIApp:
    return empty_reply(200, {"etag": f'"{etag}"'})

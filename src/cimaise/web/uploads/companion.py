"""What ``@uppy/aws-s3`` asks of a Companion, at ``/companion`` and at ``/companion/{token}``.

The names in the bodies and answers (``uploadId``, ``PartNumber``) are Uppy's. Refusals carry the
sentence in ``message`` as well, because that is what Uppy before 6 shows to people.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cimaise.errors import CimaiseError, Forbidden, Invalid, NotFound, TypeNotAllowed
from cimaise.storage.base import PartInfo
from cimaise.uploads.doors.companion import Wish
from cimaise.uploads.doors.companion_form import Posted
from cimaise.uploads.plan import MAX_PARTS
from cimaise.uploads.session import UploadSession
from cimaise.web.call import Call
from cimaise.web.replies.problems import problem_reply, status_of
from cimaise.web.replies.reply import NO_STORE, json_reply
from cimaise.web.shapes.public import CompanionComplete, CompanionCreate
from cimaise.web.uploads.token_access import only_collection, principal_of

_SERVER_FAULT: Final = 500
_SLASHES: Final = re.compile(r"(/companion(?:/[^/]+)?)//+(s3/)")
_MAX_DIGITS: Final = 18


def retell(error: CimaiseError, request_id: str) -> Response:
    """The refusal, with its sentence where Uppy looks for it."""
    more = {} if status_of(error) >= _SERVER_FAULT else {"message": error.message}
    return problem_reply(error, request_id, more)


async def params(call: Call) -> ASGIApp:
    """The form for a file in one request."""
    principal, collection = await principal_of(call)
    metadata = {
        name.removeprefix("metadata[").removesuffix("]"): value
        for name, value in call.request.query_params.items()
        if name.startswith("metadata[")
    }
    wish = _wish(collection, call.query("filename"), call.query("type"), metadata)
    offer = await call.services.uploads.single_forms.offer(principal, wish)
    base_url = call.services.settings.public_url
    return json_reply(
        {
            "method": "POST",
            "url": f"{base_url}/files",
            "fields": offer.fields,
            "expires": offer.expires_in_s,
        }
    )


async def create(call: Call) -> ASGIApp:
    """Begin an upload in parts."""
    principal, collection = await principal_of(call)
    body = await call.json(CompanionCreate)
    wish = _wish(collection, body.filename, body.type, body.metadata or {})
    session = await call.services.uploads.companion.create(principal, wish)
    return json_reply({"key": session.id, "uploadId": session.id})


def _wish(
    collection: str | None, filename: str | None, content_type: str | None, told: Mapping[str, Any]
) -> Wish:
    """What is wanted. ``null`` comes as a word, also as a size.

    Args:
        collection: The upload token's, where there is one.
        filename: As told.
        content_type: As told.
        told: The file's metadata in the page.
    """
    named = told.get("collection")
    name = only_collection(collection, named if isinstance(named, str) else None)
    if not name:
        raise Invalid("Say in meta.collection where the file goes.", field="metadata[collection]")
    size = str(told.get("size", ""))
    is_number = size.isascii() and size.isdigit() and len(size) <= _MAX_DIGITS
    return Wish(name, filename or "", content_type, int(size) if is_number else None)


async def sign(call: Call) -> ASGIApp:
    """A URL for one part."""
    principal, _ = await principal_of(call)
    number = _number(call.path("part"))
    signed = await call.services.uploads.companion.sign(principal, _upload_id(call), [number])
    return json_reply({"url": signed.urls[number], "expires": signed.expires_in_s})


async def sign_many(call: Call) -> ASGIApp:
    """URLs for several parts; for Uppy before 3.3."""
    principal, _ = await principal_of(call)
    texts = (call.query("partNumbers") or "").split(",")
    if len(texts) > MAX_PARTS:
        raise Invalid(f"Ask for at most {MAX_PARTS} parts.", field="partNumbers")
    numbers = list(dict.fromkeys(_number(text) for text in texts))
    signed = await call.services.uploads.companion.sign(principal, _upload_id(call), numbers)
    return json_reply({"presignedUrls": {str(number): signed.urls[number] for number in numbers}})


async def parts(call: Call) -> ASGIApp:
    """Parts that need not be sent again."""
    principal, _ = await principal_of(call)
    stored = await call.services.uploads.companion.parts(principal, _upload_id(call))
    return json_reply([_part_json(part) for part in stored])


async def complete(call: Call) -> ASGIApp:
    """Join, verify, settle and, by policy, publish."""
    principal, _ = await principal_of(call)
    upload_id = _upload_id(call)
    body = await call.json(CompanionComplete)
    claimed = {part.PartNumber: (part.ETag or part.etag or "").strip('"') for part in body.parts}
    if len(claimed) != len(body.parts):
        raise Invalid("A part is listed twice.", field="parts")
    session = await call.services.uploads.companion.complete(principal, upload_id, claimed)
    base_url = call.services.settings.public_url
    return json_reply({"location": _location(base_url, session), "key": session.id})


async def abort(call: Call) -> ASGIApp:
    """End an upload, if it can be ended; Uppy 5 asks for it after any failure."""
    principal, _ = await principal_of(call)
    await call.services.uploads.companion.abort(principal, _upload_id(call))
    return json_reply({})


async def credentials(call: Call) -> ASGIApp:
    """The storage's keys stay here."""
    await principal_of(call)
    raise Forbidden("There are no temporary credentials: leave getTemporarySecurityCredentials off.")  # fmt: skip


async def post_object(call: Call) -> ASGIApp:
    """Take a signed form; answers as S3's POST Object does with status 201."""
    content_type = call.header("content-type") or ""
    if not content_type.lower().startswith("multipart/form-data"):
        raise TypeNotAllowed("Send multipart/form-data.", code="wrong_encoding")
    posted = await call.services.uploads.single_forms.take(call.chunks(), content_type)
    location = _location_of_form(call.services.settings.public_url, posted)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>'
        f"<Location>{escape(location)}</Location><Bucket>files</Bucket>"
        f"<Key>{escape(posted.key)}</Key><ETag>{escape(_quoted(posted.etag))}</ETag></PostResponse>"
    )
    headers = NO_STORE | {"location": location, "etag": _quoted(posted.etag)}
    return Response(body, 201, headers, "application/xml")


def _location_of_form(base_url: str, posted: Posted) -> str:
    if posted.upload_id is not None:
        return f"{base_url}/api/uploads/{posted.upload_id}"
    return f"{base_url}/files/{posted.key}"


def _location(base_url: str, session: UploadSession) -> str:
    if session.file_id is None:
        return f"{base_url}/api/uploads/{session.id}"
    return f"{base_url}/files/{session.file_id}"


def _upload_id(call: Call) -> str:
    """Of the path; ``NotFound`` where the key in the query is another upload's."""
    upload_id = call.path("id")
    if call.query("key") not in (None, upload_id):
        raise NotFound("There is no such upload.")
    return upload_id


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise Invalid("A part's number is a whole number.", field="partNumber")
    return int(text)


def _part_json(part: PartInfo) -> dict[str, Any]:
    return {"PartNumber": part.part_number, "ETag": _quoted(part.etag), "Size": part.size}


def _quoted(etag: str) -> str:
    return f'"{etag}"'


def with_one_slash(app: ASGIApp) -> ASGIApp:
    """An endpoint that was set with a slash at its end: Uppy 6 adds ``/s3`` to it as it is."""

    async def mended(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/companion"):
            path = _SLASHES.sub(r"\1/\2", scope["path"], count=1)
            scope = {**scope, "path": path}
        await app(scope, receive, send)

    return mended

"""tus 1.0.0 (https://tus.io/protocols/resumable-upload) over HTTP: headers in, headers out."""

from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise.access import policy
from cimaise.errors import (
    CimaiseError,
    Invalid,
    Malformed,
    NotSignedIn,
    PreconditionFailed,
    TypeNotAllowed,
    WrongState,
)
from cimaise.rfc import tus
from cimaise.rfc.tus import Checksum
from cimaise.rfc.validators import format_http_date
from cimaise.uploads.doors.tus import OFFSET, Continuation, Status
from cimaise.uploads.session import State
from cimaise.uploads.tus.checksums import ALGORITHMS, BodyDigest
from cimaise.uploads.tus.creating import Creation
from cimaise.uploads.tus.receiving import Body
from cimaise.web.call import Call
from cimaise.web.files.library import remove_file
from cimaise.web.lines import Handler
from cimaise.web.replies.problems import problem_reply
from cimaise.web.replies.reply import empty_reply
from cimaise.web.uploads.token_access import principal_of

HEADERS: Final[Mapping[str, str]] = {"tus-resumable": tus.VERSION}
"""What every answer carries, errors included."""

EXTENSIONS: Final = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "checksum",
    "checksum-trailer",
    "termination",
    "concatenation",
    "concatenation-unfinished",
)
CHECKSUM_MISMATCH: Final = 460
_CHECKSUM: Final = "upload-checksum"


async def options(call: Call) -> ASGIApp:
    """What this server can do; asked without a version."""
    headers = {
        "tus-version": tus.VERSION,
        "tus-extension": ",".join(EXTENSIONS),
        "tus-max-size": str(call.services.uploads.tus.max_bytes),
        "tus-checksum-algorithm": ",".join(ALGORITHMS),
    }
    return empty_reply(200, headers)


def retell(error: CimaiseError, request_id: str) -> Response:
    """The refusal, with the statuses and headers of tus."""
    reply = problem_reply(error, request_id)
    if isinstance(error, PreconditionFailed | Invalid | WrongState):
        _adapt(reply, error)
    return reply


def _speaking(handler: Handler) -> Handler:
    """The handler, for requests of our version."""

    async def answered(call: Call) -> ASGIApp:
        _require_version(call)
        return await handler(call)

    return answered


def _require_version(call: Call) -> None:
    if call.header("tus-resumable") != tus.VERSION:
        raise PreconditionFailed(f"Say Tus-Resumable: {tus.VERSION}.")


def _adapt(reply: Response, error: CimaiseError) -> None:
    if isinstance(error, PreconditionFailed):
        reply.headers["tus-version"] = tus.VERSION
    if error.code == "checksum_mismatch":
        reply.status_code = CHECKSUM_MISMATCH
    if error.code == "taken_over":  # its body is not read to the end
        reply.headers["connection"] = "close"
    if error.limit is not None and error.limit.name == OFFSET:
        reply.headers["upload-offset"] = str(error.limit.value)


async def _create(call: Call) -> ASGIApp:
    principal, collection = await principal_of(call)
    creation = _creation(call, collection)
    body = _body_of_creation(call)
    if body is not None and creation.pieces:
        raise Malformed("A final upload takes no bytes.")
    status = await call.services.uploads.tus.create(principal, creation, body)
    where = f"{call.services.settings.public_url}/tus/{status.upload.id}"
    return empty_reply(201, {"location": where} | _place(status))


async def _show(call: Call) -> ASGIApp:
    status = await call.services.uploads.tus.status(call.path("id"))
    upload = status.upload
    headers = _place(status)
    if upload.length is None:
        headers["upload-defer-length"] = "1"
    else:
        headers["upload-length"] = str(upload.length)
    if upload.metadata is not None:
        headers["upload-metadata"] = upload.metadata
    if upload.concat is not None:
        headers["upload-concat"] = upload.concat
    return empty_reply(200, headers)


async def _append(call: Call) -> ASGIApp:
    if _media_type(call) != tus.CONTENT_TYPE:
        raise TypeNotAllowed(
            f"Send {tus.CONTENT_TYPE}.", code="wrong_encoding", field="Content-Type"
        )
    offset = _number(call, "Upload-Offset")
    if offset is None:
        raise Malformed("Say Upload-Offset.", field="Upload-Offset")
    going_on = Continuation(offset, _number(call, "Upload-Length"))
    status = await call.services.uploads.tus.append(call.path("id"), going_on, _body(call))
    return empty_reply(204, _place(status))


async def _terminate(call: Call) -> ASGIApp:
    file_id = await call.services.uploads.tus.terminate(call.path("id"))
    if file_id is not None:
        if call.principal.is_guest:
            raise NotSignedIn("The upload is a file already: sign in to delete it.")
        policy.require_scope(call.principal, policy.Scope.MANAGE)
        await remove_file(call, file_id)
    return empty_reply()


create, show, append, terminate = (
    _speaking(handler) for handler in (_create, _show, _append, _terminate)
)


def _creation(call: Call, collection: str | None) -> Creation:
    length, deferred = _number(call, "Upload-Length"), call.header("upload-defer-length")
    if deferred not in (None, "1"):
        raise Malformed("Upload-Defer-Length is 1.", field="Upload-Defer-Length")
    said = (length is not None) + (deferred is not None)
    concat = call.header("upload-concat")
    meant = tus.parse_concat(concat) if concat is not None else None
    is_final = meant is not None and meant.is_final
    if said != (0 if is_final else 1):
        raise Malformed(
            "A final upload has the length of its parts."
            if is_final
            else "Say either Upload-Length or Upload-Defer-Length.",
            field="Upload-Length",
        )
    urls = meant.urls if meant is not None else ()
    return Creation(
        length=length,
        metadata=call.header("upload-metadata"),
        concat=concat,
        pieces=tuple(tus.last_segment(url) for url in urls),
        collection=collection,
    )


def _body_of_creation(call: Call) -> Body | None:
    if _media_type(call) == tus.CONTENT_TYPE:
        return _body(call)
    if call.content_length or call.header("transfer-encoding") is not None:
        raise TypeNotAllowed(
            f"Send {tus.CONTENT_TYPE}.", code="wrong_encoding", field="Content-Type"
        )
    return None


def _body(call: Call) -> Body:
    announced = call.header(_CHECKSUM)
    if announced is not None:
        checksum = tus.parse_checksum(announced)
        digest = BodyDigest([checksum.algorithm])
        return Body(call.chunks(), call.content_length, digest, lambda: checksum, call.count_for)
    if _CHECKSUM in (call.header("trailer") or "").lower():
        return Body(
            call.chunks(), call.content_length, BodyDigest(), _trailing(call), call.count_for
        )
    return Body(call.chunks(), call.content_length, on_known=call.count_for)


def _trailing(call: Call) -> Callable[[], Checksum]:
    """The checksum behind the body, once it has come."""

    def read() -> Checksum:
        text = call.trailer(_CHECKSUM)
        if text is None:
            raise Malformed("Upload-Checksum was announced and did not come.")
        return tus.parse_checksum(text)

    return read


def _media_type(call: Call) -> str:
    return (call.header("content-type") or "").partition(";")[0].strip().lower()


def _number(call: Call, name: str) -> int | None:
    text = call.header(name)
    return None if text is None else tus.parse_number(text, name)


def _place(status: Status) -> dict[str, str]:
    """Where the upload is, and until when it is kept."""
    headers = {"upload-offset": str(status.offset)}
    session = status.upload.session
    if session.state is not State.PUBLISHED:
        headers["upload-expires"] = format_http_date(session.expires_at)
    return headers

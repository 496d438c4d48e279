"""Files that come through the server: the HTML form and the raw body."""

from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from cimaise.errors import Invalid, TypeNotAllowed
from cimaise.library.model import File
from cimaise.rfc.negotiation import prefers_html
from cimaise.uploads.doors.form import receive_form
from cimaise.uploads.doors.raw import receive_raw
from cimaise.uploads.session import UploadSession
from cimaise.uploads.streaming import Incoming
from cimaise.web.call import Call
from cimaise.web.replies.reply import json_reply
from cimaise.web.shapes.public import file_json, session_json
from cimaise.web.uploads.token_access import only_collection, principal_of


async def post_form(call: Call) -> ASGIApp:
    """Take the files of a form; a browser is sent on to what became of them."""
    principal, only = await principal_of(call)
    content_type = call.header("content-type") or ""
    if not content_type.lower().startswith("multipart/form-data"):
        raise TypeNotAllowed("Send multipart/form-data.", code="wrong_encoding")
    result = await receive_form(
        call.services.uploads.streams,
        principal,
        call.chunks(),
        content_type=content_type,
        collection=only_collection(only, call.query("collection")),
    )
    if prefers_html(call.header("accept")):
        where = f"{_page(call)}?collection={quote(result.collection)}&done={len(result.done)}"
        return RedirectResponse(where, 303)
    base_url = call.services.settings.public_url
    files = [file_json(file, base_url=base_url) for _, file in result.done if file is not None]
    waiting = [session_json(session) for session, file in result.done if file is None]
    body: dict[str, Any] = {"files": files} | ({"uploads": waiting} if waiting else {})
    if len(files) == 1:
        body["url"] = files[0]["url"]  # where Uppy's xhr-upload looks for what became of its file
    return json_reply(body, status=201)


def _page(call: Call) -> str:
    """Where the form came from, and its sender goes back to."""
    return f"/upload/{call.path('token')}" if "token" in call.request.path_params else "/upload"


async def put_raw(call: Call) -> ASGIApp:
    """Take the body as one file."""
    size = call.content_length
    if size == 0:
        raise Invalid("An empty file is not accepted.", field="size")
    name = call.path("name")
    incoming = Incoming("raw", call.path("filename"), call.header("content-type"), size, name)
    session, file = await receive_raw(
        call.services.uploads.streams, call.principal, incoming, call.chunks(), collection=name
    )
    return _published(call, session, file)


def _published(call: Call, session: UploadSession, file: File | None) -> ASGIApp:
    if file is None:
        return json_reply(session_json(session), status=201)
    base_url = call.services.settings.public_url
    where = {"location": f"{base_url}/api/files/{file.id}"}
    return json_reply(file_json(file, base_url=base_url), status=201, headers=where)

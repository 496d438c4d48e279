"""Direct uploads and their publication."""

from starlette.types import ASGIApp

from cimaise.access.policy import Visibility
from cimaise.errors import Invalid
from cimaise.library.cursor import format_cursor, parse_cursor
from cimaise.uploads.doors.direct import Intent
from cimaise.uploads.publish import Caption, ExternalLink
from cimaise.uploads.session import State, UploadSession
from cimaise.web.call import Call
from cimaise.web.replies.reply import empty_reply, json_reply
from cimaise.web.shapes.public import (
    CompleteUpload,
    CreateUpload,
    PartNumbers,
    PublishFile,
    completed_json,
    file_json,
    progress_json,
    session_json,
    signed_part_json,
    started_json,
    time_text,
)

MAX_LIMIT = 100
_STATES = {state.value: state for state in State if state is not State.COMPLETING} | {
    "uploading": State.COMPLETING  # as clients know it
}


async def create(call: Call) -> ASGIApp:
    """Begin an upload; answers with signed URLs."""
    body = await call.json(CreateUpload)
    intent = Intent(
        collection=body.collection,
        filename=body.filename,
        size=body.size,
        content_type=body.content_type,
        checksum_sha256=body.checksum_sha256,
        strategy=body.strategy,
        part_size=body.part_size,
    )
    started = await call.services.uploads.direct.create(call.principal, intent)
    where = f"{call.services.settings.public_url}/api/uploads/{started.session.id}"
    return json_reply(started_json(started), status=201, headers={"location": where})


async def show(call: Call) -> ASGIApp:
    """What has arrived of an upload."""
    progress = await call.services.uploads.direct.progress(call.principal, call.path("id"))
    return json_reply(progress_json(progress))


async def sign_parts(call: Call) -> ASGIApp:
    """Fresh URLs for parts."""
    body = await call.json(PartNumbers)
    started = await call.services.uploads.direct.fresh_urls(
        call.principal, call.path("id"), body.part_numbers
    )
    return json_reply(
        {
            "parts": [signed_part_json(part) for part in started.parts],
            "expires_at": time_text(started.session.urls_expire_at),
        }
    )


async def complete(call: Call) -> ASGIApp:
    """Join, verify, settle."""
    body = await call.json(CompleteUpload)
    claimed = None
    if body.parts is not None:
        claimed = {part.part_number: part.etag.strip('"') for part in body.parts}
        if len(claimed) != len(body.parts):
            raise Invalid("A part is listed twice.", field="parts")
    completed = await call.services.uploads.direct.complete(
        call.principal, call.path("id"), claimed
    )
    return json_reply(completed_json(completed))


async def abort(call: Call) -> ASGIApp:
    """End an upload; its bytes and its quota are given back."""
    await call.services.uploads.direct.abort(call.principal, call.path("id"))
    return empty_reply()


async def mine(call: Call) -> ASGIApp:
    """The caller's own uploads, newest first."""
    page, following = await page_of_uploads(call)
    return json_reply({"uploads": [session_json(one) for one in page], "next_cursor": following})


async def page_of_uploads(
    call: Call, *, of_all: bool = False
) -> tuple[list[UploadSession], str | None]:
    """What the query asks for: some sessions, and the cursor of the next ones."""
    limit = call.number("limit", 20)
    if not 1 <= limit <= MAX_LIMIT:
        raise Invalid(f"limit is 1 to {MAX_LIMIT}.", field="limit")
    cursor = call.query("cursor")
    found = await call.services.uploads.direct.list(
        call.principal,
        state=_state(call.query("state")),
        before=parse_cursor(cursor) if cursor else None,
        limit=limit + 1,
        of_all=of_all,
    )
    page = found[:limit]
    following = format_cursor(page[-1].created_at, page[-1].id) if len(found) > limit else None
    return page, following


async def publish(call: Call) -> ASGIApp:
    """Make an upload, or a link to a file kept elsewhere, visible."""
    body = await call.json(PublishFile)
    if (body.upload is None) == (body.external_url is None):
        raise Invalid("Give either upload or external_url.", field="upload")
    caption = Caption(
        title=body.title,
        note=body.note,
        visibility=Visibility(body.visibility) if body.visibility else None,
        access_code=body.access_code,
        archive_password=body.archive_password,
    )
    publisher, name = call.services.uploads.publisher, call.path("name")
    if body.upload is not None:
        file = await publisher.publish_upload(call.principal, name, body.upload, caption)
    else:
        link = ExternalLink(body.external_url or "", body.size or 0)
        file = await publisher.publish_link(call.principal, name, link, caption)
    base_url = call.services.settings.public_url
    where = {"location": f"{base_url}/api/files/{file.id}"}
    return json_reply(file_json(file, base_url=base_url), status=201, headers=where)


def _state(text: str | None) -> State | None:
    if text is None:
        return None
    if text not in _STATES:
        raise Invalid(f"state is one of: {', '.join(_STATES)}.", field="state")
    return _STATES[text]

"""Deleted files that can still be brought back."""

from typing import Any

from starlette.types import ASGIApp

from cimaise.library.deleted import DeletedFile
from cimaise.library.tags import PURGE_JOB
from cimaise.web.call import Call
from cimaise.web.replies.reply import empty_reply, json_reply
from cimaise.web.shapes.public import file_json, time_text


async def list_deleted(call: Call) -> ASGIApp:
    """The last deleted first, each with the time at which it goes for good."""
    found = await call.services.library.deleted.list(call.principal, of_all=call.flag("all"))
    return json_reply({"files": [_deleted_json(call, one) for one in found]})


def _deleted_json(call: Call, one: DeletedFile) -> dict[str, Any]:
    times = {"deleted_at": time_text(one.deleted_at), "until": time_text(one.until)}
    return file_json(one.file, base_url=call.services.settings.public_url) | times


async def restore(call: Call) -> ASGIApp:
    """Bring one back."""
    file = await call.services.library.deleted.restore(call.principal, call.path("id"))
    call.services.operation.hurry(PURGE_JOB)
    return json_reply(file_json(file, base_url=call.services.settings.public_url))


async def purge(call: Call) -> ASGIApp:
    """Give one up now."""
    await call.services.library.deleted.purge(call.principal, call.path("id"))
    call.services.operation.hurry("discarded-objects")
    return empty_reply()

"""Removing for legal reasons, objecting, bringing back."""

from typing import Any

from starlette.types import ASGIApp

from cimaise.errors import Invalid
from cimaise.library.tags import PURGE_JOB
from cimaise.library.takedowns.rows import Notice, Takedown, TakedownState
from cimaise.web.call import Call
from cimaise.web.replies.reply import json_reply
from cimaise.web.shapes.admin import CounterNotice, CreateTakedown, RestoreTakedown
from cimaise.web.shapes.public import time_text


async def create_takedown(call: Call) -> ASGIApp:
    """Take a file or a content down; the answer is the receipt."""
    body = await call.json(CreateTakedown)
    takedowns, notice = call.services.library.takedowns, Notice(body.reason, body.reference)
    if (body.file_id is None) == (body.sha256 is None):
        raise Invalid("Give either file_id or sha256.", field="file_id")
    if body.file_id is not None:
        made = await takedowns.take_down_file(call.principal, body.file_id, notice)
    else:
        made = await takedowns.take_down_content(
            call.principal, (body.sha256 or "").lower(), notice, size=body.size
        )
    call.services.operation.hurry(PURGE_JOB)  # the CDN's copies, too, within the minute
    return json_reply(takedown_json(made), status=201)


async def list_takedowns(call: Call) -> ASGIApp:
    """Every take-down, the newest first."""
    name = call.query("state")
    if name is not None and name not in list(TakedownState):
        raise Invalid("state is " + ", ".join(TakedownState) + ".", field="state")
    found = await call.services.library.takedowns.list(
        call.principal, state=TakedownState(name) if name else None
    )
    return json_reply({"takedowns": [takedown_json(one) for one in found]})


async def restore_takedown(call: Call) -> ASGIApp:
    """Bring the files back."""
    body = await call.json(RestoreTakedown)
    done = await call.services.library.takedowns.restore(
        call.principal, call.path("id"), reason=body.reason
    )
    return json_reply(takedown_json(done))


async def list_own_takedowns(call: Call) -> ASGIApp:
    """Those that removed the caller's files."""
    found = await call.services.library.takedowns.list_own(call.principal)
    return json_reply({"takedowns": [_without_maker(one) for one in found]})


def _without_maker(takedown: Takedown) -> dict[str, Any]:
    shown = takedown_json(takedown)
    del shown["made_by"]  # administrators are not named to those whom they act against
    return shown


async def counter_takedown(call: Call) -> ASGIApp:
    """Object, as whoever published a file."""
    body = await call.json(CounterNotice)
    done = await call.services.library.takedowns.counter(
        call.principal, call.path("id"), body.statement
    )
    return json_reply(_without_maker(done))


def takedown_json(takedown: Takedown) -> dict[str, Any]:
    """The receipt; ``statement`` and ``countered_at`` are of the first objection that is shown."""
    times = ("made_at", "hold_until", "ended_at")
    same = ("id", "sha256", "size", "reason", "reference", "made_by")
    shown: dict[str, Any] = {name: getattr(takedown, name) for name in same}
    for name in times:
        at = getattr(takedown, name)
        shown[name] = time_text(at) if at is not None else None
    objections = [
        {"account": one.account_id, "statement": one.statement, "made_at": time_text(one.made_at)}
        for one in takedown.objections
    ]
    first = objections[0] if objections else {"statement": None, "made_at": None}
    return shown | {
        "state": takedown.state.value,
        "file_ids": list(takedown.file_ids),
        "statement": first["statement"],
        "countered_at": first["made_at"],
        "objections": objections,
    }

"""Webhooks as administrators see them: who is told of what, and how each message fared."""

from dataclasses import replace
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.errors import Invalid, NotFound
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import page, shown
from cimaise.webhooks.rows import Delivery, Webhook

_HERE: Final = "/admin/webhooks"
_DELIVERIES: Final = 100


class _Message(msgspec.Struct):
    type: str = ""


@shown
async def webhooks(call: Call) -> ASGIApp:
    """All that have not ended."""
    return await _listed(call)


async def _listed(call: Call, made: Webhook | None = None) -> ASGIApp:
    rights.require_admin(call.principal)
    found = await call.services.operation.webhooks.list(call.principal)
    return page(
        call,
        "admin/webhooks.html",
        hooks=[replace(one, secret="") for one in found],
        made=made,
        did=call.query("did"),
    )


@shown
async def create(call: Call) -> ASGIApp:
    """Take the form of a new one; its secret is on the page that answers, and only there."""
    require_own_page(call)
    form = await read_form(call)
    events = form.get("events", "").replace(",", " ").split() or ["*"]
    made = await call.services.operation.webhooks.create(
        call.principal, form.get("url", "").strip(), events
    )
    return await _listed(call, made)


@shown
async def deliveries(call: Call) -> ASGIApp:
    """What one was told or will be, the newest first."""
    rights.require_admin(call.principal)
    hook_id = call.path("id")
    hooks = await call.services.operation.webhooks.list(call.principal)
    hook = next((one for one in hooks if one.id == hook_id), None)
    if hook is None:
        raise NotFound("There is no such webhook.")
    found = await call.services.operation.webhooks.deliveries(
        call.principal, hook_id, limit=_DELIVERIES
    )
    return page(
        call,
        "admin/deliveries.html",
        hook=replace(hook, secret=""),
        here=f"{_HERE}/{quote(hook_id, safe='')}",
        rows=[{"delivery": one, "event": _event(one)} for one in found],
        most=_DELIVERIES,
        did=call.query("did"),
    )


def _event(delivery: Delivery) -> str:
    return msgspec.json.decode(delivery.body, type=_Message).type


@shown
async def change(call: Call) -> ASGIApp:
    """Take the form of one webhook: end it, or send one of its messages again."""
    require_own_page(call)
    form, hook_id = await read_form(call), call.path("id")
    action = form.get("action")
    if action == "end":
        await call.services.operation.webhooks.end(call.principal, hook_id)
        return go_on(f"{_HERE}?did=ended")
    if action == "replay":
        await call.services.operation.webhooks.replay(
            call.principal, hook_id, form.get("delivery", "")
        )
        call.services.operation.hurry("events")
        return go_on(f"{_HERE}/{quote(hook_id, safe='')}?did=replayed")
    raise Invalid("action is end or replay.", field="action")

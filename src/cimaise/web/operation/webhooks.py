"""Webhooks, for administrators."""

from typing import Any, Final

from starlette.types import ASGIApp

from cimaise.errors import Invalid
from cimaise.web.call import Call
from cimaise.web.replies.reply import empty_reply, json_reply
from cimaise.web.shapes.admin import CreateWebhook
from cimaise.web.shapes.public import time_text
from cimaise.webhooks.rows import Delivery, Webhook

_MAX_LIMIT: Final = 200


async def create_webhook(call: Call) -> ASGIApp:
    """Tell an address of events from now on; the secret is in this answer only."""
    body = await call.json(CreateWebhook)
    hook = await call.services.operation.webhooks.create(call.principal, body.url, body.events)
    return json_reply(webhook_json(hook) | {"secret": hook.secret}, status=201)


async def list_webhooks(call: Call) -> ASGIApp:
    """All of them."""
    hooks = await call.services.operation.webhooks.list(call.principal)
    return json_reply({"webhooks": [webhook_json(hook) for hook in hooks]})


async def end_webhook(call: Call) -> ASGIApp:
    """Tell it nothing any more."""
    await call.services.operation.webhooks.end(call.principal, call.path("id"))
    return empty_reply()


async def list_deliveries(call: Call) -> ASGIApp:
    """What it was told, the newest first."""
    limit = call.number("limit", 50)
    if not 1 <= limit <= _MAX_LIMIT:
        raise Invalid(f"limit is 1 to {_MAX_LIMIT}.", field="limit")
    found = await call.services.operation.webhooks.deliveries(
        call.principal, call.path("id"), limit=limit
    )
    return json_reply({"deliveries": [delivery_json(one) for one in found]})


async def replay_delivery(call: Call) -> ASGIApp:
    """Send it again, soon."""
    delivery = await call.services.operation.webhooks.replay(
        call.principal, call.path("id"), call.path("delivery")
    )
    call.services.operation.hurry("events")
    return json_reply(delivery_json(delivery), status=202)


def webhook_json(hook: Webhook) -> dict[str, Any]:
    """Without its secret."""
    return {
        "id": hook.id,
        "url": hook.url,
        "events": list(hook.events),
        "created_by": hook.created_by,
        "created_at": time_text(hook.created_at),
    }


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """How far it came."""
    same = ("id", "sequence", "state", "attempts", "last_status", "last_error", "body")
    shown: dict[str, Any] = {name: getattr(delivery, name) for name in same}
    for name in ("next_at", "created_at", "ended_at"):
        at = getattr(delivery, name)
        shown[name] = time_text(at) if at is not None else None
    return shown

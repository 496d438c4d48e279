"""What was delivered, for administrators."""

from typing import Any

from starlette.types import ASGIApp

from cimaise.delivery.statistics import Sum, delivered
from cimaise.web.call import Call
from cimaise.web.replies.reply import json_reply


async def show(call: Call) -> ASGIApp:
    """Files, accounts and visitors of the last ``days`` (30), today included."""
    await call.services.delivery.tally.flush()
    found = await delivered(
        call.services.database, call.principal, days=call.number("days", 30), now=call.now
    )
    return json_reply(
        {
            "files": [_json(one) for one in found.files],
            "owners": [_json(one) for one in found.owners],
            "readers": [_json(one) for one in found.readers],
            "visitors": [_json(one) for one in found.visitors],
            "crawlers_share": round(found.crawlers_share, 4),
        }
    )


def _json(one: Sum) -> dict[str, Any]:
    facts: dict[str, Any] = {"id": one.subject, "requests": one.requests, "bytes": one.bytes}
    if one.day is not None:
        facts["day"] = one.day
    if one.filename is not None:
        facts["filename"] = one.filename
    return facts

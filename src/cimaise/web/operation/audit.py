"""Reading the audit log."""

from typing import Any, Final

from starlette.types import ASGIApp

from cimaise.database.audit.chain import Entry
from cimaise.database.audit.reading import Wanted, find_entries
from cimaise.errors import Invalid
from cimaise.web.call import Call
from cimaise.web.replies.reply import json_reply
from cimaise.web.shapes.public import time_text

_MAX_LIMIT: Final = 1000


async def list_entries(call: Call) -> ASGIApp:
    """The newest entries first; ``cursor`` goes on where a page ended."""
    limit = call.number("limit", 100)
    if not 1 <= limit <= _MAX_LIMIT:
        raise Invalid(f"limit is 1 to {_MAX_LIMIT}.", field="limit")
    wanted = Wanted(
        action=call.query("action"),
        subject=call.query("subject"),
        account_id=call.query("account"),
        before_id=call.number("cursor", 0) or None,
    )
    entries = await call.services.database.read(
        lambda connection: find_entries(connection, wanted, limit=limit + 1)
    )
    is_more, entries = len(entries) > limit, entries[:limit]
    following = str(entries[-1].id) if is_more else None
    return json_reply({"entries": [entry_json(one) for one in entries], "next_cursor": following})


def entry_json(entry: Entry) -> dict[str, Any]:
    """An entry as clients and exports see it."""
    same = ("id", "action", "subject", "details", "origin", "request_id", "sequence", "hash")
    shown = {name: getattr(entry, name) for name in same}
    return {"at": time_text(entry.at), "account": entry.account_id, **shown}

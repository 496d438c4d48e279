"""Is the process alive, and can it reach what it needs?"""

from collections.abc import Awaitable

from starlette.types import ASGIApp

from cimaise.errors import CimaiseError
from cimaise.web.call import Call
from cimaise.web.replies.reply import json_reply


async def alive(_call: Call) -> ASGIApp:
    """The process answers."""
    return json_reply({"status": "ok"})


async def ready(call: Call) -> ASGIApp:
    """Database, storage, state and cache are reachable; 503 names which one is not."""
    services = call.services
    checks = {
        "database": await _reached(services.database.check()),
        "storage": await _reached(services.storage.check()),
        "state": await _reached(services.state.check()),
        "cache": await _reached(services.images.check_cache()),
    }
    good = all(state == "ok" for state in checks.values())
    headers = {} if good else {"retry-after": "5"}
    body = {"status": "ok" if good else "unavailable", "checks": checks}
    return json_reply(body, status=200 if good else 503, headers=headers)


async def _reached(check: Awaitable[object]) -> str:
    try:
        await check
    except (CimaiseError, OSError):
        return "unavailable"
    return "ok"

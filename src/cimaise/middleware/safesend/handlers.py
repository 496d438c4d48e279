"""What a handler may ask of the middleware that is around it, by its scope."""

import json
from typing import Any, Final

from cimaise.middleware.safesend.asgi import Scope, Send
from cimaise.middleware.safesend.exchange import Exchange
from cimaise.middleware.safesend.wire import BODY, START

SCOPE_KEY: Final = "safesend"


def lift_deadline(scope: Scope) -> bool:
    """Free this request of its deadline, because from here on it lasts as long as its bytes.

    To be called on the event loop, not from a thread.

    Returns:
        ``False`` where the deadline has answered already. ``True`` also where there is none.
    """
    exchange = _exchange(scope)
    return exchange is None or exchange.lift()


def safe_send(scope: Scope) -> Send:
    """The guarded ``send`` of this request, for handlers under ``proxy_mode=False``.

    Use it for the whole response: mixed with the plain one, the plain one's bytes are not counted.

    Raises:
        LookupError: There is no middleware around this handler.
    """
    exchange = _exchange(scope)
    if exchange is None:
        raise LookupError("there is no SafeSendMiddleware around this handler")
    return exchange.send


async def safe_json(scope: Scope, body: Any, status: int = 200) -> None:
    """Answer with JSON; ignored and reported where an answer has been sent.

    Args:
        scope: Of the request.
        body: Anything that ``json.dumps`` takes.
        status: HTTP status.

    Raises:
        LookupError: There is no middleware around this handler.
        TypeError: ``body`` cannot be written as JSON; nothing was sent.
        ValueError: ``body`` holds NaN or an infinite number, or itself; nothing was sent.
    """
    send = safe_send(scope)
    content = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    encoded = content.encode("utf-8")
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(encoded)).encode("ascii")),
    ]
    await send({"type": START, "status": status, "headers": headers})
    await send({"type": BODY, "body": encoded, "more_body": False})


def _exchange(scope: Scope) -> Exchange | None:
    found = scope.get(SCOPE_KEY)
    return found if isinstance(found, Exchange) else None

"""Never send on a response that has already been sent: an ASGI middleware that stands alone.

A handler has a deadline. Something eats the budget, the client gets its time-out answer, and then
the handler comes back and sends. With :class:`SafeSendMiddleware` around the application that
late send is ignored and reported, and so is every other message for which there is no place on
the wire any more. A response that cannot be made whole is cut, never ended cleanly.

It works with any ASGI application and any server that runs on asyncio.
"""

from cimaise.middleware.safesend.durations import parse_duration
from cimaise.middleware.safesend.handlers import lift_deadline, safe_json, safe_send
from cimaise.middleware.safesend.middleware import SafeSendMiddleware
from cimaise.middleware.safesend.reports import LateSend
from cimaise.middleware.safesend.wire import IncompleteResponse, Reason, UnsendableMessage

__all__ = [
    "IncompleteResponse",
    "LateSend",
    "Reason",
    "SafeSendMiddleware",
    "UnsendableMessage",
    "lift_deadline",
    "parse_duration",
    "safe_json",
    "safe_send",
]

"""uvicorn's HTTP protocol, without its loss of bytes that have arrived when a client goes.

uvicorn says that the client is gone before it hands out what came last, and then never does. For
an upload that can be gone on with, those bytes count.
"""

from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


class KeepingProtocol(HttpToolsProtocol):
    """Hands out every byte of a body before it says that there will be no more.

    Of uvicorn's own it uses ``_start_asgi_task``, and of a cycle ``body``, ``more_body`` and
    ``response_complete``: look at these when another minor version of it comes.
    """

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        kept = _keeping(cycle, cast("ASGIApp", app))
        super()._start_asgi_task(cycle, cast("ASGI3Application", kept))


def _keeping(cycle: RequestResponseCycle, app: ASGIApp) -> ASGIApp:
    async def keeping(scope: Scope, receive: Receive, send: Send) -> None:
        async def take() -> Message:
            message = await receive()
            if message["type"] != "http.disconnect" or not cycle.body or cycle.response_complete:
                return message
            left, cycle.body = bytes(cycle.body), bytearray()
            return {"type": "http.request", "body": left, "more_body": cycle.more_body}

        await app(scope, take, send)

    return keeping

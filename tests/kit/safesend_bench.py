"""SafeSend between a handler and a lax server."""

import asyncio
from typing import Any

from cimaise.middleware.safesend import (
    LateSend,
    SafeSendMiddleware,
)
from tests.kit.asgi import HandClock, LaxServer, body, http_scope, start, turn

LOGGER = "cimaise.middleware.safesend"


class Bench:
    """A middleware between a handler and a lax server, with time in the test's hand."""

    def __init__(self, handler, **arguments):
        self.clock = HandClock()
        self.server = LaxServer()
        self.late: list[LateSend] = []
        usual: dict[str, Any] = {
            "timeout": "10s",
            "on_late": self.late.append,
            "clock": self.clock,
            "call_later": self.clock.call_later,
        }
        self.middleware = SafeSendMiddleware(handler, **usual | arguments)

    async def run(self, **scope):
        await self.middleware(http_scope(**scope), self.server.receive, self.server.send)

    async def run_past_its_deadline(self, **scope):
        """Start the handler, let it come to its first wait, ring, and let it end."""
        task = asyncio.create_task(self.run(**scope))
        await turn()
        self.clock.advance(10)
        self.clock.ring()
        await task

    @property
    def reasons(self):
        return [event.reason for event in self.late]


def is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def never():
    await asyncio.Event().wait()


async def answer(send, content=b"ok", status=200):
    await send(start(status, len(content)))
    await send(body(content))


async def waits_for_ever(scope, receive, send):
    await never()

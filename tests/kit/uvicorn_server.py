"""A real uvicorn in a thread, on a free port, whose application can be swapped."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

App = Callable[[Any, Any, Any], Awaitable[None]]


class RunningServer:
    """Attributes: ``port``; ``app``, which answers the next request; ``loop``, the server's."""

    def __init__(self, port: int, app: App | None) -> None:
        self.port = port
        self.app = app
        self.loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.loop = asyncio.get_running_loop()
        assert self.app is not None
        await self.app(scope, receive, send)

    def soon(self, callback: Callable[[], object]) -> None:
        """Run a function on the server's loop."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(callback)


@contextmanager
def running_uvicorn(app: App | None = None, **options: Any) -> Iterator[RunningServer]:
    """Start one; the socket listens before the thread does, so nobody has to wait.

    Args:
        app: The first application; needed here only where it has a lifespan.
        options: Of uvicorn's configuration.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        running = RunningServer(listener.getsockname()[1], app)
        settings = {"lifespan": "off", "log_config": None, "access_log": False} | options
        server = uvicorn.Server(uvicorn.Config(running, timeout_graceful_shutdown=1, **settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield running
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()

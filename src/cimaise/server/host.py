"""uvicorn, as a connection uses it: the one place that knows what it is made of.

Of its configuration that is ``loaded_app``, ``root_path`` and ``asgi_version``, of the server's
state ``connections``, ``tasks``, ``total_requests`` and ``default_headers``: look at these when
another minor version of it comes.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from cimaise.server.exchange import App, Scope
from cimaise.server.requests import Request
from cimaise.server.scope import Address, address_of, http_scope


class Host:
    """What runs the server, as one of its connections sees it.

    Attributes:
        app: The application.
        client: Where the connection comes from.
        is_tls: It is encrypted.
        state: Of the server: its default headers are another list every second.
    """

    __slots__ = ("_app_state", "_config", "_server", "app", "client", "is_tls", "state")

    def __init__(self, config: Config, state: ServerState, app_state: dict[str, Any]) -> None:
        if not config.loaded:
            config.load()
        self._config = config
        self.state = state
        self._app_state = app_state
        self.app = cast("App", config.loaded_app)
        self.client: Address = None
        self._server: Address = None
        self.is_tls = False

    def enter(self, connection: asyncio.BaseProtocol, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self.client = address_of(transport, "peername")
        self._server = address_of(transport, "sockname")
        self.is_tls = transport.get_extra_info("sslcontext") is not None
        cast("set[Any]", self.state.connections).add(connection)

    def leave(self, connection: asyncio.BaseProtocol) -> None:
        """It has gone."""
        cast("set[Any]", self.state.connections).discard(connection)

    def scope_of(self, request: Request) -> Scope:
        """What the application is told of a request."""
        scope = http_scope(
            request, self._config, client=self.client, server=self._server, is_tls=self.is_tls
        )
        scope["state"] = self._app_state.copy()
        return scope

    def run(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        """Do it in a task, which a graceful end waits for."""
        task = loop.create_task(work)
        self.state.tasks.add(task)
        task.add_done_callback(self.state.tasks.discard)

"""The whole application on a real socket, in a thread, with a hook before every request."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any, TypeVar

import uvicorn

from cimaise.access.policy import Role
from cimaise.app import Application, build
from cimaise.settings import load
from tests.kit.schema import plant_schema

T = TypeVar("T")
Hook = Callable[[Any, Any], Awaitable[int | None]]


class ServedApplication:
    """Attributes: ``url``; ``key`` of a member; ``seen`` requests as ``PUT /path``; ``hook``,
    which may give a status to answer with in the application's place."""

    def __init__(self, application: Application, loop: asyncio.AbstractEventLoop) -> None:
        self.application = application
        self.url = application.settings.public_url
        self.key = ""
        self.seen: list[str] = []
        self.hook: Hook | None = None
        self.server = uvicorn.Server(
            uvicorn.Config(
                self, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1
            )
        )
        self._loop = loop

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(f"{scope['method']} {scope['path']}")
        status = await self.hook(scope, receive) if self.hook else None
        if status is None:
            await self.application(scope, receive, send)
            return
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run on the server's loop and wait; from another thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def sent(self, beginning: str) -> list[str]:
        """The requests whose line begins so."""
        return [line for line in self.seen if line.startswith(beginning)]


@contextmanager
def served_application(data_dir: Path, **environment: str) -> Iterator[ServedApplication]:
    """Start one with an account ``ann``; the socket listens before the thread does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        texts = {"CIMAISE_DATA_DIR": str(data_dir), "CIMAISE_SERVER_PORT": port, **environment}
        plant_schema(data_dir)
        application = build(load(texts).settings)
        begun: Queue[ServedApplication] = Queue()
        thread = threading.Thread(target=lambda: asyncio.run(_main(application, listener, begun)))
        thread.start()
        served = begun.get(timeout=30)
        try:
            yield served
        finally:
            served.server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


async def _main(
    application: Application, listener: socket.socket, begun: "Queue[ServedApplication]"
) -> None:
    await application.start(with_jobs=False)
    served = ServedApplication(application, asyncio.get_running_loop())
    accounts = application.services.access.accounts
    _, served.key = await accounts.create(None, name="ann", role=Role.MEMBER)
    begun.put(served)
    try:
        await served.server.serve(sockets=[listener])
    finally:
        await application.stop()

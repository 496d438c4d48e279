"""The whole application behind a real uvicorn in a thread, and clients that know nothing of it."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import uvicorn

from cimaise.access.policy import Role
from cimaise.app import Application, build
from cimaise.cli.serving.lanes import file_lane, hot_lane
from cimaise.server.protocol import http_protocol
from cimaise.settings import Settings
from tests.kit.schema import plant_schema

T = TypeVar("T")
TLS = ssl.create_default_context()
"""Made once: a client that makes its own takes longer for that than for most requests."""


@dataclass(frozen=True)
class Person:
    """An account with a key."""

    id: str
    name: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries."""
        return {"Authorization": f"Bearer {self.key}"}


class RunningApplication:
    """A server that answers at ``url``; ``run`` runs a coroutine on its loop."""

    def __init__(
        self, application: Application, loop: asyncio.AbstractEventLoop, sign_in_token: str | None
    ) -> None:
        self.application = application
        self.url = application.settings.public_url
        self.sign_in_token = sign_in_token
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the application lives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def person(self, name: str, role: Role = Role.MEMBER, **limits: int) -> Person:
        """A new account."""
        accounts = self.application.services.access.accounts
        account, key = self.run(accounts.create(None, name=name, role=role, **limits))
        return Person(account.id, account.name, key)

    def client(self, person: Person | None = None) -> httpx2.Client:
        """A client that signs in with the person's key."""
        headers = person.headers if person else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30, verify=TLS)


@contextmanager
def running_application(
    data_dir: Path, change: Callable[[Settings], Settings] = lambda settings: settings
) -> Iterator[RunningApplication]:
    """Start one on a free port; ``change`` adapts the settings."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        settings = Settings()
        settings = replace(
            settings,
            data=replace(settings.data, dir=data_dir),
            server=replace(settings.server, port=listener.getsockname()[1]),
            metrics=replace(settings.metrics, keep=0),  # tests look at once
        )
        settings = change(settings)
        if not settings.database.url:
            plant_schema(settings.data.dir)
        application = build(settings)
        ready: list[Any] = []
        started = threading.Event()

        async def serve() -> None:
            try:
                first = await application.start()
                ready.extend((asyncio.get_running_loop(), first.sign_in_token))
            finally:
                started.set()
            try:
                await server.serve(sockets=[listener])
            finally:
                await application.stop()

        services = application.services
        protocol = http_protocol(hot=hot_lane(services), files=file_lane(services))
        config = uvicorn.Config(
            application, http=protocol, lifespan="off", log_config=None, access_log=False,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        started.wait(30)
        assert ready, "the application did not start"
        try:
            yield RunningApplication(application, *ready)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()

"""The server as one value: started, asked, stopped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError
from starlette.types import ASGIApp, Receive, Scope, Send

from cimaise import telemetry
from cimaise.access.accounts.first_start import (
    FIRST_NAME,
    HOSTED_FIRST_NAME,
    FirstAccount,
    prepare_first_account,
)
from cimaise.access.policy import Visibility
from cimaise.app.parts import Parts
from cimaise.app.sources import random_id
from cimaise.database.migrate import migrate
from cimaise.database.schema import facts
from cimaise.errors import WrongState
from cimaise.library.model import Policy
from cimaise.settings import Settings
from cimaise.web.services import Services

INBOX: Final = "inbox"


class Application:
    """The server as an ASGI application; made by :func:`build`.

    Attributes:
        settings: As given.
        services: Every feature, for commands and for those who mount the application.
    """

    def __init__(
        self,
        settings: Settings,
        services: Services,
        parts: Parts,
        door: ASGIApp,
    ) -> None:
        self.settings = settings
        self.services = services
        self._parts = parts
        self._door = door
        self._starting = asyncio.Lock()
        self._begun = AsyncExitStack()
        self._first: FirstAccount | None = None

    async def start(self, *, with_jobs: bool = True) -> FirstAccount:
        """Bring the database up to date, see to the first account and the inbox, start jobs.

        Safe to run by several processes at once, and more than once: it starts the first time.
        Where it fails, or is cancelled, what it had begun is ended, and it may be tried again.
        """
        async with self._starting:
            if self._first is None:
                self._first = await self._start(with_jobs=with_jobs)
            return self._first

    async def _start(self, *, with_jobs: bool) -> FirstAccount:
        services = self.services
        await asyncio.to_thread(migrate, services.database)
        await self._parts.cache.start()
        async with AsyncExitStack() as begun:
            await self._begin(begun)
            first = await self._first_account()
            await self._make_inbox(first)
            if with_jobs:
                self._parts.runner.start()
                begun.push_async_callback(self._parts.runner.stop)
                await services.catalogue.start()
            self._begun = begun.pop_all()
        return first

    async def _begin(self, begun: AsyncExitStack) -> None:
        """All that runs beside the requests; ``begun`` ends it."""
        services = self.services
        services.operation.usage.start()
        begun.push_async_callback(services.operation.usage.stop)
        services.images.variants.start()
        begun.push_async_callback(services.images.variants.stop)
        services.access.rights_changes.start()
        begun.push_async_callback(services.access.rights_changes.close)
        begun.push_async_callback(services.access.watch.close)
        await services.access.watch.start()
        self._listen_to_changes(begun)

    async def _first_account(self) -> FirstAccount:
        services = self.services
        return await prepare_first_account(
            services.database,
            clock=services.clock,
            new_id=random_id,
            sign_in_ttl_s=self.settings.auth.sign_in_ttl,
            name=FIRST_NAME if services.host is None else HOSTED_FIRST_NAME,
        )

    def _listen_to_changes(self, begun: AsyncExitStack) -> None:
        """Whatever changes who may see what, from any door: ready answers are forgotten at once."""
        loop = asyncio.get_running_loop()
        services = self.services

        def forget() -> None:
            services.images.answers.change("")
            services.operation.background.start(
                services.images.variants.doubt()
            )  # tells other processes

        def forget_soon() -> None:
            with suppress(RuntimeError):  # the loop has ended: nothing is answered any more
                loop.call_soon_threadsafe(forget)

        begun.callback(services.database.listen(forget_soon))

        def doubt() -> None:
            services.images.own_answers.change()
            services.operation.background.start(services.access.rights_changes.tell_doubt())

        def doubt_soon() -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(doubt)

        begun.callback(services.database.listen_to_rights(doubt_soon))

    async def _make_inbox(self, first: FirstAccount) -> None:
        """Once in the life of an installation: an inbox that was deleted stays so."""
        if not await self.services.database.write(_claim_inbox):
            return
        try:
            await self.services.library.collections.create(
                first.account.principal,
                INBOX,
                title="Inbox",
                visibility=Visibility.PUBLIC,
                policy=Policy(open=True),
            )
        except WrongState:
            return  # somebody made a collection of that name before the first start

    async def stop(self) -> None:
        """Let small work end, then close every store. Nothing may be called afterwards.

        All of it is closed whatever fails; the last fault is raised.
        """
        services = self.services
        async with AsyncExitStack() as ending:  # from the last line to the first
            ending.callback(services.database.close)
            ending.push_async_callback(services.state.close)
            ending.push_async_callback(services.storage.close)
            ending.push_async_callback(self._begun.aclose)
            ending.callback(services.operation.at_once.settle)
            ending.push_async_callback(services.catalogue.close)
            ending.push_async_callback(asyncio.to_thread, self._parts.codec.close)
            ending.push_async_callback(services.images.variants.close)
            ending.push_async_callback(services.operation.limiter.settled)
            ending.push_async_callback(services.delivery.tally.close)
            ending.push_async_callback(services.operation.background.close)
            ending.callback(services.delivery.own_files.close)
            ending.callback(services.delivery.open_files.close)
            ending.push_async_callback(services.uploads.tus.close)
            ending.push_async_callback(self._parts.runner.stop)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application: ``lifespan`` starts and stops it, ``http`` is answered.

        Frameworks do not tell what they mount of their lifespan: where nobody has started it, the
        first request does.
        """
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if self._first is None:
            await self.start()
        await self._door(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, _around: object = None) -> AsyncIterator[None]:
        """Started inside of it, stopped at its end: for the lifespan of what mounts us."""
        try:
            await self.start()
            yield
        finally:
            await self.stop()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """The ASGI lifespan protocol: start with the server, stop with it."""
        await receive()
        try:
            await self.start()
        except Exception as fault:
            telemetry.log("request_failed", level="error", fault=fault)
            await self._stop_quietly()
            await send({"type": "lifespan.startup.failed", "message": str(fault)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        outcome = "complete" if await self._stop_quietly() else "failed"
        await send({"type": f"lifespan.shutdown.{outcome}"})

    async def _stop_quietly(self) -> bool:
        """Stop; a fault goes into the log. Whether there was none."""
        try:
            await self.stop()
        except Exception as fault:
            telemetry.log("request_failed", level="error", fault=fault)
            return False
        return True


def _claim_inbox(connection: Connection) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(insert(facts).values(name=INBOX, value="made"))
    except IntegrityError:
        return False
    return True

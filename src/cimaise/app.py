"""The composition root: settings in, ASGI application out. Nobody else names concrete classes."""

import asyncio
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError
from starlette.types import ASGIApp, Receive, Scope, Send

from cimaise import telemetry
from cimaise.access.accounts import Accounts
from cimaise.access.first_start import FirstAccount, prepare_first_account
from cimaise.access.jwks import KeyRing, key_set_fetcher
from cimaise.access.jwts import jwt_verifier
from cimaise.access.key_cache import KeyCache
from cimaise.access.keys import Keys
from cimaise.access.links import Links
from cimaise.access.policy import Visibility
from cimaise.access.server_secret import server_secret
from cimaise.access.sessions import Sessions
from cimaise.access.signing import Signer
from cimaise.access.subjects import Subjects
from cimaise.access.tokens import Authenticator
from cimaise.access.upload_tokens import UploadTokens
from cimaise.albums.catalogue import Catalogue
from cimaise.albums.sources.table import TABLE, Needs
from cimaise.database.engine import Database, open_database
from cimaise.database.migrate import migrate
from cimaise.database.schema import facts
from cimaise.errors import Unavailable, WrongState
from cimaise.images.cache import Cache
from cimaise.images.codec import (
    ImageHeader,
    available_formats,
    prepare_libvips,
    read_header,
    require_pixels,
)
from cimaise.images.pipeline import RenderLimits
from cimaise.images.remote import Remote
from cimaise.images.spec import SpecLimits
from cimaise.images.variants import Variants
from cimaise.images.workers import Workers
from cimaise.jobs.runner import Runner
from cimaise.jobs.table import jobs
from cimaise.library.collections import Collections
from cimaise.library.files import Files
from cimaise.library.model import Policy
from cimaise.middleware.request_id import RequestIdMiddleware
from cimaise.middleware.safesend import SafeSendMiddleware
from cimaise.originals import Originals
from cimaise.settings import Settings
from cimaise.storage.base import Storage
from cimaise.storage.table import open_storage
from cimaise.uploads.doors.companion import CompanionUploads
from cimaise.uploads.doors.companion_form import SingleForms
from cimaise.uploads.doors.direct import DirectUploads
from cimaise.uploads.doors.tus import TusUploads
from cimaise.uploads.publish import Publisher
from cimaise.uploads.streaming import Streams
from cimaise.uploads.tus.stores import Stores
from cimaise.uploads.verify import Verifier
from cimaise.web.answered import access_log, deadline_answer
from cimaise.web.background import Background
from cimaise.web.companion import with_one_slash
from cimaise.web.router import build_router, moves_bytes
from cimaise.web.routes import LINES, mounts
from cimaise.web.services import Services

INBOX: Final = "inbox"
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH: Final = 22  # 62^22 is more than 2^130


def utc_now() -> datetime:
    """The time, aware UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """An opaque id: 22 letters and digits, more than 128 random bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))


class Application:
    """The server as an ASGI application; made by :func:`build`.

    Attributes:
        settings: As given.
        services: Every feature, for commands and for those who mount the application.
    """

    def __init__(
        self, settings: Settings, services: Services, parts: "_Parts", door: ASGIApp
    ) -> None:
        self.settings = settings
        self.services = services
        self._parts = parts
        self._door = door

    async def start(self, *, with_jobs: bool = True) -> FirstAccount:
        """Bring the database up to date, see to the first account and the inbox, start jobs.

        Safe to run by several processes at once.
        """
        services = self.services
        migrate(services.database)
        await self._parts.cache.start()
        first = await prepare_first_account(
            services.database,
            clock=services.clock,
            new_id=random_id,
            sign_in_ttl_s=self.settings.auth.sign_in_ttl,
        )
        await self._make_inbox(first)
        if with_jobs:
            self._parts.runner.start()
        return first

    async def _make_inbox(self, first: FirstAccount) -> None:
        """Once in the life of an installation: an inbox that was deleted stays so."""
        if not await self.services.database.write(_claim_inbox):
            return
        try:
            await self.services.collections.create(
                first.account.principal,
                INBOX,
                title="Inbox",
                visibility=Visibility.PUBLIC,
                policy=Policy(open=True),
            )
        except WrongState:
            return  # somebody made a collection of that name before the first start

    async def stop(self) -> None:
        """Let small work end, then close every store. Nothing may be called afterwards."""
        await self._parts.runner.stop()
        services = self.services
        await services.tus.close()
        await services.background.close()
        await services.variants.close()
        await services.catalogue.close()
        await services.storage.close()
        services.database.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application: ``lifespan`` starts and stops it, ``http`` is answered."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        await self._door(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """The ASGI lifespan protocol: start with the server, stop with it."""
        await receive()
        try:
            await self.start()
        except Exception as fault:
            telemetry.log("request_failed", level="error", fault=fault)
            await send({"type": "lifespan.startup.failed", "message": str(fault)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _claim_inbox(connection: Connection) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(insert(facts).values(name=INBOX, value="made"))
    except IntegrityError:
        return False
    return True


def build(settings: Settings) -> Application:
    """Everything, wired; nothing is connected to or started yet.

    Raises:
        ValueError: A URL in the settings names a database or storage that there is none of.
    """
    prepare_libvips()
    parts = _open_parts(settings)
    services = _services(settings, parts)
    router = build_router(services, LINES, mounts())
    guarded = SafeSendMiddleware(
        router,
        timeout=settings.server.deadline,
        exempt=moves_bytes(LINES),
        deadline_response=deadline_answer,
    )
    door = RequestIdMiddleware(with_one_slash(guarded), new_id=random_id, access_log=access_log)
    return Application(settings, services, parts, door)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is opened once and closed at the end."""

    data_dir: Path
    secret: bytes
    database: Database
    storage: Storage
    runner: Runner
    cache: Cache
    variants: Variants

    async def check_cache(self) -> None:
        """``Unavailable`` where variants cannot be kept."""
        if not await asyncio.to_thread(os.access, self.data_dir / "cache", os.W_OK):
            raise Unavailable("The cache cannot be written to.")


def _open_parts(settings: Settings) -> _Parts:
    data_dir = settings.data.dir.absolute()
    fetched = data_dir / "cache" / "fetched"
    fetched.mkdir(parents=True, exist_ok=True)
    secret = server_secret(settings.server.secret, data_dir)
    database = open_database(
        settings.database.url,
        data_dir=data_dir,
        readers=settings.database.readers,
        wait_s=settings.database.wait,
    )
    storage = open_storage(
        settings.storage,
        data_dir=data_dir,
        signing_secret=secret,
        public_url=settings.public_url,
        now=utc_now,
    )
    cache = Cache(data_dir / "cache" / "images", max_bytes=settings.images.cache_bytes)
    return _Parts(
        data_dir=data_dir,
        secret=secret,
        database=database,
        storage=storage,
        runner=Runner(jobs(database, storage), utc_now),
        cache=cache,
        variants=_open_variants(settings, cache, fetched),
    )


def _services(settings: Settings, parts: _Parts) -> Services:
    clock, keys = utc_now, KeyCache(utc_now)
    data_dir, database, storage = parts.data_dir, parts.database, parts.storage
    files = Files(database, clock)
    links = Links(database, clock, random_id, Signer(parts.secret), settings.links.ttl)
    verifier = Verifier(database, storage, clock, random_id, _read_picture(settings))
    upload_tokens = UploadTokens(database, clock, random_id)
    streams = Streams(
        database=database,
        storage=storage,
        settings=settings,
        clock=clock,
        new_id=random_id,
        read_picture=_read_picture(settings),
    )
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        storage=storage,
        accounts=Accounts(database, clock, random_id, keys),
        keys=Keys(database, clock, random_id, keys),
        sessions=Sessions(
            database, clock, random_id, settings.auth.session_ttl, settings.auth.sign_in_ttl
        ),
        authenticator=_authenticator(settings, database, keys),
        links=links,
        collections=Collections(database, clock, random_id),
        files=files,
        direct=DirectUploads(
            database=database,
            storage=storage,
            settings=settings,
            clock=clock,
            new_id=random_id,
            verifier=verifier,
        ),
        companion=CompanionUploads(
            database=database,
            storage=storage,
            settings=settings,
            clock=clock,
            new_id=random_id,
            verifier=verifier,
        ),
        single_forms=SingleForms(
            database=database,
            streams=streams,
            tokens=upload_tokens,
            signer=Signer(parts.secret),
            settings=settings,
            clock=clock,
            new_id=random_id,
        ),
        upload_tokens=upload_tokens,
        streams=streams,
        tus=TusUploads(
            Stores(database, storage, settings, clock, random_id), _read_picture(settings)
        ),
        publisher=Publisher(database, clock, random_id),
        originals=Originals(files, links, storage),
        variants=parts.variants,
        spec_limits=SpecLimits(
            max_width=settings.images.max_width,
            default_quality=settings.images.default_quality,
            formats=available_formats(),
        ),
        catalogue=_catalogue(settings, data_dir, database),
        background=Background(),
        lines=LINES,
        hurry=parts.runner.hurry,
        check_cache=parts.check_cache,
    )


def _catalogue(settings: Settings, data_dir: Path, database: Database) -> Catalogue:
    needs = Needs(database, data_dir / "albums", read_header, settings.images.max_width)
    sources = [opener(needs) for opener in TABLE]
    return Catalogue([source for source in sources if source is not None])


def _read_picture(settings: Settings) -> Callable[[bytes], ImageHeader]:
    """The header of an uploaded picture; one with too many pixels is refused at the gate."""

    def read(head: bytes) -> ImageHeader:
        header = read_header(head)
        require_pixels(header, settings.images.max_pixels)
        return header

    return read


def _open_variants(settings: Settings, cache: Cache, remote_dir: Path) -> Variants:
    images = settings.images
    return Variants(
        cache=cache,
        workers=Workers(threads=images.workers, queue=images.queue),
        remote=Remote(
            timeout_s=images.fetch_timeout,
            max_bytes=images.max_source_bytes,
            allowed_hosts=images.allowed_hosts,
            allow_addresses=images.allow_addresses,
            ca_file=images.ca_file,
            folder=remote_dir,
            queue=images.queue,
        ),
        limits=RenderLimits(
            max_width=images.max_width, max_pixels=images.max_pixels, max_frames=images.max_frames
        ),
        error_ttl_s=images.error_ttl,
        queue=images.queue,
    )


def _authenticator(settings: Settings, database: Database, keys: KeyCache) -> Authenticator:
    auth = settings.auth
    ring = KeyRing(key_set_fetcher(auth.jwks_url), utc_now) if auth.jwks_url else None
    verifier = jwt_verifier(
        clock=utc_now,
        secret=auth.jwt_secret,
        key_ring=ring,
        issuer=auth.issuer,
        audience=auth.audience,
    )
    return Authenticator(database, utc_now, keys, Subjects(database, utc_now, random_id), verifier)

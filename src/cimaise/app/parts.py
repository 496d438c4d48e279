"""What is opened once and closed at the end: stores, cache, workers, jobs."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cimaise.access.server_secret import server_secrets
from cimaise.albums.sources.folder.albums import FolderAlbums
from cimaise.app.caches import cache_in_front
from cimaise.app.images import (
    forgetter,
    open_codec,
    open_kept,
    open_lanes,
    open_variants,
    placeholder_maker,
)
from cimaise.app.sources import random_id, utc_now
from cimaise.database.engine import Database, open_database
from cimaise.errors import Unavailable
from cimaise.images.guarded_codec import GuardedCodec
from cimaise.images.keeping.cache import Cache
from cimaise.images.keeping.hot import Answers
from cimaise.images.keeping.hot_own import OwnAnswers
from cimaise.images.variants import Variants
from cimaise.images.watermark import Watermarks, read_watermarks
from cimaise.jobs.runner import Runner
from cimaise.jobs.table import jobs
from cimaise.settings import Settings
from cimaise.state.base import State
from cimaise.state.table import open_state
from cimaise.storage.base import Storage
from cimaise.storage.billing import PROVIDERS
from cimaise.storage.measured import MeasuredStorage
from cimaise.storage.metering import meter, request_meter
from cimaise.storage.table import open_storage
from cimaise.usage import OPERATION, REQUEST, Usage


@dataclass(frozen=True, slots=True)
class Parts:
    """What is opened once and closed at the end."""

    data_dir: Path
    secret: bytes
    former_secrets: tuple[bytes, ...]
    database: Database
    storage: Storage
    state: State
    usage: Usage
    runner: Runner
    cache: Cache
    codec: GuardedCodec
    answers: Answers
    own_answers: OwnAnswers
    watermarks: Watermarks
    variants: Variants

    async def check_cache(self) -> None:
        """``Unavailable`` where variants cannot be kept."""
        if not await asyncio.to_thread(os.access, self.data_dir / "cache", os.W_OK):
            raise Unavailable("The cache cannot be written to.")


def open_parts(settings: Settings) -> Parts:
    """Open them; nothing is connected to yet.

    Raises:
        ValueError: A URL in the settings names a database, storage or state that there is none of.
    """
    data_dir = settings.data.dir.absolute()
    fetched = data_dir / "cache" / "fetched"
    fetched.mkdir(parents=True, exist_ok=True)
    secret, *former = server_secrets(settings.server.secret, data_dir)
    database = _open_database(settings, data_dir)
    usage = Usage(database, utc_now)
    storage = _open_storage(settings, data_dir, (secret, *former), usage)
    state = open_state(settings.state.url, data_dir=data_dir)
    answers, own_answers = Answers(), OwnAnswers()
    cache = Cache(data_dir / "cache" / "images", max_bytes=settings.images.cache_bytes)
    codec, lanes = open_codec(settings), open_lanes(settings)
    watermarks = read_watermarks(settings.images.watermarks, codec)
    return Parts(
        data_dir=data_dir,
        secret=secret,
        former_secrets=tuple(former),
        database=database,
        storage=storage,
        state=state,
        usage=usage,
        runner=Runner(
            jobs(
                storage,
                random_id,
                draw=placeholder_maker(settings, codec, lanes),
                find_local=FolderAlbums(data_dir / "albums").find_file,
                max_source_bytes=settings.images.max_source_bytes,
                shared_variant_bytes=settings.images.shared_bytes,
                cache=cache_in_front(settings),
                keep_deleted=timedelta(days=settings.library.undelete_days),
            ),
            utc_now,
            state,
            database,
        ),
        cache=cache,
        codec=codec,
        watermarks=watermarks,
        answers=answers,
        own_answers=own_answers,
        variants=open_variants(
            settings,
            open_kept(settings, cache, storage, state, forgetter(answers, own_answers)),
            lanes,
            remote_dir=fetched,
            codec=codec,
            watermarks=watermarks,
        ),
    )


def _open_database(settings: Settings, data_dir: Path) -> Database:
    return open_database(
        settings.database.url,
        data_dir=data_dir,
        readers=settings.database.readers,
        wait_s=settings.database.wait,
        statement_s=settings.database.statement,
    )


def _open_storage(
    settings: Settings, data_dir: Path, secrets: Sequence[bytes], usage: Usage
) -> MeasuredStorage:
    """Calls are counted, and so are the requests that they become."""
    provider = PROVIDERS[settings.billing.provider]
    opened = open_storage(
        settings.storage,
        data_dir=data_dir,
        signing_secret=secrets[0],
        former_secrets=secrets[1:],
        public_url=settings.public_url,
        now=utc_now,
        note=request_meter(provider, lambda request: usage.add(REQUEST + request, 1)),
    )
    return MeasuredStorage(opened, meter(lambda operation: usage.add(OPERATION + operation, 1)))

"""The doors for uploads, wired."""

from datetime import timedelta
from typing import Final

from cimaise.access.links.upload_tokens import UploadTokens
from cimaise.access.signing import Signer
from cimaise.app.images import picture_reader
from cimaise.app.parts import Parts
from cimaise.app.sources import random_id, utc_now
from cimaise.jobs.base import Job, Turn
from cimaise.jobs.turns import take_turn
from cimaise.library.discarded import Freed
from cimaise.settings import Settings
from cimaise.uploads.capabilities import Capabilities
from cimaise.uploads.cleanup import Cleanup, StepWork
from cimaise.uploads.doors.companion import CompanionUploads
from cimaise.uploads.doors.companion_form import SingleForms
from cimaise.uploads.doors.direct import DirectUploads
from cimaise.uploads.doors.tus import TusUploads
from cimaise.uploads.fsck import Fsck
from cimaise.uploads.inspect import open_places
from cimaise.uploads.move_keys import KeyMover
from cimaise.uploads.publish import Publisher
from cimaise.uploads.statistics import UploadStatistics
from cimaise.uploads.stores import Stores
from cimaise.uploads.streaming import Streams
from cimaise.uploads.verify import Verifier
from cimaise.web.features import Uploads


def open_uploads(settings: Settings, parts: Parts, tokens: UploadTokens) -> Uploads:
    """All doors share the gate, the quota and what looks at the bytes."""
    stores = Stores(parts.database, parts.storage, settings, utc_now, random_id)
    read_picture = picture_reader(settings, parts.codec)
    places = open_places()
    verifier = Verifier(stores, read_picture, places)
    streams = Streams(stores, read_picture, places)
    signer = Signer(parts.secret, parts.former_secrets)
    return Uploads(
        direct=DirectUploads(stores, verifier),
        companion=CompanionUploads(stores, verifier),
        single_forms=SingleForms(stores, streams, tokens, signer),
        streams=streams,
        tus=TusUploads(stores, read_picture, places),
        publisher=Publisher(parts.database, utc_now, random_id),
        cleanup=_open_cleanup(settings, parts),
        fsck=Fsck(parts.database, parts.storage, utc_now),
        key_mover=KeyMover(parts.database, parts.storage, utc_now, random_id),
        capabilities=Capabilities(parts.database, parts.storage, utc_now, settings.storage.url),
        statistics=UploadStatistics(parts.database, utc_now),
    )


def _open_cleanup(settings: Settings, parts: Parts) -> Cleanup:
    """The clean-up by hand: each step under the lease of the job that does the same."""

    async def in_turn(name: str, work: StepWork) -> Freed | None:
        freed: list[Freed] = []

        async def step(turn: Turn) -> int:
            freed.append(await work(turn.database, turn.now))
            return freed[0].count

        await take_turn(
            Job(name, _HOUR_S, step), state=parts.state, database=parts.database, clock=utc_now
        )
        return freed[0] if freed else None

    return Cleanup(
        parts.database,
        parts.storage,
        utc_now,
        session_ttl_s=settings.uploads.session_ttl,
        keep_deleted=timedelta(days=settings.library.undelete_days),
        take_turn=in_turn,
    )


_HOUR_S: Final = 3600.0

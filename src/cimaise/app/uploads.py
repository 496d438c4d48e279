"""The doors for uploads, wired."""

from dataclasses import dataclass

from cimaise.access.signing import Signer
from cimaise.access.upload_tokens import UploadTokens
from cimaise.app.images import picture_reader
from cimaise.app.parts import Parts
from cimaise.app.sources import random_id, utc_now
from cimaise.settings import Settings
from cimaise.uploads.doors.companion import CompanionUploads
from cimaise.uploads.doors.companion_form import SingleForms
from cimaise.uploads.doors.direct import DirectUploads
from cimaise.uploads.doors.tus import TusUploads
from cimaise.uploads.publish import Publisher
from cimaise.uploads.streaming import Streams
from cimaise.uploads.tus.stores import Stores
from cimaise.uploads.verify import Verifier


@dataclass(frozen=True, slots=True)
class UploadDoors:
    """Every way for bytes to come in."""

    direct: DirectUploads
    companion: CompanionUploads
    single_forms: SingleForms
    streams: Streams
    tus: TusUploads
    publisher: Publisher


def open_doors(settings: Settings, parts: Parts, tokens: UploadTokens) -> UploadDoors:
    """All doors; they share the gate, the quota and what looks at the bytes."""
    database, storage = parts.database, parts.storage
    read_picture = picture_reader(settings)
    verifier = Verifier(database, storage, utc_now, random_id, read_picture)
    streams = Streams(
        database=database,
        storage=storage,
        settings=settings,
        clock=utc_now,
        new_id=random_id,
        read_picture=read_picture,
    )
    return UploadDoors(
        direct=DirectUploads(
            database=database,
            storage=storage,
            settings=settings,
            clock=utc_now,
            new_id=random_id,
            verifier=verifier,
        ),
        companion=CompanionUploads(
            database=database,
            storage=storage,
            settings=settings,
            clock=utc_now,
            new_id=random_id,
            verifier=verifier,
        ),
        single_forms=SingleForms(
            database=database,
            streams=streams,
            tokens=tokens,
            signer=Signer(parts.secret, parts.former_secrets),
            settings=settings,
            clock=utc_now,
            new_id=random_id,
        ),
        streams=streams,
        tus=TusUploads(Stores(database, storage, settings, utc_now, random_id), read_picture),
        publisher=Publisher(database, utc_now, random_id),
    )

"""The tus door on a pair of backends, and a client that speaks to it without HTTP."""

import asyncio
import base64
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from cimaise.access.policy import Principal
from cimaise.database.schema import discarded_objects, files, tus_uploads
from cimaise.errors import ClientGone, Malformed
from cimaise.images.codec import read_header
from cimaise.library.discarded import delete_discarded
from cimaise.rfc.tus import Checksum
from cimaise.storage.base import Storage
from cimaise.uploads.doors.tus import Continuation, Status, TusUploads
from cimaise.uploads.stores import PART_BYTES, Stores
from cimaise.uploads.tus.checksums import BodyDigest
from cimaise.uploads.tus.creating import Creation
from cimaise.uploads.tus.receiving import Body
from tests.conftest import StandingClock
from tests.kit.bodies import chunked, read_all
from tests.kit.uploading import ANN, Uploading

DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "sha1": lambda whole: hashlib.sha1(whole).digest(),
    "sha256": lambda whole: hashlib.sha256(whole).digest(),
    "md5": lambda whole: hashlib.md5(whole).digest(),
    "crc32": lambda whole: zlib.crc32(whole).to_bytes(4, "big"),
}


def metadata(**texts: str) -> str:
    """``Upload-Metadata``."""
    pairs = ((key, base64.b64encode(text.encode()).decode()) for key, text in texts.items())
    return ",".join(f"{key} {value}".rstrip() for key, value in pairs)


def checksum_header(algorithm: str, whole: bytes) -> str:
    """``Upload-Checksum`` of these bytes."""
    return f"{algorithm} {base64.b64encode(DIGESTS[algorithm](whole)).decode()}"


async def broken(whole: bytes, step: int = 65_536) -> AsyncIterator[bytes]:
    """A body that breaks off behind these bytes."""
    async for chunk in chunked(whole, step):
        yield chunk
    raise ClientGone("The client closed the connection.")


class Halting:
    """A body that sends some bytes, and the rest only when told to."""

    def __init__(self, first: bytes, rest: bytes = b"") -> None:
        self._first, self._rest = first, rest
        self.halts = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in chunked(self._first):
            yield chunk
        self.halts.set()
        await self.goes_on.wait()
        async for chunk in chunked(self._rest):
            yield chunk


class Tus:
    """A process's tus door, and Ann who sends through it. ``another`` is a second process."""

    def __init__(
        self,
        uploading: Uploading,
        *,
        storage: Storage | None = None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.uploading = uploading
        self.storage = storage or uploading.storage
        self.part_bytes = part_bytes
        self.clock = StandingClock()  # not the storage's: a bucket compares that with its own
        self.clock.now = uploading.clock()
        self.door = TusUploads(
            Stores(
                uploading.database,
                self.storage,
                uploading.settings,
                self.clock,
                uploading.new_id,
                part_bytes,
            ),
            read_header,
        )

    def another(self, storage: Storage | None = None) -> "Tus":
        """Another process on the same database and storage."""
        return Tus(self.uploading, storage=storage or self.storage, part_bytes=self.part_bytes)

    async def create(
        self,
        length: int | None,
        filename: str = "tool.zip",
        *,
        principal: Principal = ANN,
        body: Body | None = None,
        **more: Any,
    ) -> str:
        """A new upload of Ann's for the collection ``tools``; gives its id."""
        told = metadata(collection="tools", filename=filename)
        creation = Creation(length=length, metadata=told)
        status = await self.door.create(principal, replace(creation, **more), body)
        return status.upload.id

    async def final(self, *pieces: str, filename: str = "tool.zip") -> Status:
        """A new upload made of partial ones."""
        concat = "final;" + " ".join(f"/tus/{piece}" for piece in pieces)
        told = metadata(collection="tools", filename=filename)
        return await self.door.create(ANN, Creation(None, told, concat, pieces))

    async def send(
        self,
        upload_id: str,
        offset: int,
        whole: bytes,
        *,
        chunks: AsyncIterator[bytes] | None = None,
        checksum: Checksum | None = None,
        length: int | None = None,
        is_size_known: bool = True,
        step: int = 65_536,
    ) -> int:
        """One request with bytes; gives the offset behind it."""
        body = Body(
            chunks if chunks is not None else chunked(whole, step),
            len(whole) if is_size_known else None,
            BodyDigest([checksum.algorithm]) if checksum else None,
            (lambda: _require(checksum)) if checksum else None,
        )
        status = await self.door.append(upload_id, Continuation(offset, length), body)
        return status.offset

    async def offset(self, upload_id: str) -> int:
        """What is told of an upload."""
        return (await self.door.status(upload_id)).offset

    async def recorded(self, upload_id: str) -> int:
        """What the database knows to be kept, without taking the upload over."""
        return await self.uploading.database.read(
            lambda connection: connection.execute(
                select(tus_uploads.c.kept_bytes).where(tus_uploads.c.upload_id == upload_id)
            ).scalar_one()
        )

    async def published(self, upload_id: str) -> bytes | None:
        """The bytes of the file that an upload has become."""
        key = await self.uploading.database.read(
            lambda connection: connection.execute(
                select(files.c.storage_key).where(files.c.upload_id == upload_id)
            ).scalar()
        )
        return None if key is None else await read_all(self.storage, key)

    async def clean_up(self) -> list[str]:
        """Everything is long past; the clean-up runs; gives the keys that are left."""
        now = await self.uploading.database.read(
            lambda connection: connection.execute(
                select(discarded_objects.c.not_before).order_by(
                    discarded_objects.c.not_before.desc()
                )
            ).scalar()
        )
        if now is not None:
            await delete_discarded(self.uploading.database, self.storage, now=now)
        return await self.uploading.objects()


def sha1(whole: bytes) -> Checksum:
    """The right one."""
    return Checksum("sha1", DIGESTS["sha1"](whole))


def _require(checksum: Checksum | None) -> Checksum:
    if checksum is None:
        raise Malformed("No checksum came.")
    return checksum

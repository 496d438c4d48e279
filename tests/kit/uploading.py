"""Direct uploads on a real database and a real storage, and a client that sends as one would."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from sqlalchemy import func, insert, select

from cimaise.access.policy import Principal, Role, Visibility
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, files, uploads
from cimaise.images.codec import read_header
from cimaise.library.collections import Collections
from cimaise.library.model import Policy
from cimaise.settings import Settings, StorageSettings
from cimaise.storage.base import Storage
from cimaise.storage.table import open_storage
from cimaise.uploads import quota
from cimaise.uploads.doors.direct import DirectUploads, Intent, Started
from cimaise.uploads.publish import Publisher
from cimaise.uploads.session import State
from cimaise.uploads.stores import Stores
from cimaise.uploads.verify import Verifier
from tests.kit.bodies import chunked, content

ANN = Principal("ann", "ann", Role.MEMBER)
BOB = Principal("bob", "bob", Role.MEMBER)
ADMIN = Principal("root", "root", Role.ADMIN)
MB = 1024 * 1024


def zipped(length: int) -> bytes:
    """A file that is a ZIP, with one stored member, of about ``length`` bytes; always the same."""
    import io  # noqa: PLC0415
    import zipfile  # noqa: PLC0415

    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(zipfile.ZipInfo("noise.bin"), content(length))
    return whole.getvalue()


async def put(url: str, body: bytes, headers: Mapping[str, str]) -> str:
    """What a client does with a signed URL; gives the ETag."""
    async with httpx2.AsyncClient() as client:
        answer = await client.put(url, content=body, headers=dict(headers))
    assert answer.status_code == 200, answer.text
    return answer.headers["etag"].strip('"')


@dataclass
class Uploading:
    """Everything that direct uploads need, wired as the application wires it."""

    database: Database
    storage: Storage
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    settings: Settings = field(default_factory=Settings)

    @property
    def direct(self) -> DirectUploads:
        """The door."""
        return DirectUploads(self.stores, Verifier(self.stores, read_header))

    @property
    def stores(self) -> Stores:
        """What the doors share."""
        return Stores(self.database, self.storage, self.settings, self.clock, self.new_id)

    @property
    def publisher(self) -> Publisher:
        """The publish call."""
        return Publisher(self.database, self.clock, self.new_id)

    @property
    def collections(self) -> Collections:
        """Collections."""
        return Collections(self.database, self.clock, self.new_id)

    async def prepare(self, **policy: object) -> None:
        """Three accounts, and a private collection ``tools`` of Ann's."""
        people = [("ann", "member"), ("bob", "member"), ("root", "admin")]
        await self.database.write(
            lambda connection: (
                connection.execute(
                    insert(accounts),
                    [
                        {"id": name, "name": name, "role": role, "created_at": datetime.now(UTC)}
                        for name, role in people
                    ],
                ).rowcount
            )
        )
        await self.collections.create(
            ANN,
            "tools",
            visibility=Visibility.PRIVATE,
            policy=Policy(**policy),  # type: ignore[arg-type]
        )

    async def begin(self, body: bytes, filename: str = "tool.zip", **more: object) -> Started:
        """Ann begins an upload of exactly these bytes."""
        intent = Intent("tools", filename, len(body), **more)  # type: ignore[arg-type]
        return await self.direct.create(ANN, intent)

    async def send(self, started: Started, body: bytes) -> None:
        """The client's PUT of the whole body: to S3 for real, else as the signed route does it."""
        assert started.single is not None
        if self.storage.signed_door is None and len(body) == started.session.declared_size:
            await put(started.single.url, body, started.single.headers)
            return
        await self.storage.write(
            started.session.incoming_key,
            chunked(body),
            content_type="application/octet-stream",
            size=len(body),
        )

    async def send_parts(
        self, started: Started, body: bytes, numbers: list[int] | None = None
    ) -> dict[int, str]:
        """The client's PUTs of parts; gives their ETags by number."""
        session = started.session
        assert self.storage.multipart is not None
        assert session.part_size is not None
        assert session.storage_upload_id is not None
        etags = {}
        for number in numbers or range(1, (session.part_count or 0) + 1):
            piece = body[(number - 1) * session.part_size : number * session.part_size]
            if self.storage.signed_door is None:
                fresh = await self.direct.fresh_urls(ANN, session.id, [number])
                etags[number] = await put(fresh.parts[0].url, piece, {})
                continue
            part = await self.storage.multipart.write(
                session.incoming_key,
                session.storage_upload_id,
                number,
                chunked(piece),
                size=len(piece),
            )
            etags[number] = part.etag
        return etags

    async def state(self, upload_id: str) -> State:
        """The state in the database."""
        text = await self.database.read(
            lambda connection: connection.execute(
                select(uploads.c.state).where(uploads.c.id == upload_id)
            ).scalar_one()
        )
        return State(text)

    async def used(self, account: str = "ann") -> quota.QuotaState:
        """The account's quota."""
        return await self.database.read(
            lambda connection: quota.state(
                connection, account, now=self.clock(), defaults=self.settings.quota
            )
        )

    async def files_count(self) -> int:
        """Published files."""
        return await self.database.read(
            lambda connection: connection.execute(
                select(func.count()).select_from(files).where(files.c.deleted_at.is_(None))
            ).scalar_one()
        )

    async def objects(self) -> list[str]:
        """Every key that the storage holds."""
        keys = [info.key async for info in self.storage.list("incoming/")]
        return keys + [info.key async for info in self.storage.list("objects/")]


def made_storage(settings: StorageSettings, folder: Path, clock: Callable[[], datetime]) -> Storage:
    """An open storage."""
    return open_storage(
        settings,
        data_dir=folder,
        signing_secret=b"a secret of tests",
        public_url="http://media.test",
        now=clock,
    )

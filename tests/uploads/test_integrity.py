"""What was published stays what was looked at, on every storage and on two servers of S3."""

import base64
import contextlib
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cimaise.database.engine import open_database
from cimaise.errors import Invalid, NotFound, WrongState
from cimaise.library.files import Files
from cimaise.settings import StorageSettings
from cimaise.uploads.publish import Caption
from cimaise.uploads.session import State
from tests.conftest import StandingClock
from tests.kit.backends import further, left_out
from tests.kit.bodies import chunked, read_all
from tests.kit.s3 import CannotStart, S3Server, make_bucket, start_versitygw
from tests.kit.uploading import ANN, MB, Uploading, made_storage, zipped

SMALL = zipped(100_000)
EVIL = SMALL.replace(b"noise.bin", b"evilx.bin")
LARGE = zipped(6 * MB)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    try:
        server = start_versitygw(tmp_path_factory.mktemp("versitygw"))
    except CannotStart as fault:
        left_out(str(fault))
    yield server
    server.stop()


@pytest.fixture
def storage_settings(request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    kind = request.node.callspec.params["uploading"]
    if kind == "memory":
        return StorageSettings(url="memory:")
    if kind == "file":
        return StorageSettings(url=f"file://{tmp_path}/storage")
    server: S3Server = request.getfixturevalue(kind)
    return StorageSettings(
        url=server.url(make_bucket(server, f"integrity-{next(_numbers)}")),
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        sign_checksums=True,
    )


@pytest.fixture(params=["file", *further("memory", "swift", "versitygw")])
async def uploading(
    request: pytest.FixtureRequest,
    storage_settings: StorageSettings,
    new_database: Callable[[str], str],
    clock: StandingClock,
    new_id: Callable[[], str],
    tmp_path: Path,
) -> AsyncIterator[Uploading]:
    clock.catch_up()
    database = open_database(new_database("sqlite"), data_dir=tmp_path)
    storage = made_storage(storage_settings, tmp_path, lambda: datetime.now(UTC))
    made = Uploading(database, storage, clock, new_id)
    await made.prepare()
    yield made
    await storage.close()
    database.close()


def sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


async def stored(uploading: Uploading, file_id: str) -> bytes:
    file = await Files(uploading.database, uploading.clock).find(ANN, file_id)
    return await read_all(uploading.storage, file.storage_key or "")


async def test_a_url_used_again_changes_nothing_that_was_published(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    await uploading.direct.complete(ANN, started.session.id, None)
    await uploading.send(started, EVIL)
    file = await uploading.publisher.publish_upload(
        ANN, "tools", started.session.id, Caption("Tool")
    )
    await uploading.send(started, EVIL)
    assert await stored(uploading, file.id) == SMALL


async def test_a_parts_url_used_again_changes_nothing_that_was_published(uploading: Uploading):
    started = await uploading.begin(LARGE, strategy="multipart", part_size=5 * MB)
    etags = await uploading.send_parts(started, LARGE)
    fresh = await uploading.direct.fresh_urls(ANN, started.session.id, [1])
    await uploading.direct.complete(ANN, started.session.id, etags)
    file = await uploading.publisher.publish_upload(
        ANN, "tools", started.session.id, Caption("Tool")
    )
    if uploading.storage.signed_door is None:
        async with httpx2.AsyncClient() as client:
            with contextlib.suppress(httpx2.TransportError):  # refused before it has all come
                await client.put(fresh.parts[0].url, content=bytes(5 * MB))
    else:
        with pytest.raises(NotFound):
            await uploading.send_parts(started, bytes(len(LARGE)), [1])
    assert await stored(uploading, file.id) == LARGE


async def test_a_declared_checksum_refuses_another_body_and_nothing_is_left(uploading: Uploading):
    started = await uploading.begin(SMALL, checksum_sha256=sha256(SMALL))
    assert started.single is not None
    if uploading.storage.signed_door is None:  # the service itself refuses it
        async with httpx2.AsyncClient() as client:
            answer = await client.put(
                started.single.url, content=EVIL, headers=dict(started.single.headers)
            )
        assert answer.status_code == 400
        with pytest.raises(WrongState):
            await uploading.direct.complete(ANN, started.session.id, None)
        await uploading.send(started, SMALL)
        done = await uploading.direct.complete(ANN, started.session.id, None)
        assert done.session.sha256 == hashlib.sha256(SMALL).hexdigest()
        return
    await uploading.send(started, EVIL)
    with pytest.raises(Invalid) as refusal:
        await uploading.direct.complete(ANN, started.session.id, None)
    assert refusal.value.code == "checksum_mismatch"
    assert await uploading.state(started.session.id) is State.REJECTED
    assert await uploading.objects() == []


async def test_a_checksum_left_out_by_the_client_is_still_verified(uploading: Uploading):
    """Without the storage's help: other bytes under the right address."""
    started = await uploading.begin(SMALL, checksum_sha256=sha256(SMALL))
    await uploading.storage.write(
        started.session.incoming_key, chunked(EVIL), content_type="application/zip"
    )
    with pytest.raises(Invalid) as refusal:
        await uploading.direct.complete(ANN, started.session.id, None)
    assert refusal.value.code == "checksum_mismatch"
    assert await uploading.objects() == []


async def test_a_client_that_says_its_etag_gets_that_version_or_none(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    first = (await uploading.storage.stat(started.session.incoming_key)).etag
    await uploading.send(started, EVIL)
    with pytest.raises(WrongState) as refusal:
        await uploading.direct.complete(ANN, started.session.id, {1: first})
    assert refusal.value.code == "part_mismatch"
    assert await uploading.state(started.session.id) is State.PENDING
    with pytest.raises(Invalid):
        await uploading.direct.complete(ANN, started.session.id, {1: first, 2: first})
    now = (await uploading.storage.stat(started.session.incoming_key)).etag
    done = await uploading.direct.complete(ANN, started.session.id, {1: now})
    assert await read_all(uploading.storage, done.session.storage_key) == EVIL


async def test_keys_are_random_and_say_nothing(uploading: Uploading):
    started = await uploading.begin(SMALL, "Geheimnis von Ann.zip")
    again = await uploading.begin(SMALL, "Geheimnis von Ann.zip")
    keys = [
        started.session.incoming_key, started.session.storage_key, again.session.incoming_key,
    ]  # fmt: skip
    assert len(set(keys)) == 3
    for key in keys:
        assert not {"geheimnis", "ann", "tools", "zip"} & set(key.lower().replace("/", " ").split())
        assert ".zip" not in key


async def test_parts_that_are_listed_still_though_they_were_joined_do_no_harm(
    uploading: Uploading,
):
    """A bucket ends what a dead process asked for while the next one has begun."""
    started = await uploading.begin(LARGE, strategy="multipart", part_size=5 * MB)
    etags = await uploading.send_parts(started, LARGE)
    stale = replace(uploading, storage=Stale(uploading.storage))
    dying = replace(stale, storage=Dying(stale.storage))
    with pytest.raises(RuntimeError):
        await dying.direct.complete(ANN, started.session.id, etags)
    done = await stale.direct.complete(ANN, started.session.id, etags)
    assert await read_all(uploading.storage, done.session.storage_key) == LARGE


class Stale:
    """A storage that goes on listing the parts of an upload as it did the first time."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._listed: Any = None
        self.multipart = self

    def __getattr__(self, name: str) -> Any:
        if name in ("create", "write", "abort", "unfinished"):
            return getattr(self._inner.multipart, name)
        return getattr(self._inner, name)

    async def parts(self, key: str, upload_id: str) -> Any:
        if self._listed is None:
            self._listed = await self._inner.multipart.parts(key, upload_id)
        return self._listed

    async def complete(self, key: str, upload_id: str, parts: Any) -> Any:
        return await self._inner.multipart.complete(key, upload_id, parts)


class Dying:
    """A storage whose process dies at the first look at what was joined."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def open(self, key: str, **more: Any) -> Any:
        raise RuntimeError("killed")

"""Every object to another storage, broken off and gone on with, checked on the way."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cimaise.backup.moving import Moved, compare_all, copy_all
from cimaise.backup.objects import Named
from cimaise.errors import CimaiseError, Invalid, NotFound, Unavailable
from cimaise.settings import StorageSettings
from cimaise.storage.base import Storage
from cimaise.storage.table import open_storage
from tests.kit.backends import further
from tests.kit.s3 import S3Server, make_bucket

BODIES = {f"objects/aa/bb/object{number}": b"%d" % number * 5000 for number in range(4)}


def opened(settings: StorageSettings, folder: Path) -> Storage:
    return open_storage(
        settings, data_dir=folder, signing_secret=b"a secret of the tests", public_url="http://x"
    )


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Storage]:
    storage = opened(StorageSettings(url=f"file://{tmp_path / 'old'}"), tmp_path)
    for key, body in BODIES.items():
        await storage.write(key, chunks(body), content_type="text/plain", size=len(body))
    yield storage
    await storage.close()


@pytest.fixture(params=["file", *further("s3")])
async def target(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    if request.param == "file":
        settings = StorageSettings(url=f"file://{tmp_path / 'new'}")
    else:
        swift: S3Server = request.getfixturevalue("swift")
        settings = StorageSettings(
            url=swift.url(make_bucket(swift, f"moving-{abs(hash(tmp_path))}")),
            access_key_id=swift.access_key,
            secret_access_key=swift.secret_key,
        )
    storage = opened(settings, tmp_path)
    yield storage
    await storage.close()


def digest(body: bytes) -> str:
    from hashlib import sha256  # noqa: PLC0415

    return sha256(body).hexdigest()


NAMED = [Named(key, "text/plain", digest(body)) for key, body in BODIES.items()]


def quiet(_done: int, _all: int) -> None:
    """Tell nobody."""


async def content(storage: Storage, key: str) -> bytes:
    async with storage.open(key) as reading:
        return b"".join([chunk async for chunk in reading.chunks])


async def test_everything_arrives_and_a_second_run_copies_nothing(source: Storage, target: Storage):
    told: list[Any] = []
    total = sum(map(len, BODIES.values()))
    assert await copy_all(source, target, NAMED, lambda *done: told.append(done)) == Moved(4, total, 0)  # fmt: skip
    assert told[-1] == (4, 4)
    for key, body in BODIES.items():
        assert await content(target, key) == body
    assert await copy_all(source, target, NAMED, quiet) == Moved(0, 0, 4)
    assert await compare_all(target, NAMED, quiet) == 4


async def test_what_was_broken_off_is_gone_on_with(
    source: Storage, target: Storage, monkeypatch: pytest.MonkeyPatch
):
    count = 0
    write = type(target).write

    async def failing(self: Any, *args: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        if count == 3:
            raise Unavailable("away")
        return await write(self, *args, **more)

    monkeypatch.setattr(type(target), "write", failing)
    with pytest.raises(Unavailable):
        await copy_all(source, target, NAMED, quiet)
    assert (await copy_all(source, target, NAMED, quiet)).present == 2
    assert await compare_all(target, NAMED, quiet) == 4


async def test_damage_is_found_before_the_copy_is_visible(source: Storage, target: Storage):
    wrong = [replace(NAMED[0], sha256=digest(b"other bytes")), *NAMED[1:]]
    with pytest.raises(Invalid) as caught:
        await copy_all(source, target, wrong, quiet)
    assert caught.value.code == "checksum_mismatch"
    with pytest.raises(NotFound):
        await target.stat(NAMED[0].key)


async def test_an_object_that_is_missing_is_named(source: Storage, target: Storage):
    await source.delete([NAMED[1].key])
    with pytest.raises(CimaiseError):
        await copy_all(source, target, NAMED, quiet)


async def test_damage_at_the_target_is_found_when_it_is_read_back(source: Storage, target: Storage):
    await copy_all(source, target, NAMED, quiet)
    body = b"x" * len(BODIES[NAMED[2].key])
    await target.write(NAMED[2].key, chunks(body), content_type="text/plain", size=len(body))
    with pytest.raises(Invalid):
        await compare_all(target, NAMED, quiet)

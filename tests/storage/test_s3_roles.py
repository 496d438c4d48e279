"""Three keys, each allowed only what its policy says: everything works, and nothing more.

versitygw enforces the very policies that ``cimaise storage setup`` prints. A call that went out
with the wrong key would be refused.
"""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cimaise.errors import CimaiseError, NotFound
from cimaise.settings import StorageSettings
from cimaise.storage.base import Storage, Verdict, Wishes
from cimaise.storage.s3.location import parse_location
from cimaise.storage.s3.policies import policies
from tests.kit.backends import left_out
from tests.kit.bodies import chunked, content, read_all
from tests.kit.s3 import CannotStart, S3Server, add_account, make_bucket, start_versitygw
from tests.kit.uploading import made_storage

MB = 1024 * 1024
ROLES = ("main", "presigner", "cleanup")
_numbers = itertools.count(1)
pytestmark = pytest.mark.slow
WISHES = Wishes((), abort_after_days=3)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    iam = tmp_path_factory.mktemp("iam")
    try:
        started = start_versitygw(tmp_path_factory.mktemp("versitygw"), iam=iam)
    except CannotStart as fault:
        left_out(str(fault))
    for role in ROLES:
        add_account(started, role, f"{role}-secret")
    yield started
    started.stop()


def bucket_policy(url: str) -> dict[str, Any]:
    """Our three policies as one of the bucket, which is what versitygw enforces."""
    statements = []
    for role, policy in policies(parse_location(url)).items():
        statements += [{**one, "Principal": [role]} for one in policy["Statement"]]
    return {"Version": "2012-10-17", "Statement": statements}


@pytest.fixture
def settings(server: S3Server) -> StorageSettings:
    """A bucket with the policies, below a prefix, and the three keys."""
    bucket = make_bucket(server, f"roles-{next(_numbers)}")
    url = server.url(bucket, "media")
    server.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(bucket_policy(url)))
    return StorageSettings(
        url=url,
        access_key_id="main",
        secret_access_key="main-secret",
        presigner_access_key_id="presigner",
        presigner_secret_access_key="presigner-secret",
        cleanup_access_key_id="cleanup",
        cleanup_secret_access_key="cleanup-secret",
    )


@pytest.fixture
async def storage(settings: StorageSettings, tmp_path: Path) -> AsyncIterator[Storage]:
    opened = made_storage(settings, tmp_path, lambda: datetime.now(UTC))
    yield opened
    await opened.close()


async def exercise(storage: Storage) -> None:
    """Every call that the application makes of a storage."""
    whole, multipart = content(5 * MB + 7), storage.multipart
    assert multipart is not None
    assert storage.presigner is not None
    assert storage.foreign is not None
    soon = datetime.now(UTC) + timedelta(minutes=5)
    await storage.check()
    await storage.write("incoming/one", chunked(b"one"), content_type="a/b", size=3)
    await storage.write("incoming/two", chunked(whole), content_type="a/b")
    await storage.move("incoming/one", "objects/one")
    assert await read_all(storage, "objects/one") == b"one"
    with pytest.raises(NotFound):
        await storage.stat("incoming/one")
    put = storage.presigner.put("incoming/put", size=3, content_type="a/b", expires_at=soon)
    get = storage.presigner.get("incoming/put", expires_at=soon)
    upload = await multipart.create("objects/parts", content_type="a/b", part_size=5 * MB)
    part = storage.presigner.part("objects/parts", upload, 1, size=5 * MB, expires_at=soon)
    async with httpx2.AsyncClient() as client:
        sent = await client.put(put.url, content=b"put", headers=dict(put.headers))
        assert sent.status_code == 200, sent.text
        assert (await client.get(get.url)).content == b"put"
        sent = await client.put(part.url, content=whole[: 5 * MB])
        assert sent.status_code == 200, sent.text
    await multipart.write("objects/parts", upload, 2, chunked(whole[5 * MB :]), size=7)
    await multipart.complete(
        "objects/parts", upload, await multipart.parts("objects/parts", upload)
    )
    given_up = await multipart.create("objects/none", content_type="a/b", part_size=5 * MB)
    assert [one.key async for one in multipart.unfinished(["objects/none"])] == ["objects/none"]
    await multipart.abort("objects/none", given_up)
    await storage.foreign.adopt("objects/one", "objects/adopted")
    await storage.foreign.drop("objects/one")
    keys = [info.key async for info in storage.list("")]
    assert keys == ["incoming/put", "incoming/two", "objects/adopted", "objects/parts"]
    await storage.delete(keys)
    assert [info.key async for info in storage.list("")] == []


async def test_every_call_goes_out_with_the_one_key_that_is_allowed_it(storage: Storage):
    await exercise(storage)


@pytest.mark.parametrize(
    ("taken", "given"),
    [("main", "presigner"), ("main", "cleanup"), ("presigner", "cleanup"), ("cleanup", "main")],
)
async def test_with_two_keys_in_each_others_place_it_does_not_work(
    settings: StorageSettings, tmp_path: Path, taken: str, given: str
):
    """So the test above could fail: a wrong key is refused."""
    field = "" if taken == "main" else f"{taken}_"
    changes: dict[str, Any] = {
        f"{field}access_key_id": given,
        f"{field}secret_access_key": f"{given}-secret",
    }
    wrong = replace(settings, **changes)
    storage = made_storage(wrong, tmp_path, lambda: datetime.now(UTC))
    with pytest.raises((CimaiseError, AssertionError)):
        await exercise(storage)
    await storage.close()


async def test_the_check_says_that_each_key_can_do_what_it_is_for_and_no_more(storage: Storage):
    assert storage.upkeep is not None
    checks = {one.name: one for one in await storage.upkeep.check(WISHES)}
    for role in ROLES:
        assert checks[f"credentials {role}"].verdict is Verdict.OK, checks


async def test_the_check_tells_of_a_key_that_may_do_more(
    settings: StorageSettings, server: S3Server, tmp_path: Path
):
    more = replace(
        settings,
        presigner_access_key_id=server.access_key,
        presigner_secret_access_key=server.secret_key,
    )
    storage = made_storage(more, tmp_path, lambda: datetime.now(UTC))
    assert storage.upkeep is not None
    checks = {one.name: one for one in await storage.upkeep.check(WISHES)}
    assert checks["credentials presigner"].verdict is Verdict.WARNING
    assert checks["credentials main"].verdict is Verdict.OK
    await storage.close()

"""Bodies and copies that are too long for one request, with the limits made small."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from cimaise.errors import Invalid, PreconditionFailed, TooLarge
from cimaise.storage.s3 import Accounts, Credentials, S3Storage, parse_location, writing
from cimaise.storage.s3.copying import CopySizes
from cimaise.storage.s3.writing import WriteSizes
from tests.contracts.conftest import MIB, new_bucket
from tests.contracts.storage import Gone, keys
from tests.kit.bodies import broken_off, chunked, content, read_all
from tests.kit.s3 import S3Server

KEY = "incoming/long"
OTHER = "objects/ab/cd/long"
TYPE = "video/mp4"
PART = 5 * MIB


@pytest.fixture
def bucket(swift: S3Server) -> str:
    return new_bucket(swift)


@pytest.fixture
async def storage(swift: S3Server, bucket: str) -> AsyncIterator[S3Storage]:
    account = Credentials(swift.access_key, swift.secret_key)
    opened = S3Storage(
        parse_location(swift.url(bucket)),
        Accounts(account, account, account),
        now=lambda: datetime.now(UTC),
        write_sizes=WriteSizes(single=6 * MIB, buffer=PART, part=PART),
        copy_sizes=CopySizes(single=6 * MIB, part=PART),
    )
    yield opened
    await opened.close()


def unfinished(swift: S3Server, bucket: str) -> list[str]:
    found = swift.client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return [upload["Key"] for upload in found]


@pytest.mark.parametrize("length", [PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1])
@pytest.mark.parametrize("declared", [True, False])
async def test_it_is_written_whole_with_its_type(storage, swift, bucket, length, declared):
    whole = content(length)
    info = await storage.write(
        KEY, chunked(whole), content_type=TYPE, size=length if declared else None
    )
    assert (info.size, info.content_type) == (length, TYPE)
    assert await read_all(storage, KEY) == whole
    assert unfinished(swift, bucket) == []


async def test_a_body_of_unknown_length_goes_out_in_parts_of_one_size(storage):
    info = await storage.write(KEY, chunked(content(2 * PART + 1)), content_type=TYPE)
    assert info.etag.endswith("-3")


@pytest.mark.parametrize("size", [None, 3 * PART])
async def test_a_body_that_breaks_off_leaves_no_parts(storage, swift, bucket, size):
    with pytest.raises(Gone):
        await storage.write(
            KEY, broken_off(content(PART + 100), Gone()), content_type=TYPE, size=size
        )
    assert unfinished(swift, bucket) == []
    assert await keys(storage) == []


@pytest.mark.parametrize("size", [2 * PART, 3 * PART])
async def test_a_body_of_another_length_leaves_no_parts(storage, swift, bucket, size):
    with pytest.raises(Invalid) as caught:
        await storage.write(KEY, chunked(content(2 * PART + 5)), content_type=TYPE, size=size)
    assert caught.value.code == "size_mismatch"
    assert unfinished(swift, bucket) == []
    assert await keys(storage) == []


async def test_a_limit_found_in_a_later_part_leaves_no_parts(storage, swift, bucket):
    with pytest.raises(TooLarge):
        await storage.write(KEY, chunked(content(2 * PART)), content_type=TYPE, max_bytes=PART + 1)
    assert unfinished(swift, bucket) == []


async def test_more_parts_than_there_are_numbers_are_too_large(storage, swift, bucket, monkeypatch):
    monkeypatch.setattr(writing, "MAX_PART_NUMBER", 2)
    with pytest.raises(TooLarge) as caught:
        await storage.write(KEY, chunked(content(2 * PART + 1)), content_type=TYPE)
    assert caught.value.limit is not None
    assert caught.value.limit.value == 2 * PART
    assert unfinished(swift, bucket) == []


async def test_a_long_object_is_moved_in_parts(storage, swift, bucket):
    whole = content(2 * PART + 3)
    info = await storage.write(KEY, chunked(whole), content_type=TYPE, size=len(whole))
    moved = await storage.move(KEY, OTHER, if_etag=info.etag)
    assert (moved.size, moved.content_type) == (len(whole), TYPE)
    assert await read_all(storage, OTHER) == whole
    assert await keys(storage) == [OTHER]
    assert unfinished(swift, bucket) == []


async def test_another_version_of_a_long_object_is_not_moved(storage, swift, bucket):
    first = await storage.write(KEY, chunked(content(2 * PART, 1)), content_type=TYPE)
    await storage.write(KEY, chunked(content(2 * PART, 2)), content_type=TYPE)
    with pytest.raises(PreconditionFailed):
        await storage.move(KEY, OTHER, if_etag=first.etag)
    assert await keys(storage) == [KEY]
    assert unfinished(swift, bucket) == []

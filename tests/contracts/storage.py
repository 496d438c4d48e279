"""What every storage promises, as one suite; see :mod:`cimaise.storage.base`."""

import asyncio
import os
from datetime import timedelta

import pytest

from cimaise.errors import (
    Invalid,
    NotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    TooLarge,
)
from cimaise.storage.base import ObjectInfo, Storage
from tests.contracts.conftest import MIB, Backend
from tests.kit.bodies import Stalled, broken_off, chunked, content, read_all

TYPE = "image/png"
KEY = "objects/ab/cd/first-object"
OTHER = "objects/ab/cd/other-object"
BAD_KEYS = [
    "",
    "/",
    "a//b",
    "../a",
    "a/../b",
    "/etc/passwd",
    "a/",
    ".hidden",
    "tmp/x",
    "multipart/x",
    "ü/x",
    "a\0b",
    "a b",
    "x" * 201,
]


RANGES: dict[tuple[int, int | None], slice] = {
    (0, None): slice(0, 1000),
    (0, 1): slice(0, 1),
    (0, 1000): slice(0, 1000),
    (999, None): slice(999, 1000),
    (17, 400): slice(17, 400),
    (17, 5000): slice(17, 1000),
}
OUTSIDE = [(1000, None), (1001, None), (5, 5), (6, 5), (0, 0), (-1, None)]


class Gone(Exception):
    """What a client that hangs up raises in the body."""


async def put(storage: Storage, key: str, whole: bytes) -> ObjectInfo:
    return await storage.write(key, chunked(whole), content_type=TYPE, size=len(whole))


async def keys(storage: Storage, prefix: str = "", after: str = "") -> list[str]:
    return [info.key async for info in storage.list(prefix, after=after)]


async def cancelled(work: asyncio.Task[ObjectInfo], body: Stalled) -> None:
    await body.waits.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


class StorageContract:
    @pytest.mark.parametrize("length", [0, 1, 256 * 1024, 256 * 1024 + 1, 2 * MIB + 3])
    async def test_what_was_written_is_read(self, storage: Storage, length: int):
        whole = content(length)
        info = await put(storage, KEY, whole)
        assert (info.key, info.size) == (KEY, length)
        assert await read_all(storage, KEY) == whole

    @pytest.mark.parametrize("length", [0, 1, 3 * MIB])
    async def test_a_body_of_unknown_length_is_written(self, storage: Storage, length: int):
        whole = content(length)
        info = await storage.write(KEY, chunked(whole), content_type=TYPE)
        assert info.size == length
        assert await read_all(storage, KEY) == whole

    async def test_a_body_in_tiny_chunks_and_empty_ones_is_written(self, storage: Storage):
        whole = content(5000)

        async def tiny():
            for start in range(0, 5000, 3):
                yield b""
                yield whole[start : start + 3]

        await storage.write(KEY, tiny(), content_type=TYPE, size=5000)
        assert await read_all(storage, KEY) == whole

    async def test_writing_and_looking_say_the_same(self, storage: Storage):
        info = await put(storage, KEY, b"some bytes")
        assert await storage.stat(KEY) == info
        assert info.modified_at.utcoffset() == timedelta(0)
        assert info.etag
        assert '"' not in info.etag
        assert info.content_type in (TYPE, None)

    async def test_chunks_have_at_most_a_mebibyte(self, storage: Storage):
        await put(storage, KEY, content(3 * MIB))
        async with storage.open(KEY) as reading:
            lengths = [len(chunk) async for chunk in reading.chunks]
        assert max(lengths) <= MIB
        assert min(lengths) > 0

    async def test_a_written_object_is_replaced_at_once_and_has_another_etag(self, storage):
        first = await put(storage, KEY, b"one")
        second = await put(storage, KEY, b"two")
        assert first.etag != second.etag
        assert await read_all(storage, KEY) == b"two"

    async def test_a_range_gives_its_bytes_and_says_where_they_lie(self, storage):
        whole = content(1000)
        info = await put(storage, KEY, whole)
        for (start, stop), expected in RANGES.items():
            async with storage.open(KEY, start=start, stop=stop, if_etag=info.etag) as reading:
                assert (reading.info.size, reading.info.etag) == (1000, info.etag)
                assert (reading.start, reading.stop) == (expected.start, expected.stop)
                assert b"".join([chunk async for chunk in reading.chunks]) == whole[expected]

    async def test_a_range_of_a_long_object_crosses_chunks(self, storage):
        whole = content(3 * MIB)
        await put(storage, KEY, whole)
        got = await read_all(storage, KEY, start=MIB - 5, stop=3 * MIB - 7)
        assert got == whole[MIB - 5 : 3 * MIB - 7]

    async def test_a_range_outside_of_the_object_is_refused_with_its_size(self, storage):
        await put(storage, KEY, content(1000))
        for start, stop in OUTSIDE:
            with pytest.raises(RangeNotSatisfiable) as caught:
                await read_all(storage, KEY, start=start, stop=stop)
            assert caught.value.size == 1000

    async def test_an_empty_object_may_be_opened_at_its_beginning_only(self, storage):
        await put(storage, KEY, b"")
        for stop in (None, 0, 10):
            assert await read_all(storage, KEY, stop=stop) == b""
        with pytest.raises(RangeNotSatisfiable):
            await read_all(storage, KEY, start=1)

    async def test_another_version_than_the_one_asked_for_is_refused(self, storage):
        first = await put(storage, KEY, b"one")
        await put(storage, KEY, b"two")
        for start in (0, 1, 50):
            with pytest.raises(PreconditionFailed):
                async with storage.open(KEY, start=start, if_etag=first.etag):
                    pass

    async def test_a_reading_never_mixes_two_versions(self, storage):
        whole = content(4 * MIB, 1)
        await put(storage, KEY, whole)
        async with storage.open(KEY) as reading:
            await put(storage, KEY, content(4 * MIB, 2))
            assert b"".join([chunk async for chunk in reading.chunks]) == whole

    async def test_a_reading_may_be_left_in_the_middle(self, storage):
        await put(storage, KEY, content(3 * MIB))
        async with storage.open(KEY) as reading:
            assert await anext(reading.chunks)
        assert await read_all(storage, KEY) == content(3 * MIB)

    async def test_what_is_absent_is_not_found(self, storage):
        with pytest.raises(NotFound):
            await storage.stat(KEY)
        with pytest.raises(NotFound):
            await read_all(storage, KEY)
        with pytest.raises(NotFound):
            await read_all(storage, KEY, start=5, stop=3)
        with pytest.raises(NotFound):
            await storage.move(KEY, OTHER)
        assert await keys(storage) == []

    async def test_part_of_a_key_is_no_object(self, storage):
        await put(storage, KEY, b"x")
        for key in ("objects/ab/cd", "objects", KEY + "/below"):
            with pytest.raises(NotFound):
                await storage.stat(key)
            with pytest.raises(NotFound):
                await read_all(storage, key)

    async def test_what_cannot_be_a_key_is_refused_everywhere(self, storage):
        await put(storage, KEY, b"x")
        for key in BAD_KEYS:
            with pytest.raises(Invalid):
                await storage.stat(key)
            with pytest.raises(Invalid):
                await read_all(storage, key)
            with pytest.raises(Invalid):
                await put(storage, key, b"x")
            with pytest.raises(Invalid):
                await storage.move(KEY, key)
            with pytest.raises(Invalid):
                await storage.move(key, OTHER)
            with pytest.raises(Invalid):
                await storage.delete([key])
            with pytest.raises(Invalid):
                await storage.multipart.create(key, content_type=TYPE, part_size=5 * MIB)
        assert await keys(storage) == [KEY]

    async def test_fewer_bytes_than_declared_store_nothing(self, storage, backend: Backend):
        if backend.publishes_halves:
            pytest.skip("the server publishes what was broken off")
        with pytest.raises(Invalid) as caught:
            await storage.write(KEY, chunked(b"four"), content_type=TYPE, size=5)
        assert caught.value.code == "size_mismatch"
        assert await keys(storage) == []

    async def test_more_bytes_than_declared_store_nothing(self, storage, backend: Backend):
        if backend.publishes_halves:
            pytest.skip("the server publishes what was broken off")
        with pytest.raises(Invalid) as caught:
            await storage.write(KEY, chunked(content(1000), 100), content_type=TYPE, size=450)
        assert caught.value.code == "size_mismatch"
        assert await keys(storage) == []

    async def test_a_limit_of_bytes_is_found_while_streaming(self, storage):
        taken = 0

        async def endless():
            nonlocal taken
            while True:
                taken += 1
                yield b"x" * 1000

        with pytest.raises(TooLarge) as caught:
            await storage.write(KEY, endless(), content_type=TYPE, max_bytes=10_000)
        assert taken == 11
        assert caught.value.limit is not None
        assert caught.value.limit.value == 10_000
        assert await keys(storage) == []

    async def test_a_declared_length_above_the_limit_is_refused_before_a_byte(self, storage):
        with pytest.raises(TooLarge):
            await storage.write(
                KEY, broken_off(b"", Gone()), content_type=TYPE, size=11, max_bytes=10
            )

    async def test_exactly_the_limit_is_allowed(self, storage):
        info = await storage.write(KEY, chunked(b"ten bytes!"), content_type=TYPE, max_bytes=10)
        assert info.size == 10

    @pytest.mark.parametrize("size", [None, 3 * MIB])
    async def test_a_body_that_breaks_off_leaves_what_was_there(self, storage, backend, size):
        if backend.publishes_halves and size is not None:
            pytest.skip("the server publishes what was broken off")
        await put(storage, KEY, b"the object before")
        with pytest.raises(Gone):
            await storage.write(
                KEY, broken_off(content(2 * MIB), Gone()), content_type=TYPE, size=size
            )
        assert await read_all(storage, KEY) == b"the object before"
        assert await keys(storage) == [KEY]

    @pytest.mark.parametrize("size", [None, 3 * MIB])
    async def test_a_cancelled_write_leaves_nothing(self, storage, backend, size):
        if backend.publishes_halves and size is not None:
            pytest.skip("the server publishes what was broken off")
        body = Stalled(content(2 * MIB))
        await cancelled(
            asyncio.create_task(storage.write(KEY, body, content_type=TYPE, size=size)), body
        )
        assert await keys(storage) == []

    async def test_writes_to_one_key_at_once_leave_one_of_them_whole(self, storage):
        bodies = [content(300_000, seed) for seed in range(4)]
        await asyncio.gather(*(put(storage, KEY, body) for body in bodies))
        assert await read_all(storage, KEY) in bodies

    async def test_a_list_is_in_the_order_of_keys(self, storage):
        made = [
            "incoming/b",
            "incoming/a-1",
            "incoming/a",
            "objects/a/b/c",
            "objects/a-b/c/d",
            "objects/a/b-c",
            "x",
        ]
        for key in made:
            await put(storage, key, key.encode())
        assert await keys(storage) == sorted(made)
        assert await keys(storage, "objects/a") == sorted(
            k for k in made if k.startswith("objects/a")
        )
        assert await keys(storage, "incoming/") == ["incoming/a", "incoming/a-1", "incoming/b"]
        assert await keys(storage, "incoming/a") == ["incoming/a", "incoming/a-1"]
        assert await keys(storage, "nothing/") == []

    async def test_a_list_goes_on_after_a_key(self, storage):
        made = sorted(["incoming/a", "incoming/b", "objects/a-b/x", "objects/a/x", "objects/b/x"])
        for key in made:
            await put(storage, key, b"x")
        for position, key in enumerate(made):
            assert await keys(storage, after=key) == made[position + 1 :]
        assert await keys(storage, "objects/", after="incoming/b") == made[2:]
        assert await keys(storage, "incoming/", after="incoming/aa") == ["incoming/b"]
        assert await keys(storage, "incoming/", after="z") == []

    async def test_a_list_knows_what_looking_knows(self, storage):
        info = await put(storage, KEY, b"some bytes")
        (listed,) = [found async for found in storage.list("objects/")]
        assert (listed.key, listed.size, listed.etag) == (KEY, 10, info.etag)
        assert abs((listed.modified_at - info.modified_at).total_seconds()) < 1

    async def test_deleting_takes_what_is_there_and_forgives_what_is_not(self, storage):
        for key in ("incoming/a", "incoming/b", "incoming/c"):
            await put(storage, key, b"x")
        await storage.delete(["incoming/a", "incoming/none", "objects/n/o/ne", "incoming/c"])
        await storage.delete(["incoming/a"])
        await storage.delete([])
        assert await keys(storage) == ["incoming/b"]

    async def test_a_moved_object_is_at_its_new_key_only(self, storage):
        before = await put(storage, KEY, b"bytes")
        moved = await storage.move(KEY, OTHER, if_etag=before.etag)
        assert (moved.key, moved.size) == (OTHER, 5)
        assert await storage.stat(OTHER) == moved
        assert await read_all(storage, OTHER) == b"bytes"
        assert await keys(storage) == [OTHER]

    async def test_moving_keeps_the_type(self, storage):
        before = await put(storage, KEY, b"bytes")
        moved = await storage.move(KEY, OTHER)
        assert moved.content_type == before.content_type

    async def test_another_version_is_not_moved(self, storage):
        first = await put(storage, KEY, b"one")
        await put(storage, KEY, b"two")
        with pytest.raises(PreconditionFailed):
            await storage.move(KEY, OTHER, if_etag=first.etag)
        assert await keys(storage) == [KEY]
        assert await read_all(storage, KEY) == b"two"

    async def test_a_later_write_to_the_old_key_does_not_touch_what_was_moved(self, storage):
        await put(storage, KEY, b"looked at")
        moved = await storage.move(KEY, OTHER)
        await put(storage, KEY, b"something else")
        assert await storage.stat(OTHER) == moved
        assert await read_all(storage, OTHER) == b"looked at"

    async def test_moving_replaces_what_is_at_the_target(self, storage):
        await put(storage, KEY, b"new")
        await put(storage, OTHER, b"old")
        await storage.move(KEY, OTHER)
        assert await read_all(storage, OTHER) == b"new"
        assert await keys(storage) == [OTHER]

    async def test_moving_to_itself_changes_nothing(self, storage):
        info = await put(storage, KEY, b"bytes")
        assert await storage.move(KEY, KEY, if_etag=info.etag) == info
        assert await read_all(storage, KEY) == b"bytes"

    async def test_checking_succeeds_again_and_again(self, storage):
        await storage.check()
        await storage.check()
        assert await keys(storage) == []

    async def test_many_readings_and_writings_at_once(self, storage):
        bodies = {f"incoming/at-once-{seed}": content(100_000, seed) for seed in range(12)}
        await asyncio.gather(*(put(storage, key, body) for key, body in bodies.items()))
        got = await asyncio.gather(*(read_all(storage, key) for key in bodies))
        assert got == list(bodies.values())

    async def test_a_descriptor_holds_exactly_the_object(self, storage):
        whole = content(400_000)
        await put(storage, KEY, whole)
        async with storage.open(KEY, start=10) as reading:
            if reading.descriptor is not None:
                assert os.fstat(reading.descriptor).st_size == 400_000
                assert os.pread(reading.descriptor, 20, 0) == whole[:20]

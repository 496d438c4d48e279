"""What writing in parts promises; see :class:`cimaise.storage.base.Multipart`."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from cimaise.errors import Invalid, NotFound, WrongState
from cimaise.storage.base import Multipart, PartInfo, Storage
from tests.contracts.conftest import Backend
from tests.contracts.storage import TYPE, Gone, keys, put
from tests.kit.bodies import Stalled, broken_off, chunked, content, read_all

KEY = "incoming/in-parts-0001"
OTHER = "incoming/in-parts-0002"
UNKNOWN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def multipart(storage: Storage) -> Multipart:
    assert storage.multipart is not None
    return storage.multipart


@pytest.fixture
def size(backend: Backend) -> int:
    return backend.part_size


async def begin(multipart: Multipart, size: int) -> str:
    return await multipart.create(KEY, content_type=TYPE, part_size=size)


async def send(multipart: Multipart, upload: str, number: int, whole: bytes) -> PartInfo:
    return await multipart.write(KEY, upload, number, chunked(whole), size=len(whole))


class MultipartContract:
    async def test_parts_sent_in_any_order_at_once_become_the_object(
        self, storage, multipart, size
    ):
        whole = content(2 * size + 7)
        upload = await begin(multipart, size)
        pieces = {n: whole[(n - 1) * size : n * size] for n in (3, 1, 2)}
        sent = await asyncio.gather(*(send(multipart, upload, *each) for each in pieces.items()))
        listed = await multipart.parts(KEY, upload)
        assert list(listed) == sorted(sent, key=lambda part: part.part_number)
        assert [part.size for part in listed] == [size, size, 7]
        assert await keys(storage) == []
        info = await multipart.complete(KEY, upload, listed)
        assert (info.key, info.size) == (KEY, 2 * size + 7)
        assert await storage.stat(KEY) == info
        assert await read_all(storage, KEY) == whole

    async def test_nothing_is_visible_before_it_is_complete(self, storage, multipart, size):
        upload = await begin(multipart, size)
        await send(multipart, upload, 1, b"part")
        with pytest.raises(NotFound):
            await storage.stat(KEY)
        with pytest.raises(NotFound):
            await read_all(storage, KEY)
        assert await keys(storage) == []

    async def test_a_single_short_part_is_enough(self, storage, multipart, size):
        upload = await begin(multipart, size)
        part = await send(multipart, upload, 1, b"all of it")
        await multipart.complete(KEY, upload, [part])
        assert await read_all(storage, KEY) == b"all of it"

    async def test_a_part_sent_again_replaces_the_earlier_one(self, storage, multipart, size):
        upload = await begin(multipart, size)
        first = await send(multipart, upload, 1, content(size, 1))
        last = await send(multipart, upload, 2, b"end")
        again = await send(multipart, upload, 1, content(size, 2))
        assert again.etag != first.etag
        assert list(await multipart.parts(KEY, upload)) == [again, last]
        with pytest.raises(WrongState):
            await multipart.complete(KEY, upload, [first, last])
        await multipart.complete(KEY, upload, [again, last])
        assert await read_all(storage, KEY) == content(size, 2) + b"end"

    async def test_a_part_sent_twice_at_once_is_one_of_the_two(self, storage, multipart, size):
        upload = await begin(multipart, size)
        await asyncio.gather(
            *(send(multipart, upload, 1, content(size, seed)) for seed in range(3))
        )
        await send(multipart, upload, 2, b"end")
        parts = await multipart.parts(KEY, upload)
        await multipart.complete(KEY, upload, parts)
        assert await read_all(storage, KEY) in [content(size, seed) + b"end" for seed in range(3)]

    @pytest.mark.parametrize("factor", [1, 2])
    @pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
    async def test_parts_may_have_another_size_than_was_guessed(
        self, storage, multipart, size, factor, order
    ):
        guess = size * 3 // 2
        whole = content(2 * factor * size + 7)
        upload = await multipart.create(KEY, content_type=TYPE, part_size=guess, is_exact=False)
        step = factor * size
        for number in order:
            await send(multipart, upload, number, whole[(number - 1) * step : number * step])
        info = await multipart.complete(KEY, upload, await multipart.parts(KEY, upload))
        assert info.size == len(whole)
        assert await read_all(storage, KEY) == whole
        assert list(await keys(storage)) == [KEY]

    async def test_a_guess_that_was_right_changes_nothing(self, storage, multipart, size):
        whole = content(size + 7)
        upload = await multipart.create(KEY, content_type=TYPE, part_size=size, is_exact=False)
        for number, piece in ((2, whole[size:]), (1, whole[:size])):
            await send(multipart, upload, number, piece)
        await multipart.complete(KEY, upload, await multipart.parts(KEY, upload))
        assert await read_all(storage, KEY) == whole

    async def test_parts_of_unlike_sizes_are_no_object_even_without_a_size(self, multipart, size):
        upload = await multipart.create(KEY, content_type=TYPE, part_size=size, is_exact=False)
        for number, length in ((1, size), (2, size + 1), (3, 5)):
            await send(multipart, upload, number, content(length))
        with pytest.raises(WrongState):
            await multipart.complete(KEY, upload, await multipart.parts(KEY, upload))
        assert len(await multipart.parts(KEY, upload)) == 3

    async def test_a_new_upload_has_no_parts(self, multipart, size):
        assert list(await multipart.parts(KEY, await begin(multipart, size))) == []

    async def test_parts_that_are_not_named_are_dropped(self, storage, multipart, size):
        upload = await begin(multipart, size)
        one = await send(multipart, upload, 1, content(size))
        await send(multipart, upload, 2, content(size))
        await send(multipart, upload, 4, content(size))
        await multipart.complete(KEY, upload, [one])
        assert await read_all(storage, KEY) == content(size)

    @pytest.mark.parametrize(
        "wrong", ["etag", "absent", "gap", "order", "twice", "none", "sizes", "size"]
    )
    async def test_other_parts_than_the_stored_ones_change_nothing(
        self, storage, multipart, size, wrong
    ):
        upload = await begin(multipart, size)
        parts = [await send(multipart, upload, n, content(size, n)) for n in (1, 2)]
        parts.append(await send(multipart, upload, 3, b"end"))
        one, two, three = parts
        named = {
            "etag": [one, replace(two, etag="0" * 32), three],
            "absent": [*parts[:2], replace(two, part_number=3), replace(three, part_number=4)],
            "gap": [one, three],
            "order": [two, one, three],
            "twice": [one, one, two, three],
            "none": [],
            "sizes": [replace(one, size=size - 1), two, three],
            "size": [one, two, replace(three, size=size + 1)],
        }
        with pytest.raises(WrongState) as caught:
            await multipart.complete(KEY, upload, named[wrong])
        assert caught.value.code == "part_mismatch"
        assert await keys(storage) == []
        assert list(await multipart.parts(KEY, upload)) == parts
        await multipart.complete(KEY, upload, parts)
        assert await read_all(storage, KEY) == content(size, 1) + content(size, 2) + b"end"

    async def test_a_part_too_short_for_its_place_is_a_mismatch(self, storage, multipart, size):
        upload = await begin(multipart, size)
        parts = [await send(multipart, upload, n, content(size - 1, n)) for n in (1, 2)]
        with pytest.raises(WrongState):
            await multipart.complete(KEY, upload, parts)
        assert await keys(storage) == []

    async def test_completing_twice_is_completing_once(self, storage, multipart, size):
        upload = await begin(multipart, size)
        parts = [await send(multipart, upload, n, content(size, n)) for n in (1, 2)]
        first = await multipart.complete(KEY, upload, parts)
        assert await multipart.complete(KEY, upload, parts) == first
        assert await storage.stat(KEY) == first
        assert await read_all(storage, KEY) == content(size, 1) + content(size, 2)

    async def test_completing_twice_at_once_is_completing_once(self, storage, multipart, size):
        upload = await begin(multipart, size)
        parts = [await send(multipart, upload, n, content(size, n)) for n in (1, 2)]
        results = await asyncio.gather(*(multipart.complete(KEY, upload, parts) for _ in range(4)))
        assert {info.size for info in results} == {2 * size}
        assert await read_all(storage, KEY) == content(size, 1) + content(size, 2)

    async def test_another_storage_object_completes_what_was_begun(
        self, storage, multipart, size, backend: Backend, reopen: Callable[[], Storage]
    ):
        if backend.url == "memory:" or backend.name == "measured":
            pytest.skip("memory is not shared")
        upload = await begin(multipart, size)
        part = await send(multipart, upload, 1, b"all of it")
        again = reopen().multipart
        assert again is not None
        assert list(await again.parts(KEY, upload)) == [part]
        info = await again.complete(KEY, upload, [part])
        assert await multipart.complete(KEY, upload, [part]) == info

    async def test_after_completion_parts_are_refused(
        self, storage, multipart, size, backend: Backend
    ):
        upload = await begin(multipart, size)
        part = await send(multipart, upload, 1, b"all of it")
        await multipart.complete(KEY, upload, [part])
        await multipart.abort(KEY, upload)
        assert await read_all(storage, KEY) == b"all of it"
        if backend.takes_late_parts:
            pytest.skip("the server takes parts as long as the object is at its key")
        with pytest.raises(NotFound):
            await multipart.parts(KEY, upload)
        with pytest.raises(NotFound):
            await send(multipart, upload, 1, b"too late!")
        assert await read_all(storage, KEY) == b"all of it"

    async def test_a_late_part_does_not_change_what_was_moved(self, storage, multipart, size):
        upload = await begin(multipart, size)
        part = await send(multipart, upload, 1, b"all of it")
        info = await multipart.complete(KEY, upload, [part])
        moved = await storage.move(KEY, OTHER, if_etag=info.etag)
        with suppress(NotFound):
            await send(multipart, upload, 1, b"too late!")
        assert await storage.stat(OTHER) == moved
        assert await read_all(storage, OTHER) == b"all of it"

    async def test_an_aborted_upload_is_gone(self, storage, multipart, size):
        upload = await begin(multipart, size)
        part = await send(multipart, upload, 1, b"all of it")
        await multipart.abort(KEY, upload)
        await multipart.abort(KEY, upload)
        with pytest.raises(NotFound):
            await multipart.parts(KEY, upload)
        with pytest.raises(NotFound):
            await send(multipart, upload, 2, b"too late!")
        with pytest.raises(NotFound):
            await multipart.complete(KEY, upload, [part])
        assert await keys(storage) == []

    async def test_an_object_of_another_length_is_not_taken_for_the_completed_one(
        self, storage, multipart, size
    ):
        upload = await begin(multipart, size)
        part = await send(multipart, upload, 1, b"all of it")
        await multipart.abort(KEY, upload)
        await put(storage, KEY, b"another object")
        with pytest.raises((NotFound, Invalid)):
            await multipart.complete(KEY, upload, [part])
        assert await read_all(storage, KEY) == b"another object"

    async def test_an_unknown_upload_is_not_found(self, storage, multipart):
        part = PartInfo(1, 4, "0" * 32)
        for upload in (UNKNOWN, "../../../etc", "x" * 300, "a/b", ".", "", "\0"):
            with pytest.raises(NotFound):
                await multipart.parts(KEY, upload)
            with pytest.raises(NotFound):
                await send(multipart, upload, 1, b"part")
            with pytest.raises(NotFound):
                await multipart.complete(KEY, upload, [part])
            await multipart.abort(KEY, upload)
        assert await keys(storage) == []

    async def test_an_upload_belongs_to_its_key(self, storage, multipart, size):
        upload = await begin(multipart, size)
        part = await send(multipart, upload, 1, b"all of it")
        with pytest.raises(NotFound):
            await multipart.parts(OTHER, upload)
        with pytest.raises(NotFound):
            await multipart.write(OTHER, upload, 1, chunked(b"stolen"), size=6)
        with pytest.raises(NotFound):
            await multipart.complete(OTHER, upload, [part])
        await multipart.abort(OTHER, upload)
        assert list(await multipart.parts(KEY, upload)) == [part]

    async def test_part_numbers_go_from_1_to_10000(self, multipart, size):
        upload = await begin(multipart, size)
        for number in (0, -1, 10_001):
            with pytest.raises(Invalid):
                await send(multipart, upload, number, b"part")
        assert list(await multipart.parts(KEY, upload)) == []

    async def test_the_last_part_number_works(self, multipart, size):
        upload = await begin(multipart, size)
        part = await send(multipart, upload, 10_000, b"part")
        assert list(await multipart.parts(KEY, upload)) == [part]

    @pytest.mark.parametrize("declared", [3, 5])
    async def test_a_part_of_another_length_is_not_stored(
        self, multipart, size, declared, backend: Backend
    ):
        if backend.publishes_halves:
            pytest.skip("the server keeps what was broken off")
        upload = await begin(multipart, size)
        with pytest.raises(Invalid) as caught:
            await multipart.write(KEY, upload, 1, chunked(b"part", 1), size=declared)
        assert caught.value.code == "size_mismatch"
        assert list(await multipart.parts(KEY, upload)) == []

    async def test_a_part_that_breaks_off_leaves_the_earlier_one(
        self, storage, multipart, size, backend: Backend
    ):
        if backend.publishes_halves:
            pytest.skip("the server keeps what was broken off")
        upload = await begin(multipart, size)
        part = await send(multipart, upload, 1, content(size, 1))
        with pytest.raises(Gone):
            await multipart.write(
                KEY, upload, 1, broken_off(content(size // 2, 2), Gone()), size=size
            )
        assert list(await multipart.parts(KEY, upload)) == [part]
        await multipart.complete(KEY, upload, [part])
        assert await read_all(storage, KEY) == content(size, 1)

    async def test_a_cancelled_part_is_not_stored_and_can_be_sent_again(
        self, storage, multipart, size, backend: Backend
    ):
        if backend.publishes_halves:
            pytest.skip("the server keeps what was broken off")
        upload = await begin(multipart, size)
        body = Stalled(content(size // 2, 1))
        work = asyncio.create_task(multipart.write(KEY, upload, 1, body, size=size))
        await body.waits.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert list(await multipart.parts(KEY, upload)) == []
        part = await send(multipart, upload, 1, content(size, 2))
        await multipart.complete(KEY, upload, [part])
        assert await read_all(storage, KEY) == content(size, 2)

    async def test_a_part_still_being_sent_cannot_change_the_completed_object(
        self, storage, multipart, size, backend: Backend
    ):
        upload = await begin(multipart, size)
        body = Stalled(content(size // 2, 1))
        late = asyncio.create_task(multipart.write(KEY, upload, 1, body, size=size))
        await body.waits.wait()
        part = await send(multipart, upload, 1, content(size, 2))
        info = await multipart.complete(KEY, upload, [part])
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        assert await storage.stat(KEY) == info
        assert await read_all(storage, KEY) == content(size, 2)

    async def test_two_uploads_to_one_key_do_not_meet(self, storage, multipart, size):
        first, second = await begin(multipart, size), await begin(multipart, size)
        assert first != second
        one = await send(multipart, first, 1, b"one")
        two = await send(multipart, second, 1, b"two")
        assert list(await multipart.parts(KEY, first)) == [one]
        await multipart.abort(KEY, first)
        await multipart.complete(KEY, second, [two])
        assert await read_all(storage, KEY) == b"two"

    async def test_the_type_is_kept_where_the_backend_keeps_types(self, storage, multipart, size):
        plain = await put(storage, OTHER, b"x")
        upload = await begin(multipart, size)
        part = await send(multipart, upload, 1, b"x")
        info = await multipart.complete(KEY, upload, [part])
        assert info.content_type == plain.content_type

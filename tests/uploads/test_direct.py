"""Direct uploads from their beginning to their end."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from cimaise.errors import (
    CimaiseError,
    Invalid,
    NotFound,
    TypeNotAllowed,
    WrongState,
)
from cimaise.library.discarded import delete_discarded
from cimaise.storage.base import Reading, Storage
from cimaise.uploads.session import State
from tests.kit.bodies import read_all
from tests.kit.direct import LARGE, SMALL, assert_nothing_is_left
from tests.kit.uploading import ANN, MB, Uploading, zipped


async def test_a_small_file_goes_all_the_way(uploading: Uploading):
    started = await uploading.begin(SMALL)
    assert started.single is not None
    assert started.single.method == "PUT"
    assert started.session.state is State.PENDING
    await uploading.send(started, SMALL)
    done = await uploading.direct.complete(ANN, started.session.id, None)
    assert done.session.state is State.UPLOADED
    assert done.session.size == len(SMALL)
    assert done.session.content_type == "application/zip"
    if uploading.storage.is_local:
        assert done.session.sha256 == hashlib.sha256(SMALL).hexdigest()
    assert done.quota.total_used == len(SMALL)


async def test_parts_in_any_order_with_gaps_are_joined(uploading: Uploading):
    started = await uploading.begin(LARGE, strategy="multipart", part_size=5 * MB)
    etags = await uploading.send_parts(started, LARGE, [3, 1])
    with pytest.raises(WrongState) as caught:
        await uploading.direct.complete(ANN, started.session.id, etags)
    assert caught.value.code == "part_mismatch"
    assert await uploading.state(started.session.id) is State.PENDING
    etags |= await uploading.send_parts(started, LARGE, [2])
    done = await uploading.direct.complete(ANN, started.session.id, etags)
    whole = await read_all(uploading.storage, done.session.storage_key)
    assert hashlib.sha256(whole).digest() == hashlib.sha256(LARGE).digest()


async def test_without_a_list_of_parts_local_storage_lists_them_itself(uploading: Uploading):
    started = await uploading.begin(LARGE, strategy="multipart", part_size=5 * MB)
    etags = await uploading.send_parts(started, LARGE)
    if not uploading.storage.is_local:
        with pytest.raises(Invalid) as caught:
            await uploading.direct.complete(ANN, started.session.id, None)
        assert caught.value.code == "parts_required"
        await uploading.direct.complete(ANN, started.session.id, etags)
        return
    done = await uploading.direct.complete(ANN, started.session.id, None)
    assert done.session.size == len(LARGE)


async def test_progress_tells_all_that_is_needed_to_go_on(uploading: Uploading):
    started = await uploading.begin(LARGE, strategy="multipart", part_size=5 * MB)
    etags = await uploading.send_parts(started, LARGE, [2])
    progress = await uploading.direct.progress(ANN, started.session.id)
    assert progress.received_bytes == 5 * MB
    assert [(one.part_number, one.size, one.etag) for one in progress.parts] == [
        (2, 5 * MB, etags[2])
    ]


async def test_a_wrong_etag_changes_nothing_and_can_be_mended(uploading: Uploading):
    started = await uploading.begin(LARGE, strategy="multipart", part_size=5 * MB)
    etags = await uploading.send_parts(started, LARGE)
    with pytest.raises(WrongState) as caught:
        await uploading.direct.complete(ANN, started.session.id, etags | {2: "0" * 32})
    assert caught.value.code == "part_mismatch"
    assert "2" in caught.value.message
    await uploading.direct.complete(ANN, started.session.id, etags)


async def test_parts_that_are_not_in_the_plan_are_refused(uploading: Uploading):
    started = await uploading.begin(LARGE, strategy="multipart", part_size=5 * MB)
    etags = await uploading.send_parts(started, LARGE)
    with pytest.raises(Invalid) as caught:
        await uploading.direct.complete(ANN, started.session.id, etags | {4: "0" * 32})
    assert caught.value.field == "parts"
    assert await uploading.state(started.session.id) is State.PENDING


async def test_complete_before_anything_was_sent_is_refused_and_may_be_repeated(
    uploading: Uploading,
):
    started = await uploading.begin(SMALL)
    with pytest.raises(WrongState, match="Nothing has been uploaded"):
        await uploading.direct.complete(ANN, started.session.id, None)
    await uploading.send(started, SMALL)
    await uploading.direct.complete(ANN, started.session.id, None)


async def test_an_object_of_another_length_is_refused_and_nothing_is_left(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL + b"more")  # as a storage that does not check would take it
    with pytest.raises(Invalid) as caught:
        await uploading.direct.complete(ANN, started.session.id, None)
    assert caught.value.code == "size_mismatch"
    assert caught.value.limit is not None
    assert caught.value.limit.actual == len(SMALL) + 4
    assert await uploading.state(started.session.id) is State.REJECTED
    await assert_nothing_is_left(uploading)


async def test_content_that_is_not_what_its_name_says_is_refused_and_nothing_is_left(
    uploading: Uploading,
):
    body = b"MZ" + bytes(5000)
    started = await uploading.begin(body, "tool.zip")
    await uploading.send(started, body)
    with pytest.raises(TypeNotAllowed):
        await uploading.direct.complete(ANN, started.session.id, None)
    assert await uploading.state(started.session.id) is State.REJECTED
    await assert_nothing_is_left(uploading)


async def test_a_wrong_checksum_is_refused_and_a_right_one_is_kept(uploading: Uploading):
    right = base64.b64encode(hashlib.sha256(SMALL).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    started = await uploading.begin(SMALL, checksum_sha256=wrong)
    await uploading.send(started, SMALL)
    with pytest.raises(Invalid) as caught:
        await uploading.direct.complete(ANN, started.session.id, None)
    assert caught.value.code == "checksum_mismatch"
    await assert_nothing_is_left(uploading)
    started = await uploading.begin(SMALL, checksum_sha256=right)
    await uploading.send(started, SMALL)
    await uploading.direct.complete(ANN, started.session.id, None)


async def test_completing_again_answers_the_same_and_charges_once(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    first = await uploading.direct.complete(ANN, started.session.id, None)
    second = await uploading.direct.complete(ANN, started.session.id, None)
    assert second == first
    assert second.quota.daily_files_used == 1


async def test_ten_completes_at_once_settle_once(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    results = await asyncio.gather(
        *(uploading.direct.complete(ANN, started.session.id, None) for _ in range(10)),
        return_exceptions=True,
    )
    assert any(not isinstance(one, BaseException) for one in results)
    assert all(
        isinstance(one, CimaiseError) or not isinstance(one, BaseException) for one in results
    )
    done = await uploading.direct.complete(ANN, started.session.id, None)
    assert (done.quota.total_used, done.quota.daily_files_used) == (len(SMALL), 1)


async def test_a_url_used_again_cannot_change_what_was_verified(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    done = await uploading.direct.complete(ANN, started.session.id, None)
    await uploading.send(started, bytes(len(SMALL)))
    info = await uploading.storage.stat(done.session.storage_key)
    assert info.etag == done.session.storage_etag
    assert done.session.storage_key != started.session.incoming_key


async def test_another_body_cannot_slip_in_while_the_first_is_looked_at(uploading: Uploading):
    """Two processes complete the same upload, and between them the client sends another body."""
    evil = zipped(100_000).replace(b"noise.bin", b"evilx.bin")
    assert len(evil) == len(SMALL)
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    looking, go_on = asyncio.Event(), asyncio.Event()
    slow = Pausing(uploading.storage, looking, go_on)
    first = asyncio.create_task(
        replace(uploading, storage=slow).direct.complete(ANN, started.session.id, None)
    )
    await looking.wait()
    await uploading.send(started, evil)
    second = await uploading.direct.complete(ANN, started.session.id, None)
    go_on.set()
    assert (await first).session == second.session
    stored = await read_all(uploading.storage, second.session.storage_key)
    assert stored == evil
    assert (
        second.session.storage_etag
        == (await uploading.storage.stat(second.session.storage_key)).etag
    )
    assert (await uploading.used()).total_used == len(SMALL)


async def test_an_attempt_that_died_after_moving_the_bytes_is_gone_on_with(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    dying = Dying(uploading.storage)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await replace(uploading, storage=dying).direct.complete(ANN, started.session.id, None)
    done = await uploading.direct.complete(ANN, started.session.id, None)
    assert await read_all(uploading.storage, done.session.storage_key) == SMALL
    await delete_discarded(
        uploading.database, uploading.storage, now=uploading.clock() + timedelta(days=1)
    )
    assert await uploading.objects() == [done.session.storage_key]


class Pausing:
    """A storage that waits before the first look at moved bytes."""

    def __init__(self, inner: Storage, looking: asyncio.Event, go_on: asyncio.Event) -> None:
        self._inner = inner
        self._looking = looking
        self._go_on = go_on

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @asynccontextmanager
    async def open(self, key: str, **more: Any) -> AsyncIterator[Reading]:
        async with self._inner.open(key, **more) as reading:
            self._looking.set()
            await self._go_on.wait()
            yield reading


class Dying:
    """A storage whose process dies at the first look at moved bytes."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def open(self, key: str, **more: Any) -> Any:
        raise RuntimeError("killed")


async def test_a_part_sent_again_cannot_change_what_was_verified(uploading: Uploading):
    started = await uploading.begin(LARGE, strategy="multipart", part_size=5 * MB)
    etags = await uploading.send_parts(started, LARGE)
    urls = (await uploading.direct.fresh_urls(ANN, started.session.id, [1])).parts
    done = await uploading.direct.complete(ANN, started.session.id, etags)
    if uploading.storage.signed_door is None:
        async with httpx2.AsyncClient() as client:
            await client.put(urls[0].url, content=bytes(5 * MB))
    else:
        with pytest.raises(NotFound):
            await uploading.send_parts(started, bytes(len(LARGE)), [1])
    whole = await read_all(uploading.storage, done.session.storage_key)
    assert hashlib.sha256(whole).digest() == hashlib.sha256(LARGE).digest()

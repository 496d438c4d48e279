"""Whoever comes later goes on at once, from where the earlier one was stopped or died."""

import asyncio

import pytest

from cimaise.errors import CimaiseError, Unavailable, WrongState
from cimaise.storage.base import Storage
from cimaise.storage.measured import MeasuredStorage, Measurement
from cimaise.uploads.tus import receiving
from cimaise.uploads.tus.transfers import Transfers
from tests.kit.tus import Halting, Tus, sha1
from tests.kit.uploading import MB, Uploading, zipped

ZIP = zipped(9 * MB)


@pytest.fixture
def tus(uploading: Uploading) -> Tus:
    return Tus(uploading)


async def stalled(tus: Tus, upload: str, first: bytes, **more) -> tuple[asyncio.Task[int], Halting]:
    """A request that has sent ``first`` and then nothing more."""
    body = Halting(first, ZIP[len(first) :])
    task = asyncio.create_task(tus.send(upload, 0, ZIP, chunks=aiter(body), **more))
    await body.halts.wait()
    return task, body


async def test_asking_for_the_offset_stops_a_stalled_request_and_counts_its_bytes(tus: Tus):
    upload = await tus.create(len(ZIP))
    task, _ = await stalled(tus, upload, ZIP[:3_000_000])
    assert await tus.offset(upload) == 3_000_000
    with pytest.raises(WrongState) as refusal:
        await task
    assert refusal.value.code == "taken_over"
    await tus.send(upload, 3_000_000, ZIP[3_000_000:])
    assert await tus.published(upload) == ZIP


async def test_sending_on_stops_a_stalled_request(tus: Tus):
    upload = await tus.create(len(ZIP))
    task, _ = await stalled(tus, upload, ZIP[:10])
    assert await tus.send(upload, 10, ZIP[10:]) == len(ZIP)
    with pytest.raises(WrongState):
        await task
    assert await tus.published(upload) == ZIP


async def test_of_many_that_want_to_go_on_each_is_answered(tus: Tus):
    upload = await tus.create(len(ZIP))
    task, _ = await stalled(tus, upload, ZIP[:1000])
    offsets = await asyncio.gather(*(tus.offset(upload) for _ in range(5)))
    assert offsets == [1000] * 5
    with pytest.raises(WrongState):
        await task


async def test_terminating_stops_a_stalled_request_and_leaves_nothing(tus: Tus):
    upload = await tus.create(len(ZIP))
    task, _ = await stalled(tus, upload, ZIP[: 9 * MB])
    await tus.door.terminate(upload)
    with pytest.raises(WrongState):
        await task
    assert await tus.clean_up() == []
    assert (await tus.uploading.used()).total_used == 0


async def test_a_stopped_request_with_a_checksum_leaves_nothing_of_it(tus: Tus):
    upload = await tus.create(len(ZIP))
    task, _ = await stalled(tus, upload, ZIP[: 9 * MB], checksum=sha1(ZIP))
    assert await tus.offset(upload) == 0
    with pytest.raises(WrongState):
        await task


async def test_another_process_goes_on_and_the_first_one_changes_nothing_any_more(tus: Tus):
    upload = await tus.create(len(ZIP))
    task, body = await stalled(tus, upload, ZIP[:100])
    other = tus.another()
    offset = await other.offset(upload)
    assert offset in (0, 100)
    await other.send(upload, offset, ZIP[offset:4_000_000])
    body.goes_on.set()
    with pytest.raises(WrongState) as refusal:
        await task
    assert refusal.value.code == "taken_over"
    assert await other.offset(upload) == 4_000_000
    await other.send(upload, 4_000_000, ZIP[4_000_000:])
    assert await tus.published(upload) == ZIP
    assert len(await tus.clean_up()) == 1


async def test_a_cancelled_request_keeps_what_arrived(tus: Tus):
    upload = await tus.create(len(ZIP))
    task, _ = await stalled(tus, upload, ZIP[: 9 * MB])
    task.cancel()
    await asyncio.wait([task], timeout=0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await tus.another().offset(upload) == 9 * MB


async def test_silence_is_a_time_to_keep_what_is_only_in_memory(
    tus: Tus, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(receiving, "REST_S", 0.01)
    if tus.storage.appends is not None:
        return  # nothing is only in memory
    upload = await tus.create(len(ZIP))
    task, body = await stalled(tus, upload, ZIP[: 9 * MB])
    while await tus.recorded(upload) < 9 * MB:
        pass
    other = tus.another()
    assert await other.offset(upload) == 9 * MB
    body.goes_on.set()
    with pytest.raises(WrongState):
        await task
    await other.send(upload, 9 * MB, ZIP[9 * MB :])
    assert await tus.published(upload) == ZIP
    assert len(await tus.clean_up()) == 1


async def test_a_tail_that_somebody_removed_costs_its_bytes_and_no_more(uploading: Uploading):
    tus = Tus(uploading)
    if tus.storage.appends is not None:
        return
    upload = await tus.create(len(ZIP))
    await tus.send(upload, 0, ZIP[: 9 * MB])
    tails = [info.key async for info in tus.storage.list("incoming/")]
    await tus.storage.delete(tails)
    with pytest.raises(WrongState):
        await tus.send(upload, 9 * MB, ZIP[9 * MB :])
    assert await tus.offset(upload) == 8 * MB
    await tus.send(upload, 8 * MB, ZIP[8 * MB :])
    assert await tus.published(upload) == ZIP


class Failing:
    """A storage of which one verb fails as often as is said."""

    def __init__(self, inner: Storage, verb: str, times: int) -> None:
        self._inner = inner
        self._verb = verb
        self.times = times

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if name in ("multipart", "appends") and found is not None:
            return Failing._of(self, found)
        return self._guarded(name, found)

    def _guarded(self, name, found):
        if name == self._verb and self.times:
            self.times -= 1
            raise Unavailable("The storage is away.")
        return found

    class _of:  # noqa: N801
        def __init__(self, outer, inner):
            self._outer, self._inner = outer, inner

        def __getattr__(self, name):
            return self._outer._guarded(name, getattr(self._inner, name))


FAULTS = ["finish", "complete", "open", "keep", "append", "write", "take"]


@pytest.mark.parametrize("verb", FAULTS)
async def test_a_storage_that_fails_once_costs_a_repetition_and_no_byte(tus: Tus, verb: str):
    upload = await tus.create(len(ZIP))
    await tus.send(upload, 0, ZIP[: 9 * MB])
    failing = Tus(tus.uploading, storage=Failing(tus.storage, verb, 1))
    try:
        await failing.send(upload, 9 * MB, ZIP[9 * MB :])
    except Unavailable:
        offset = await failing.offset(upload)
        if offset < len(ZIP):
            await failing.send(upload, offset, ZIP[offset:])
    assert await tus.offset(upload) == len(ZIP)
    assert await tus.published(upload) == ZIP
    assert len(await tus.clean_up()) == 1
    used = await tus.uploading.used()
    assert (used.total_used, used.daily_files_used) == (len(ZIP), 1)


def joining(tus: Tus) -> str:
    """The verb by which this storage makes an object of what was sent."""
    return "complete" if tus.storage.appends is None else "finish"


@pytest.mark.parametrize("step", ["joining", "looking"])
async def test_asking_for_the_offset_finishes_what_a_dead_process_left(tus: Tus, step: str):
    upload = await tus.create(len(ZIP))
    verb = joining(tus) if step == "joining" else "open"
    failing = Tus(tus.uploading, storage=Failing(tus.storage, verb, 1))
    with pytest.raises(Unavailable):
        await failing.send(upload, 0, ZIP)
    assert await tus.published(upload) is None
    assert await tus.offset(upload) == len(ZIP)
    assert await tus.published(upload) == ZIP


async def test_processes_that_finish_at_once_make_one_file(tus: Tus):
    upload = await tus.create(len(ZIP))
    failing = Failing(tus.storage, joining(tus), 1)
    with pytest.raises(Unavailable):
        await Tus(tus.uploading, storage=failing).send(upload, 0, ZIP)
    doors = [tus, tus.another(), tus.another()]
    told = await asyncio.gather(*(door.offset(upload) for door in doors), return_exceptions=True)
    assert len(ZIP) in told
    assert all(one == len(ZIP) or isinstance(one, CimaiseError) for one in told)
    assert await tus.offset(upload) == len(ZIP)
    assert await tus.published(upload) == ZIP
    used = await tus.uploading.used()
    assert (used.total_used, used.daily_files_used) == (len(ZIP), 1)
    assert len(await tus.clean_up()) == 1


async def test_no_connection_to_the_database_is_held_while_bytes_come(uploading: Uploading):
    tus = Tus(uploading)
    uploads = [await tus.create(len(ZIP)) for _ in range(8)]
    tasks = [await stalled(tus, upload, ZIP[:10]) for upload in uploads]
    assert (await uploading.used()).daily_files_used == 8  # readers and writer are free
    for task, body in tasks:
        body.goes_on.set()
        await task


async def test_a_later_comer_waits_only_for_what_is_being_kept():
    transfers = Transfers()
    stopped = asyncio.Event()
    order = []

    async def first():
        async with transfers.taken("a") as transfer:
            transfer.on_stop(stopped.set)
            await stopped.wait()
            order.append("kept")
            transfer.release()
            await asyncio.Event().wait()

    task = asyncio.create_task(first())
    async with transfers.taken("b"):
        pass
    await asyncio.wait([task], timeout=0)
    async with transfers.taken("a"):
        order.append("taken")
    assert order == ["kept", "taken"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_measured_storage_counts_what_is_appended(uploading: Uploading):
    if uploading.storage.appends is None:
        return
    seen: list[Measurement] = []
    tus = Tus(uploading, storage=MeasuredStorage(uploading.storage, seen.append))
    upload = await tus.create(len(ZIP))
    await tus.send(upload, 0, ZIP)
    assert sum(one.bytes for one in seen if one.verb == "append") == len(ZIP)
    assert {"append_take", "append_keep", "append_finish"} <= {one.verb for one in seen}

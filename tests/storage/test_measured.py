import asyncio
import itertools

import pytest

from cimaise.errors import NotFound
from cimaise.storage.measured import MeasuredStorage, Measurement
from cimaise.storage.memory import MemoryStorage
from cimaise.storage.signed_urls import SignedUrls
from tests.kit.bodies import Stalled, broken_off, chunked

KEY = "incoming/measured"


@pytest.fixture
def reports() -> list[Measurement]:
    return []


@pytest.fixture
def storage(reports, names, clock) -> MeasuredStorage:
    urls = SignedUrls(secret=b"a secret of the tests", public_url="https://x", now=clock)
    ticks = itertools.count()
    return MeasuredStorage(
        MemoryStorage(urls=urls, now=clock, random=names),
        reports.append,
        clock=lambda: float(next(ticks)),
    )


def told(reports: list[Measurement]) -> list[tuple[str, int, str]]:
    found = [(report.verb, report.bytes, report.outcome) for report in reports]
    assert all(report.seconds == 1.0 for report in reports)
    reports.clear()
    return found


async def test_every_verb_reports_its_bytes_and_its_end(storage, reports):
    await storage.write(KEY, chunked(b"12345"), content_type="a/b")
    async with storage.open(KEY, start=2) as reading:
        assert [chunk async for chunk in reading.chunks] == [b"345"]
    await storage.stat(KEY)
    assert len([info async for info in storage.list("")]) == 1
    await storage.move(KEY, "incoming/other")
    await storage.delete(["incoming/other"])
    await storage.check()
    assert told(reports) == [
        ("write", 5, "ok"),
        ("open", 3, "ok"),
        ("stat", 0, "ok"),
        ("list", 0, "ok"),
        ("move", 0, "ok"),
        ("delete", 0, "ok"),
        ("check", 0, "ok"),
    ]


async def test_abilities_are_measured_as_well(storage, reports, clock):
    upload = await storage.multipart.create(KEY, content_type="a/b", part_size=10)
    part = await storage.multipart.write(KEY, upload, 1, chunked(b"1234"), size=4)
    await storage.multipart.parts(KEY, upload)
    await storage.multipart.complete(KEY, upload, [part])
    await storage.multipart.abort(KEY, upload)
    clock.advance(-60)
    expires_at = clock()
    clock.advance(-60)
    storage.presigner.put(KEY, size=1, content_type="a/b", expires_at=expires_at)
    storage.presigner.part(KEY, upload, 1, size=1, expires_at=expires_at)
    storage.presigner.parts(KEY, upload, {2: 1, 3: 1}, expires_at=expires_at)
    assert reports[-1].times == 2
    url = storage.presigner.get(KEY, expires_at=expires_at).url
    storage.signed_door.open_grant(url.rpartition("/")[2], clock())
    assert [verb for verb, _, outcome in told(reports) if outcome == "ok"] == [
        "multipart_create",
        "multipart_write",
        "multipart_parts",
        "multipart_complete",
        "multipart_abort",
        "presign_put",
        "presign_part",
        "presign_part",
        "presign_get",
        "open_grant",
    ]
    assert storage.sweeper is None
    assert storage.is_local


async def test_an_error_is_reported_by_its_code(storage, reports):
    with pytest.raises(NotFound):
        await storage.stat(KEY)
    with pytest.raises(NotFound):
        async with storage.open(KEY):
            pass
    with pytest.raises(ZeroDivisionError):
        await storage.write(KEY, broken_off(b"123", ZeroDivisionError()), content_type="a/b")
    assert told(reports) == [
        ("stat", 0, "not_found"),
        ("open", 0, "not_found"),
        ("write", 3, "internal"),
    ]


async def test_a_cancelled_call_is_reported_as_cancelled(storage, reports):
    body = Stalled(b"123")
    work = asyncio.create_task(storage.write(KEY, body, content_type="a/b"))
    await body.waits.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert told(reports) == [("write", 3, "cancelled")]


async def test_leaving_a_reading_early_reports_what_was_read(storage, reports):
    await storage.write(KEY, chunked(b"x" * 3_000_000), content_type="a/b")
    reports.clear()
    async with storage.open(KEY) as reading:
        await anext(reading.chunks)
    assert told(reports) == [("open", 1024 * 1024, "ok")]

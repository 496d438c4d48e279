"""The check of everything: what is wrong is found whatever it is, and mended where it can be."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from cimaise.database.schema import collections, files, uploads, usage_days, usage_totals
from cimaise.errors import Unavailable, WrongState
from cimaise.storage.keys import object_key
from cimaise.uploads.fsck import Fsck, FsckReport, Kind
from cimaise.uploads.fsck import rows as fsck_rows
from cimaise.uploads.publish import Caption
from cimaise.uploads.session import State
from tests.kit.bodies import chunked
from tests.kit.crashing.operations import cleanup_at
from tests.kit.uploading import ANN, MB, Uploading, zipped

SMALL = zipped(50_000)
LARGE = zipped(6 * MB)


async def check(uploading: Uploading, *, repair: bool = False) -> FsckReport:
    return await Fsck(uploading.database, uploading.storage, uploading.clock).run(repair=repair)


async def published(uploading: Uploading) -> str:
    """A file; gives its key."""
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    await uploading.direct.complete(ANN, started.session.id, None)
    file = await uploading.publisher.publish_upload(
        ANN, "tools", started.session.id, Caption("Tool")
    )
    assert file.storage_key is not None
    return file.storage_key


async def put(uploading: Uploading, key: str, body: bytes = SMALL) -> None:
    await uploading.storage.write(key, chunked(body), content_type="application/zip")


async def test_everything_in_every_state_is_clean(uploading: Uploading):
    await published(uploading)
    small, large = await uploading.begin(SMALL), await uploading.begin(LARGE, strategy="multipart")
    await uploading.send(small, SMALL)
    await uploading.send_parts(large, LARGE, [1])
    waiting = await uploading.begin(SMALL)
    await uploading.send(waiting, SMALL)
    await uploading.direct.complete(ANN, waiting.session.id, None)
    gone = await uploading.begin(SMALL)
    await uploading.direct.abort(ANN, gone.session.id)
    await uploading.send(gone, SMALL)  # late; it is written down
    report = await check(uploading)
    assert report.findings == []
    assert report.is_clean
    assert report.files == 1
    assert report.objects == 4
    assert report.waiting > 0


async def test_bytes_that_no_row_needs_are_found_and_deleted(uploading: Uploading, new_id):
    key = await published(uploading)
    orphans = [object_key(f"orphan-{number}") for number in range(3)]
    for orphan in orphans:
        await put(uploading, orphan)
    report = await check(uploading)
    assert {finding.subject for finding in report.findings} == set(orphans)
    assert report.counts == {Kind.ORPHAN_OBJECT: 3}
    assert sum(finding.bytes for finding in report.findings) == 3 * len(SMALL)
    assert not report.is_clean
    mended = await check(uploading, repair=True)
    assert mended.is_clean
    assert await uploading.objects() == [key]
    assert (await check(uploading)).findings == []


async def test_what_lies_beside_our_objects_is_not_ours_to_touch(uploading: Uploading):
    """Albums, the cache and the database share a folder with the objects; so may others a bucket."""
    for key in ("albums/summer/beach.jpg", "cache/images/ab", "cimaise.db", "theirs"):
        await put(uploading, key)
    report = await check(uploading, repair=True)
    assert report.findings == []
    assert report.objects == 0
    assert [info.key async for info in uploading.storage.list("")] == [
        "albums/summer/beach.jpg", "cache/images/ab", "cimaise.db", "theirs",
    ]  # fmt: skip


async def test_an_attempt_that_died_before_the_session_ended_is_no_orphan(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await put(uploading, started.session.attempt_key(3))
    assert (await check(uploading)).findings == []
    await cleanup_at(uploading, uploading.clock() + timedelta(days=2)).run()
    report = await check(uploading)
    assert [finding.kind for finding in report.findings] == [Kind.ORPHAN_OBJECT]


async def test_files_whose_bytes_are_gone_are_found_and_withdrawn(uploading: Uploading):
    lost, kept = await published(uploading), await published(uploading)
    await uploading.storage.delete([lost])
    report = await check(uploading)
    assert [finding.kind for finding in report.findings] == [Kind.MISSING_OBJECT]
    assert (await check(uploading, repair=True)).is_clean
    assert await uploading.files_count() == 1
    assert (await uploading.used()).total_used == len(SMALL)
    assert await uploading.objects() == [kept]
    assert (await check(uploading)).findings == []


async def test_a_complete_upload_whose_bytes_are_gone_is_ended(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    done = await uploading.direct.complete(ANN, started.session.id, None)
    await uploading.storage.delete([done.session.storage_key])
    report = await check(uploading, repair=True)
    assert report.counts == {Kind.MISSING_UPLOAD: 1}
    assert await uploading.state(started.session.id) is State.EXPIRED
    assert (await uploading.used()).total_used == 0


async def test_other_bytes_than_were_published_are_told_and_left(uploading: Uploading):
    key = await published(uploading)
    await put(uploading, key, SMALL + b"more")
    report = await check(uploading, repair=True)
    assert report.counts == {Kind.WRONG_SIZE: 1}
    assert not report.is_clean
    assert await uploading.files_count() == 1


async def test_unknown_uploads_in_parts_are_found_and_aborted(uploading: Uploading):
    multipart = uploading.storage.multipart
    assert multipart is not None
    known = await uploading.begin(LARGE, strategy="multipart")
    await multipart.create("objects/ab/cd/nobody", content_type="a/b", part_size=5 * MB)
    report = await check(uploading)
    assert [(one.kind, one.subject) for one in report.findings] == [
        (Kind.UNKNOWN_PARTS, "objects/ab/cd/nobody")
    ]
    assert (await check(uploading, repair=True)).is_clean
    left = [one.key async for one in multipart.unfinished()]
    assert left == [known.session.incoming_key]


async def test_wrong_sums_of_the_quota_are_found_and_set_right(uploading: Uploading):
    await published(uploading)
    await uploading.begin(SMALL)
    right = await uploading.used()
    for table in (usage_totals, usage_days):
        wrong = update(table).values(used_bytes=7, reserved_bytes=-3)
        await uploading.database.write(partial(_execute, statement=wrong))
    report = await check(uploading, repair=True)
    assert report.counts == {Kind.WRONG_SUM: 2}
    assert report.is_clean
    assert await uploading.used() == right
    assert (await check(uploading)).findings == []


async def test_a_wrong_number_of_pictures_is_found_and_set_right(uploading: Uploading):
    await published(uploading)
    wrong = update(collections).values(picture_count=7)
    await uploading.database.write(partial(_execute, statement=wrong))
    report = await check(uploading, repair=True)
    assert report.counts == {Kind.WRONG_COUNT: 1}
    assert report.is_clean
    assert (await check(uploading)).findings == []


async def test_a_database_that_is_away_is_not_taken_for_a_change(
    uploading: Uploading, monkeypatch: pytest.MonkeyPatch
):
    wrong = update(usage_totals).values(used_bytes=7)
    await published(uploading)
    await uploading.database.write(partial(_execute, statement=wrong))

    async def away(*_: Any) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(uploading.database, "write", away)
    with pytest.raises(Unavailable):
        await check(uploading, repair=True)


def _execute(connection: Connection, *, statement: Any) -> None:
    connection.execute(statement)


async def test_with_another_storage_nothing_is_withdrawn(uploading: Uploading):
    for _ in range(11):
        await published(uploading)
    await uploading.storage.delete(await uploading.objects())
    with pytest.raises(WrongState, match="11 of 11 files have no bytes"):
        await check(uploading, repair=True)
    assert await uploading.files_count() == 11


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cimaise.uploads.fsck.rows.PAGE", 7)
    monkeypatch.setattr("cimaise.uploads.fsck.objects.PAGE", 7)


@pytest.mark.usefixtures("small_pages")
async def test_many_pages_are_compared_both_ways(uploading: Uploading, new_id: Callable[[], str]):
    """Files and objects in no order: every fifth object is an orphan, every seventh is missing."""
    keys = [object_key(new_id()) for _ in range(60)]
    collection = await uploading.database.read(
        lambda connection: connection.execute(select(collections.c.id)).scalar_one()
    )
    now = uploading.clock()
    rows = [
        {
            "id": f"file{number}", "collection_id": collection, "owner_id": "ann",
            "filename": "a.zip", "storage_key": key, "size": 10, "content_type": "application/zip",
            "etag": "e", "is_picture": False, "created_at": now, "published_at": now,
        }
        for number, key in enumerate(keys)
        if number % 5
    ]  # fmt: skip
    await uploading.database.write(
        lambda connection: connection.execute(insert(files), rows).rowcount
    )
    for number, key in enumerate(keys):
        if number % 7:
            await put(uploading, key, b"0123456789")
    report = await check(uploading)
    orphans = {key for number, key in enumerate(keys) if number % 7 and not number % 5}
    missing = {f"file{number}" for number in range(60) if number % 5 and not number % 7}
    found: dict[Kind, set[str]] = {}
    for one in report.findings:
        found.setdefault(one.kind, set()).add(one.subject)
    assert found[Kind.ORPHAN_OBJECT] == orphans
    assert found[Kind.MISSING_OBJECT] == missing


async def test_rows_of_uploads_are_found_by_every_key_that_they_may_have(uploading: Uploading):
    started = await uploading.begin(SMALL)
    keys = [started.session.incoming_key, started.session.attempt_key(2), "objects/ab/cd/other"]
    known = await uploading.database.read(lambda connection: fsck_rows.known_keys(connection, keys))
    assert known == set(keys[:2])
    await uploading.database.write(
        lambda connection: connection.execute(update(uploads).values(state="aborted")).rowcount
    )
    known = await uploading.database.read(lambda connection: fsck_rows.known_keys(connection, keys))
    assert known == set()

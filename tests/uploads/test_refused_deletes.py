"""What the storage does not let go: it holds up nothing else, is counted, and is tried again."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cimaise.database.schema import audit, discarded_objects
from cimaise.errors import Unavailable
from cimaise.library.discarded import Freed, note_discarded
from cimaise.storage.base import Storage
from tests.kit.backends import further
from tests.kit.bodies import chunked
from tests.kit.crashing.operations import cleanup_at
from tests.kit.uploading import Uploading

LATER = timedelta(days=2)


class Refusing:
    """A storage that does not delete some keys; everything else is the real one's."""

    def __init__(self, storage: Storage, keys: Iterable[str]) -> None:
        self._storage = storage
        self.keys = set(keys)
        self.calls = 0
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    async def check(self) -> None:
        if self.is_away:
            raise Unavailable("The storage is away.")
        await self._storage.check()

    async def delete(self, keys: Iterable[str]) -> None:
        self.calls += 1
        wanted = list(keys)
        if self.is_away or self.keys.intersection(wanted):
            raise Unavailable("The storage refused with AccessDenied.")
        await self._storage.delete(wanted)


async def discard(uploading: Uploading, count: int) -> list[str]:
    """So many objects of ten bytes that nothing needs any more, by key."""
    keys = sorted(f"objects/{number:02}/{number:04}{'k' * 26}" for number in range(count))
    for key in keys:
        await uploading.storage.write(
            key, chunked(b"0123456789"), content_type="application/octet-stream", size=10
        )
    await uploading.database.write(
        lambda connection: note_discarded(
            connection, keys, not_before=uploading.clock(), reason="file deleted", size=10
        )
    )
    return keys


def refusing(uploading: Uploading, *keys: str) -> tuple[Uploading, Refusing]:
    storage = Refusing(uploading.storage, keys)
    return replace(uploading, storage=storage), storage


async def left(uploading: Uploading) -> dict[str, bool]:
    """Keys that are written down, and whether they were refused."""
    columns = (discarded_objects.c.storage_key, discarded_objects.c.refused_at)
    rows = await uploading.database.read(
        lambda connection: connection.execute(select(*columns)).all()
    )
    return {row.storage_key: row.refused_at is not None for row in rows}


async def told(uploading: Uploading, action: str) -> list[dict[str, Any]]:
    rows = await uploading.database.read(
        lambda connection: connection.execute(
            select(audit.c.details).where(audit.c.action == action)
        ).all()
    )
    return [row.details for row in rows]


async def test_one_refused_object_holds_up_no_other(uploading: Uploading):
    keys = await discard(uploading, 12)
    stubborn, _ = refusing(uploading, keys[3], keys[10])
    report = await cleanup_at(stubborn, uploading.clock() + LATER).run()
    assert report.freed["discarded-objects"] == Freed(10, 100, refused=2)
    assert await uploading.objects() == [keys[3], keys[10]]
    assert await left(uploading) == {keys[3]: True, keys[10]: True}


async def test_a_dry_run_shows_them_and_the_next_run_deletes_them(uploading: Uploading):
    keys = await discard(uploading, 3)
    stubborn, _ = refusing(uploading, keys[1])
    await cleanup_at(stubborn, uploading.clock() + LATER).run()
    later = cleanup_at(uploading, uploading.clock() + LATER * 2)
    dry = await later.run(dry_run=True)
    assert dry.freed["discarded-objects"] == Freed(1, 10, refused=1)
    wet = await later.run()
    assert wet.freed["discarded-objects"] == Freed(1, 10)
    assert await uploading.objects() == []
    assert await left(uploading) == {}


async def test_the_audit_tells_of_a_refusal_once_however_often_it_is_tried(uploading: Uploading):
    keys = await discard(uploading, 2)
    stubborn, _ = refusing(uploading, keys[0])
    for hours in range(3):
        now = uploading.clock() + LATER + timedelta(hours=hours)
        report = await cleanup_at(stubborn, now).run()
        assert report.freed["discarded-objects"].refused == 1
    assert await told(uploading, "cleanup.refused") == [
        {"objects": 1, "bytes": 10, "reasons": {"file deleted": 1},
         "message": "The storage refused with AccessDenied."}
    ]  # fmt: skip
    runs = await told(uploading, "cleanup.run")
    assert [run["discarded-objects"]["refused"] for run in runs] == [1, 1, 1]


async def test_a_storage_that_is_away_is_asked_once_and_nothing_is_called_refused(
    uploading: Uploading,
):
    keys = await discard(uploading, 5)
    away, storage = refusing(uploading)
    storage.is_away = True
    with pytest.raises(Unavailable, match="away"):
        await cleanup_at(away, uploading.clock() + LATER).run()
    assert storage.calls == 1
    assert await left(uploading) == dict.fromkeys(keys, False)


async def test_a_storage_that_lets_nothing_go_is_not_asked_for_every_object(uploading: Uploading):
    keys = await discard(uploading, 100)
    stubborn, storage = refusing(uploading, *keys)
    with pytest.raises(Unavailable, match="AccessDenied"):
        await cleanup_at(stubborn, uploading.clock() + LATER).run()
    assert storage.calls < 60
    assert len(await uploading.objects()) == 100


async def test_many_refused_ones_hold_up_those_behind_them_for_one_run_only(uploading: Uploading):
    keys = await discard(uploading, 60)
    stubborn, _ = refusing(uploading, *keys[:20])
    with pytest.raises(Unavailable):
        await cleanup_at(stubborn, uploading.clock() + LATER).run()
    report = await cleanup_at(stubborn, uploading.clock() + LATER * 2).run()
    assert report.freed["discarded-objects"] == Freed(40, 400, refused=20)


async def test_more_than_a_batch_of_refused_ones_is_no_end_of_the_run(
    uploading: Uploading, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("cimaise.library.discarded.BATCH", 4)
    keys = await discard(uploading, 12)
    stubborn, _ = refusing(uploading, *keys[:6])
    report = await cleanup_at(stubborn, uploading.clock() + LATER).run()
    assert report.freed["discarded-objects"] == Freed(6, 60, refused=6)
    assert await uploading.objects() == keys[:6]


def in_the_way(folder: Path, key: str) -> Path:
    """A folder where an object was: unlink(2) refuses it, for root as well."""
    path = next(folder.rglob(key.rpartition("/")[2]))
    path.unlink()
    path.mkdir()
    return path


@pytest.mark.parametrize("uploading", ["sqlite-file", *further("postgresql-file")], indirect=True)
async def test_what_a_real_disk_does_not_let_go_is_deleted_once_it_does(
    uploading: Uploading, tmp_path: Path
):
    keys = await discard(uploading, 3)
    path = in_the_way(tmp_path, keys[1])
    report = await cleanup_at(uploading, uploading.clock() + LATER).run()
    assert report.freed["discarded-objects"] == Freed(2, 20, refused=1)
    path.rmdir()
    path.write_bytes(b"0123456789")
    report = await cleanup_at(uploading, uploading.clock() + LATER * 2).run()
    assert report.freed["discarded-objects"] == Freed(1, 10)
    assert not path.exists()

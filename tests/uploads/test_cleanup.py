"""The clean-up: what is past its time goes, what is within it stays, and all of it is accounted for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from cimaise.access.spent import delete_spent
from cimaise.database.schema import (
    audit,
    bans,
    browser_sessions,
    collections,
    discarded_objects,
    files,
    shares,
    sign_in_links,
    upload_tokens,
    uploads,
)
from cimaise.errors import WrongState
from cimaise.library.discarded import Freed, note_discarded
from cimaise.library.files import Files
from cimaise.uploads.cleanup import Cleanup
from cimaise.uploads.publish import Caption
from cimaise.uploads.session import State
from cimaise.uploads.streaming import Incoming, Streams
from tests.conftest import StandingClock
from tests.kit.bodies import chunked
from tests.kit.crashing.operations import cleanup_at, streams
from tests.kit.uploading import ANN, MB, Uploading, zipped

SMALL = zipped(100_000)
LARGE = zipped(11 * MB)


def cleanup(uploading: Uploading, later: timedelta = timedelta(0)) -> Cleanup:
    now = uploading.clock() + later
    return cleanup_at(uploading, now)


async def unfinished(uploading: Uploading) -> list[str]:
    assert uploading.storage.multipart is not None
    return [one.key async for one in uploading.storage.multipart.unfinished()]


async def test_what_is_past_its_time_ends_and_what_is_within_it_stays(uploading: Uploading):
    old = [await uploading.begin(SMALL), await uploading.begin(LARGE, strategy="multipart")]
    await uploading.send(old[0], SMALL)
    await uploading.send_parts(old[1], LARGE, [1])
    now = uploading.clock()
    uploading.clock = lambda: now + timedelta(hours=2)
    young = await uploading.begin(SMALL)
    if uploading.storage.signed_door is not None:
        await uploading.send(young, SMALL)
    report = await cleanup(uploading, timedelta(hours=22, minutes=1)).run()
    part = old[1].session.part_size or 0
    assert report.freed["abandoned-uploads"] == Freed(2, len(SMALL) + part)
    assert [await uploading.state(one.session.id) for one in old] == [State.EXPIRED] * 2
    assert await uploading.state(young.session.id) is State.PENDING
    assert await unfinished(uploading) == []
    assert (await uploading.used()).total_used == len(SMALL)


async def test_a_dry_run_says_what_would_go_and_changes_nothing(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    dry = await cleanup(uploading, timedelta(days=2)).run(dry_run=True)
    assert dry.is_dry_run
    assert dry.freed["abandoned-uploads"] == Freed(1, len(SMALL))
    assert await uploading.state(started.session.id) is State.PENDING
    assert len(await uploading.objects()) == 1
    told: list[tuple[str, Freed]] = []
    wet = await cleanup(uploading, timedelta(days=2)).run(
        on_step=lambda name, done: told.append((name, done))
    )
    assert wet.freed["abandoned-uploads"] == dry.freed["abandoned-uploads"]
    assert told[0] == ("abandoned-uploads", Freed(1, len(SMALL)))
    assert await uploading.objects() == []


async def test_older_than_ends_what_is_unfinished_before_its_time(uploading: Uploading):
    started = await uploading.begin(SMALL)
    later = cleanup(uploading, timedelta(hours=2))
    await later.run(older_than=timedelta(hours=3))
    assert await uploading.state(started.session.id) is State.PENDING
    await later.run(older_than=timedelta(hours=1))
    assert await uploading.state(started.session.id) is State.EXPIRED


async def test_more_than_a_batch_is_ended_in_one_run(uploading: Uploading):
    now = uploading.clock()
    many = [(await uploading.begin(SMALL)).session.id for _ in range(3)]
    row = await uploading.database.read(
        lambda connection: (
            connection.execute(select(uploads).where(uploads.c.id == many[0])).one()._asdict()
        )
    )
    rows = [row | {"id": f"copy{n}", "reserved_bytes": 0} for n in range(230)]
    await uploading.database.write(
        lambda connection: connection.execute(insert(uploads), rows).rowcount
    )
    assert (await cleanup(uploading, timedelta(days=2)).run()).freed[
        "abandoned-uploads"
    ].count == 233
    assert uploading.clock() == now


async def test_a_second_look_finds_what_a_late_request_brought_back(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.direct.abort(ANN, started.session.id)
    await uploading.send(started, SMALL)  # it began before the abort
    assert await uploading.objects() == [started.session.incoming_key]
    await cleanup(uploading, timedelta(hours=1, minutes=1)).run()
    assert len(await uploading.objects()) == 1, "the URL is dead, its request may be alive"
    await cleanup(uploading, timedelta(hours=14)).run()
    assert await uploading.objects() == []
    left = await uploading.database.read(
        lambda connection: connection.execute(select(discarded_objects.c.storage_key)).all()
    )
    assert left == []


async def test_an_uploaded_file_is_kept_for_a_day_after_it_was_complete(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    now = uploading.clock()
    uploading.clock = lambda: now + timedelta(hours=23)
    await uploading.direct.complete(ANN, started.session.id, None)
    await cleanup(uploading, timedelta(hours=23)).run()
    file = await uploading.publisher.publish_upload(
        ANN, "tools", started.session.id, Caption("Tool")
    )
    await cleanup(uploading, timedelta(days=9)).run()
    assert await uploading.objects() == [file.storage_key]


async def test_a_published_key_is_never_deleted_whatever_is_written_down(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    await uploading.direct.complete(ANN, started.session.id, None)
    file = await uploading.publisher.publish_upload(
        ANN, "tools", started.session.id, Caption("Tool")
    )
    key = file.storage_key or ""
    await uploading.database.write(
        lambda connection: note_discarded(
            connection, [key], not_before=uploading.clock(), reason="a mistake"
        )
    )
    await cleanup(uploading, timedelta(days=2)).run()
    assert await uploading.objects() == [key]


async def test_every_deletion_is_in_the_audit_with_its_bytes(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    await uploading.direct.complete(ANN, started.session.id, None)
    file = await uploading.publisher.publish_upload(
        ANN, "tools", started.session.id, Caption("Tool")
    )
    await Files(uploading.database, uploading.clock).delete(ANN, file.id)
    await uploading.begin(SMALL)
    await cleanup(uploading, timedelta(days=2)).run(account_id="root")
    rows = await uploading.database.read(
        lambda connection: connection.execute(
            select(audit.c.action, audit.c.account_id, audit.c.details).where(
                audit.c.action.in_(["cleanup.deleted", "cleanup.run", "upload.expired"])
            )
        ).all()
    )
    by_action = {row.action: row for row in rows}
    assert by_action["upload.expired"].account_id is None
    assert by_action["cleanup.deleted"].details["bytes"] == len(SMALL)
    assert by_action["cleanup.deleted"].details["reasons"]["file deleted"] == 1
    assert by_action["cleanup.run"].account_id == "root"


async def test_a_stream_whose_process_died_gives_its_quota_back_within_minutes(
    uploading: Uploading, clock: StandingClock
):
    dying: Streams = streams(uploading)
    incoming = Incoming("raw", "tool.zip", None, len(SMALL), "tools")
    await dying._begin(ANN, incoming)  # and its process is gone
    assert (await uploading.used()).total_used == len(SMALL)
    assert (await cleanup(uploading, timedelta(minutes=9)).run()).freed[
        "abandoned-uploads"
    ].count == 0
    await cleanup(uploading, timedelta(minutes=11)).run()
    assert (await uploading.used()).total_used == 0


async def test_a_stream_that_flows_is_never_ended(uploading: Uploading):
    ticking = replace(uploading)
    hours = iter(range(1000))
    start = uploading.clock()
    ticking.clock = lambda: start + timedelta(minutes=next(hours))
    seen = []

    async def slow():
        async for chunk in chunked(SMALL, 2_000):
            seen.append(ticking.clock())
            yield chunk

    incoming = Incoming("raw", "tool.zip", None, len(SMALL), "tools")
    received = await streams(ticking).receive(ANN, incoming, slow())
    assert seen[-1] - start > timedelta(minutes=60)
    await replace(uploading).database.read(lambda _: None)
    until = await uploading.database.read(
        lambda connection: connection.execute(
            select(uploads.c.expires_at).where(uploads.c.id == received.session.id)
        ).scalar_one()
    )
    assert until - seen[-1] > timedelta(minutes=5)
    with pytest.raises(WrongState):
        await _end_and_finish(uploading, ticking, received)
    assert await uploading.objects() == []


async def _end_and_finish(uploading: Uploading, ticking: Uploading, received) -> None:
    """Nobody was at it for long after all: what it does then changes nothing."""
    await cleanup(uploading, timedelta(hours=9)).run()
    await streams(ticking).finish(ANN, [received], collection="tools", caption=Caption())


async def test_shares_tokens_and_bans_that_are_over_are_forgotten_after_a_week(
    uploading: Uploading,
):
    now = uploading.clock()
    old = now - timedelta(days=8)
    ends = {"old": old, "used": old, "young": now - timedelta(days=6), "living": None}

    def work(connection) -> None:
        collection = connection.execute(select(collections.c.id)).scalars().first()
        for name, ended in ends.items():
            common = {"id": name, "created_at": old}
            token = common | {"hash": name, "account_id": "ann", "revoked_at": ended}
            later = now + timedelta(days=1)
            connection.execute(
                insert(shares).values(subject="s", album="a", downloads="none", **token)
            )
            connection.execute(
                insert(upload_tokens).values(collection_id=collection, expires_at=later, **token)
            )
            connection.execute(
                insert(bans).values(network="192.0.2.0/24", reason="r", lifted_at=ended, **common)
            )

    await uploading.database.write(work)
    started = await uploading.begin(zipped(1000))
    used = update(uploads).where(uploads.c.id == started.session.id).values(token_id="used")
    await uploading.database.write(lambda connection: connection.execute(used).rowcount)
    assert await delete_spent(uploading.database, now=now) == 5
    assert await delete_spent(uploading.database, now=now) == 0
    left = await uploading.database.read(
        lambda connection: set(connection.execute(select(upload_tokens.c.id)).scalars())
    )
    assert left == {"used", "young", "living"}


async def test_spent_sessions_and_links_are_forgotten_after_a_week(uploading: Uploading):
    now = uploading.clock()
    old, young = now - timedelta(days=8), now - timedelta(days=6)

    def work(connection) -> None:
        for name, ended in (("old", old), ("young", young), ("living", None)):
            common = {"account_id": "ann", "created_at": old, "hash": name}
            expires = now + timedelta(days=1)
            connection.execute(
                insert(browser_sessions).values(
                    id=name, expires_at=expires, ended_at=ended, **common
                )
            )
            connection.execute(
                insert(sign_in_links).values(expires_at=expires, used_at=ended, **common)
            )

    await uploading.database.write(work)
    assert await delete_spent(uploading.database, now=now) == 2
    assert await delete_spent(uploading.database, now=now) == 0
    left = await uploading.database.read(
        lambda connection: connection.execute(select(browser_sessions.c.id)).scalars().all()
    )
    assert sorted(left) == ["living", "young"]


async def test_rows_of_files_are_not_touched_by_the_clean_up(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    await uploading.direct.complete(ANN, started.session.id, None)
    await uploading.publisher.publish_upload(ANN, "tools", started.session.id, Caption("Tool"))
    await uploading.database.write(
        lambda connection: connection.execute(update(files).values(title="Mine")).rowcount
    )
    await cleanup(uploading, timedelta(days=400)).run()
    title = await uploading.database.read(
        lambda connection: connection.execute(select(files.c.title)).scalar_one()
    )
    assert title == "Mine"

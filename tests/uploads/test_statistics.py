"""Statistics of the table of uploads: by day and account, over pages, in one look at an index."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text

from cimaise.access.policy import GUEST, Principal, Role
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, uploads
from cimaise.errors import Forbidden, Invalid, NotFound, NotSignedIn
from cimaise.uploads.statistics import AccountDay, Question, Tally, UploadStatistics
from tests.conftest import StandingClock

ADMIN = Principal("root", "root", Role.ADMIN)
MEMBER = Principal("ann", "ann", Role.MEMBER)


def rows(day: str, account: str, states: Sequence[tuple[str, int, float]]) -> Iterator[dict]:
    begun = datetime.fromisoformat(f"{day}T23:59:30+00:00")
    for number, (state, size, seconds) in enumerate(states):
        done = state in ("uploaded", "published")
        yield {
            "id": f"{account}-{day}-{number}", "account_id": account, "door": "direct",
            "strategy": "single", "state": state, "filename": "a.zip", "incoming_key": "i",
            "storage_key": "s", "reserved_on": day, "size": size if done else None,
            "created_at": begun, "updated_at": begun, "expires_at": begun,
            "completed_at": begun + timedelta(seconds=seconds) if done else None,
        }  # fmt: skip


def fill(connection: Connection, found: list[dict[str, Any]]) -> None:
    connection.execute(
        insert(accounts),
        [
            {"id": name, "name": f"{name}'s", "role": "member", "created_at": datetime.now(UTC)}
            for name in ("ann", "bob")
        ],
    )
    connection.execute(insert(uploads), found)


@pytest.fixture
async def statistics(database: Database, clock: StandingClock) -> UploadStatistics:
    found = [
        *rows("2026-03-09", "ann", [("published", 100, 2), ("uploaded", 300, 4.5)]),
        *rows("2026-03-09", "bob", [("aborted", 0, 0), ("published", 50, 60), ("pending", 0, 0)]),
        *rows("2026-03-08", "ann", [("expired", 0, 0), ("rejected", 0, 0)]),
        *rows("2026-01-01", "ann", [("published", 7, 1)]),
    ]
    await database.write(partial(fill, found=found))
    return UploadStatistics(database, clock)


async def test_uploads_are_added_up_by_day_and_account(statistics: UploadStatistics):
    told = await statistics.ask(ADMIN, Question())
    assert (told.first, told.last) == ("2026-02-08", "2026-03-09")
    assert told.rows == (
        AccountDay("2026-03-09", "ann", "ann's", Tally(2, 2, bytes=400, mean_duration_s=3.25)),
        AccountDay(
            "2026-03-09", "bob", "bob's", Tally(3, 1, aborted=1, bytes=50, mean_duration_s=60.0)
        ),
        AccountDay("2026-03-08", "ann", "ann's", Tally(2, 0, expired=1, rejected=1)),
    )
    assert [tally.success_rate for _, tally in told.days] == [0.75, 0.0]
    assert told.total == Tally(7, 3, 1, 1, 1, 450, 22.167)
    assert told.total.success_rate == 0.5


async def test_where_nothing_has_ended_there_is_no_rate(statistics: UploadStatistics):
    told = await statistics.ask(ADMIN, Question("2025-01-01", "2025-02-01"))
    assert told.total == Tally()
    assert told.total.success_rate is None
    assert told.rows == ()
    assert told.days == ()


async def test_one_account_and_other_days_can_be_asked_for(statistics: UploadStatistics):
    told = await statistics.ask(ADMIN, Question("2026-01-01", "2026-03-08", "ann's"))
    assert [row.day for row in told.rows] == ["2026-03-08", "2026-01-01"]
    assert told.total.bytes == 7


async def test_pages_follow_each_other_without_a_gap(statistics: UploadStatistics):
    whole = await statistics.ask(ADMIN, Question())
    seen: list[AccountDay] = []
    cursor = None
    for _ in range(3):
        page = await statistics.ask(ADMIN, Question(cursor=cursor, limit=1))
        seen += page.rows
        cursor = page.next_cursor
    assert tuple(seen) == whole.rows
    assert cursor is None


@pytest.mark.parametrize(
    "question",
    [
        Question("yesterday"),
        Question(None, "0001-01-05"),
        Question("2026-03-09", "2026-03-08"),
        Question("2020-01-01", "2026-03-08"),
        Question(limit=0),
        Question(limit=1001),
    ],
)
async def test_a_question_that_cannot_be_is_refused(
    statistics: UploadStatistics, question: Question
):
    with pytest.raises(Invalid):
        await statistics.ask(ADMIN, question)


async def test_only_administrators_are_told(statistics: UploadStatistics):
    with pytest.raises(NotSignedIn):
        await statistics.ask(GUEST, Question())
    with pytest.raises(Forbidden):
        await statistics.ask(MEMBER, Question())
    with pytest.raises(NotFound):
        await statistics.ask(ADMIN, Question(account="nobody"))


async def test_a_span_of_days_is_read_from_the_index_alone(database: Database):
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL plans by what is in the table: see bench/uploads")
    plan = await database.read(
        lambda connection: connection.execute(
            text(
                "explain query plan select reserved_on, account_id, count(*), sum(size) from uploads"
                " where reserved_on >= '2026-01-01' group by reserved_on, account_id"
            )
        ).all()
    )
    assert "USING COVERING INDEX ix_uploads_statistics" in plan[0].detail

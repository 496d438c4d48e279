"""What went out, counted in memory and written down in batches."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event, select

from cimaise.access.policy import GUEST, Principal, Role
from cimaise.database.engine import Database
from cimaise.database.schema import delivered_days
from cimaise.delivery.statistics import delivered, forget_old_days
from cimaise.delivery.tally import FLUSH_S, Tally, Transfer
from cimaise.delivery.visitors import Visitor
from cimaise.errors import Forbidden, Invalid, NotSignedIn, Unavailable
from tests.conftest import StandingClock

ROOT = Principal("root", "root", Role.ADMIN)
DAY_S = 86_400


async def rows(database: Database) -> dict[tuple[str, str, str], tuple[int, int]]:
    found = await database.read(lambda connection: list(connection.execute(select(delivered_days))))
    return {(row.day, row.kind, row.subject): (row.requests, row.bytes) for row in found}


async def test_sums_are_kept_by_file_owner_reader_and_kind_of_visitor(
    database: Database, clock: StandingClock
):
    tally = Tally(database, clock)
    tally.add(Transfer(100, Visitor.BROWSER, "f1", "ann", "bob"))
    tally.add(Transfer(50, Visitor.CRAWLER, "f1", "ann"))
    tally.add(Transfer(7, Visitor.SCRIPT))
    await tally.close()
    day = "2026-03-09"
    assert await rows(database) == {
        (day, "file", "f1"): (2, 150),
        (day, "owner", "ann"): (2, 150),
        (day, "reader", "bob"): (1, 100),
        (day, "reader", ""): (2, 57),
        (day, "visitor", "browser"): (1, 100),
        (day, "visitor", "crawler"): (1, 50),
        (day, "visitor", "script"): (1, 7),
    }


async def test_several_processes_add_to_the_same_sums(database: Database, clock: StandingClock):
    tallies = [Tally(database, clock) for _ in range(4)]
    for tally in tallies:
        for number in range(5):
            tally.add(Transfer(1000, Visitor.OTHER, f"f{number}", "ann"))
    await asyncio.gather(*(tally.flush() for tally in tallies))
    await asyncio.gather(*(tally.close() for tally in tallies))
    found = await rows(database)
    assert found["2026-03-09", "owner", "ann"] == (20, 20_000)
    assert [found["2026-03-09", "file", f"f{n}"] for n in range(5)] == [(4, 4000)] * 5


async def test_a_transfer_costs_no_statement_before_its_batch_is_written(
    database: Database, clock: StandingClock
):
    asked: list[str] = []
    for engine in {database._reader, database._writer}:
        event.listen(engine, "before_cursor_execute", lambda _c, _u, text, *_: asked.append(text))
    tally = Tally(database, clock)
    for _ in range(1000):
        tally.add(Transfer(1, Visitor.BROWSER, "f1", "ann"))
    assert asked == []
    await tally.close()
    assert (await rows(database))["2026-03-09", "file", "f1"] == (1000, 1000)


async def test_what_cannot_be_written_now_is_kept_for_the_next_time(
    database: Database, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
):
    tally = Tally(database, clock)
    tally.add(Transfer(3, Visitor.BROWSER))

    async def away(self: Database, work: object) -> None:
        raise Unavailable("The database is away.")

    with monkeypatch.context() as broken:
        broken.setattr(Database, "write", away)
        await tally.flush()
    tally.add(Transfer(4, Visitor.BROWSER))
    await tally.close()
    assert (await rows(database))["2026-03-09", "visitor", "browser"] == (2, 7)


async def test_days_are_told_apart_and_old_ones_forgotten(database: Database, clock: StandingClock):
    tally = Tally(database, clock)
    tally.add(Transfer(1, Visitor.BROWSER, "f1", "ann"))
    clock.advance(DAY_S)
    tally.add(Transfer(2, Visitor.BROWSER, "f1", "ann"))
    await tally.close()
    today = await delivered(database, ROOT, days=1, now=clock())
    both = await delivered(database, ROOT, days=2, now=clock())
    assert [(one.subject, one.bytes) for one in today.files] == [("f1", 2)]
    assert [(one.subject, one.bytes) for one in both.files] == [("f1", 3)]
    assert [(one.day, one.bytes) for one in both.owners] == [("2026-03-10", 2), ("2026-03-09", 1)]
    clock.advance(400 * DAY_S)
    assert await forget_old_days(database, clock()) == 4
    assert await forget_old_days(database, clock()) == 0


async def test_the_most_fetched_come_first_and_programs_have_a_share(
    database: Database, clock: StandingClock
):
    tally = Tally(database, clock)
    kinds = [Visitor.BROWSER] * 3 + [Visitor.CRAWLER] * 4 + [Visitor.SCRIPT] * 2 + [Visitor.OTHER]
    for number, kind in enumerate(kinds):
        tally.add(Transfer(10, kind, "popular" if number % 3 else "rare"))
    await tally.close()
    found = await delivered(database, ROOT, days=30, now=clock())
    assert [one.subject for one in found.files] == ["popular", "rare"]
    assert found.crawlers_share == pytest.approx(0.6)
    empty = await delivered(database, ROOT, days=1, now=clock.now.replace(year=2030))
    assert empty.crawlers_share == 0


async def test_only_administrators_see_it(database: Database, clock: StandingClock):
    for principal, error in (
        (GUEST, NotSignedIn),
        (Principal("ann", "ann", Role.MEMBER), Forbidden),
    ):
        with pytest.raises(error):
            await delivered(database, principal, days=1, now=clock())
    for days in (0, -1, 367):
        with pytest.raises(Invalid):
            await delivered(database, ROOT, days=days, now=clock())


class Away:
    """A database that is away; counts how often it was asked, and says when."""

    def __init__(self) -> None:
        self.asked = 0
        self.was_asked = asyncio.Event()

    async def write(self, _work: object) -> None:
        """As a database's."""
        self.asked += 1
        self.was_asked.set()
        raise Unavailable("The database is away.")


def many(tally: Tally, count: int) -> None:
    for number in range(count):
        tally.add(Transfer(1, Visitor.BROWSER, f"f{number}", "ann"))


async def test_many_sums_are_written_at_once(clock: StandingClock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cimaise.delivery.tally._MANY_SUMS", 10)
    database: Any = Away()
    tally = Tally(database, clock)
    many(tally, 11)
    async with asyncio.timeout(FLUSH_S / 2):
        await database.was_asked.wait()
    await tally.close()


async def test_sums_have_a_bound_while_the_database_is_away_and_nobody_hurries_it(
    clock: StandingClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("cimaise.delivery.tally._MANY_SUMS", 10)
    monkeypatch.setattr("cimaise.delivery.tally._MOST_SUMS", 20)
    database: Any = Away()
    tally = Tally(database, clock)
    many(tally, 5)
    await tally.flush()
    many(tally, 1000)
    for _ in range(10):
        await asyncio.sleep(0)
    assert (database.asked, len(tally._sums)) == (1, 20)
    await tally.flush()
    assert len(tally._sums) == 20
    assert tally._sums["2026-03-09", "owner", "ann"] == [1005, 1005]
    await tally.close()

"""A hundred writers at once, each with a connection of its own; and every order of steps."""

import asyncio
import random
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select

from cimaise.database.engine import Database, open_database
from cimaise.database.schema import accounts, failed_uploads, usage_days, usage_totals
from cimaise.errors import CimaiseError, TooLarge, TooMany
from cimaise.settings import Quota
from cimaise.uploads import quota
from cimaise.uploads.attempts import count_failed, forget_failed, require_few_failed
from tests.kit.examples import examples

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
TODAY = "2026-03-09"
WRITERS = 100


def add_ann(connection: Connection) -> None:
    connection.execute(insert(accounts).values(id="ann", name="ann", role="member", created_at=NOW))


async def hold(database: Database, size: int, limits: Quota) -> int:
    """Bytes that were reserved: all, or none."""
    try:
        await database.write(
            partial(quota.reserve, account_id="ann", size=size, now=NOW, defaults=limits)
        )
    except TooLarge as refusal:
        assert refusal.code == "quota_exceeded"
        return 0
    return size


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["daily_bytes", "total_bytes"])
async def test_a_hundred_writers_never_pass_a_limit_and_none_is_refused_below_it(
    database: Database, database_url: str, tmp_path: Path, limit: str
):
    """Whoever is refused would not fit even now, when nothing was given back meanwhile."""
    await database.write(add_ann)
    chance = random.Random(limit)
    sizes = [chance.randrange(1, 1_000_000) for _ in range(WRITERS)]
    limits = Quota(**{limit: sum(sizes) // 2})
    writers = [open_database(database_url, data_dir=tmp_path, readers=1, wait_s=120) for _ in sizes]
    pairs = zip(writers, sizes, strict=True)
    held = await asyncio.gather(*(hold(writer, size, limits) for writer, size in pairs))
    for writer in writers:
        writer.close()
    used = await database.read(
        lambda connection: quota.state(connection, "ann", now=NOW, defaults=limits)
    )
    most = sum(sizes) // 2
    assert used.daily_used == used.total_used == sum(held) <= most
    refused = [size for size, kept in zip(sizes, held, strict=True) if not kept]
    assert refused
    assert all(sum(held) + size > most for size in refused)


class Model:
    """What the quota must be, counted the simple way."""

    def __init__(self, limits: Quota) -> None:
        self.limits = limits
        self.reserved: list[tuple[str, int]] = []
        self.settled: list[tuple[str, int]] = []
        self.stored = 0

    def day_bytes(self, day: str) -> int:
        return sum(size for at, size in self.reserved + self.settled if at == day)

    def day_files(self, day: str) -> int:
        return sum(at == day for at, _ in self.reserved + self.settled)

    def total(self) -> int:
        return sum(size for _, size in self.reserved) + self.stored

    def has_room(self, day: str, size: int) -> bool:
        return (
            self.day_bytes(day) + size <= self.limits.daily_bytes
            and self.day_files(day) + 1 <= self.limits.daily_files
            and self.total() + size <= self.limits.total_bytes
        )


async def give_or_settle(database: Database, model: Model, verb: str, choice: int) -> None:
    """One of the steps that need something to be held."""
    if verb == "unsettle" and model.settled:
        at, held = model.settled.pop(choice % len(model.settled))
        await database.write(partial(quota.unsettle, account_id="ann", day=at, size=held))
        model.stored -= held
    elif verb in ("release", "settle") and model.reserved:
        at, held = model.reserved.pop(choice % len(model.reserved))
        if verb == "release":
            step = partial(quota.release, account_id="ann", day=at, reserved=held)
        else:
            found = max(1, held - choice)  # measured, and a little less than was declared
            step = partial(quota.settle, account_id="ann", day=at, reserved=held, size=found)
            model.settled.append((at, found))
            model.stored += found
        await database.write(step)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "release", "settle", "unsettle", "midnight"]),
        st.integers(1, 60),
        st.integers(0, 5),
    ),
    max_size=25,
)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_every_order_of_steps_is_counted_exactly(
    database: Database, steps: list[tuple[str, int, int]]
):
    limits = Quota(daily_bytes=100, daily_files=5, total_bytes=150)
    model, now = Model(limits), NOW

    def start(connection: Connection) -> None:
        for table in (usage_days, usage_totals):
            connection.execute(delete(table))
        if connection.execute(select(accounts.c.id)).first() is None:
            add_ann(connection)

    await database.write(start)
    for verb, size, choice in steps:
        day = quota.day_of(now)
        if verb == "midnight":
            now = datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(days=1)
        elif verb == "reserve":
            reserving = partial(
                quota.reserve, account_id="ann", size=size, now=now, defaults=limits
            )
            if model.has_room(day, size):
                assert await database.write(reserving) == day
                model.reserved.append((day, size))
            else:
                with pytest.raises(TooLarge):
                    await database.write(reserving)
        else:
            await give_or_settle(database, model, verb, choice)
        state = await database.read(
            partial(quota.state, account_id="ann", now=now, defaults=limits)
        )
        day = quota.day_of(now)
        assert (state.daily_used, state.daily_files_used, state.total_used) == (
            model.day_bytes(day),
            model.day_files(day),
            model.total(),
        )
        assert state.total_used <= limits.total_bytes
        assert state.daily_used <= limits.daily_bytes


async def test_the_last_second_counts_for_the_old_day_and_the_next_for_the_new(database: Database):
    await database.write(add_ann)
    limits = Quota(daily_bytes=10)
    last = datetime(2026, 3, 9, 23, 59, 59, 999_999, tzinfo=UTC)
    for moment, day in ((last, TODAY), (last + timedelta(microseconds=1), "2026-03-10")):
        got = await database.write(
            partial(quota.reserve, account_id="ann", size=10, now=moment, defaults=limits)
        )
        assert got == day
        with pytest.raises(TooLarge):
            await database.write(
                partial(quota.reserve, account_id="ann", size=1, now=moment, defaults=limits)
            )


async def test_too_many_unfinished_uploads_are_asked_to_wait(database: Database):
    await database.write(add_ann)
    limits = Quota(unfinished_files=2)
    begin = partial(quota.reserve, account_id="ann", size=1, now=NOW, defaults=limits)
    for _ in range(2):
        await database.write(begin)
    with pytest.raises(TooMany) as refusal:
        await database.write(begin)
    assert refusal.value.retry_after_s
    await database.write(partial(quota.settle, account_id="ann", day=TODAY, reserved=1, size=1))
    await database.write(begin)


async def failing(database: Database, now: datetime, times: int, holder: str = "ann") -> None:
    for _ in range(times):
        await database.write(partial(count_failed, holder=holder, now=now))


async def refusal_of(database: Database, now: datetime, limit: int = 10) -> CimaiseError | None:
    try:
        await database.read(partial(require_few_failed, holder="ann", now=now, limit=limit))
    except TooMany as refusal:
        return refusal
    return None


async def test_uploads_that_came_to_nothing_are_limited_by_the_hour(database: Database):
    await failing(database, NOW, 9)
    await failing(database, NOW, 50, holder="bob")
    assert await refusal_of(database, NOW) is None
    await failing(database, NOW, 1)
    refusal = await refusal_of(database, NOW)
    assert refusal is not None
    assert refusal.retry_after_s is not None
    assert refusal.limit is not None
    assert refusal.limit.name == "quota.failed_uploads"
    assert await refusal_of(database, NOW, limit=0) is None


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(before=0, now=24, minute=29, limit=23)
@given(
    before=st.integers(0, 40),
    now=st.integers(0, 40),
    minute=st.integers(0, 59),
    limit=st.integers(1, 30),
)
async def test_whoever_waits_as_long_as_was_said_may_go_on_and_not_a_minute_earlier(
    database: Database, before: int, now: int, minute: int, limit: int
):
    moment = NOW + timedelta(minutes=minute)
    await database.write(lambda connection: connection.execute(delete(failed_uploads)).rowcount)
    await failing(database, NOW - timedelta(minutes=30), before)
    await failing(database, NOW, now)
    refusal = await refusal_of(database, moment, limit)
    if refusal is None:
        assert now < limit
        return
    wait = timedelta(seconds=refusal.retry_after_s or 0)
    assert timedelta(0) < wait < timedelta(hours=2)
    assert await refusal_of(database, moment + wait, limit) is None
    if wait > timedelta(minutes=1):
        assert await refusal_of(database, moment + wait - timedelta(minutes=1), limit) is not None


async def test_hours_that_count_for_nothing_are_forgotten(database: Database):
    await failing(database, NOW - timedelta(hours=5), 1)
    await failing(database, NOW, 1)
    assert await database.write(partial(forget_failed, now=NOW)) == 1


async def test_ten_at_once_are_all_counted(database: Database, database_url: str, tmp_path: Path):
    async with AsyncExitStack() as stack:
        writers = [open_database(database_url, data_dir=tmp_path, wait_s=60) for _ in range(10)]
        for writer in writers:
            stack.callback(writer.close)
        await asyncio.gather(*(failing(writer, NOW, 1) for writer in writers))
    total = await database.read(
        lambda connection: connection.execute(select(failed_uploads.c.uploads)).scalar_one()
    )
    assert total == 10

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert

from cimaise.database.engine import Database
from cimaise.database.schema import accounts, usage_days, usage_totals
from cimaise.errors import TooLarge
from cimaise.settings import Quota
from cimaise.uploads import quota
from tests.kit.examples import examples

NOW = datetime(2026, 3, 9, 23, 59, tzinfo=UTC)
TOMORROW = datetime(2026, 3, 10, 0, 0, tzinfo=UTC)
NONE = Quota()


@pytest.fixture
async def account(database: Database) -> str:
    def work(connection: Connection) -> None:
        connection.execute(
            insert(accounts).values(id="ann", name="ann", role="member", created_at=NOW)
        )

    await database.write(work)
    return "ann"


def reserving(size: int, limits: Quota, now: datetime = NOW) -> Callable[[Connection], str]:
    return lambda connection: quota.reserve(connection, "ann", size=size, now=now, defaults=limits)


async def used(database: Database, limits: Quota = NONE, now: datetime = NOW) -> quota.QuotaState:
    return await database.read(
        lambda connection: quota.state(connection, "ann", now=now, defaults=limits)
    )


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Quota(daily_bytes=100), "quota.daily_bytes"),
        (Quota(total_bytes=100), "quota.total_bytes"),
        (Quota(daily_files=1), "quota.daily_files"),
    ],
)
async def test_one_byte_or_file_above_a_limit_is_refused_and_names_it(
    database: Database, account: str, limits: Quota, name: str
):
    await database.write(reserving(100, limits))
    with pytest.raises(TooLarge) as caught:
        await database.write(reserving(1, limits))
    assert caught.value.code == "quota_exceeded"
    assert caught.value.limit is not None
    assert caught.value.limit.name == name
    assert (await used(database)).daily_used == 100


async def test_an_own_limit_of_zero_is_no_limit(database: Database, account: str):
    await database.write(
        lambda connection: connection.execute(accounts.update().values(daily_bytes=0)).rowcount
    )
    await database.write(reserving(1000, Quota(daily_bytes=1)))
    assert (await used(database)).daily_used == 1000


async def test_a_hundred_writers_at_once_never_pass_a_limit_nor_are_refused_below_it(
    database: Database, account: str
):
    limits = Quota(daily_bytes=60 * 7)
    results = await asyncio.gather(
        *(database.write(reserving(7, limits)) for _ in range(100)), return_exceptions=True
    )
    refused = [one for one in results if isinstance(one, TooLarge)]
    assert len(refused) == 40
    assert len(results) - len(refused) == 60
    assert (await used(database)).daily_used == 420


async def test_the_day_begins_again_at_midnight_utc(database: Database, account: str):
    limits = Quota(daily_bytes=10)
    await database.write(reserving(10, limits))
    await database.write(reserving(10, limits, TOMORROW))
    state = await used(database, limits, TOMORROW)
    assert state.daily_used == 10
    assert state.total_used == 20
    assert (await used(database, limits, NOW)).resets_at == TOMORROW


async def test_what_is_released_or_unsettled_is_free_again(database: Database, account: str):
    day = await database.write(reserving(10, NONE))
    await database.write(lambda connection: quota.release(connection, "ann", day=day, reserved=10))
    day = await database.write(reserving(10, NONE))
    await database.write(
        lambda connection: quota.settle(connection, "ann", day=day, reserved=10, size=8)
    )
    assert (await used(database)).daily_used == 8
    await database.write(lambda connection: quota.unsettle(connection, "ann", day=day, size=8))
    state = await used(database)
    assert (state.daily_used, state.daily_files_used, state.total_used) == (0, 0, 0)


@settings(
    max_examples=examples(25),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["reserve", "release", "settle"]), st.integers(1, 60)),
        max_size=20,
    )
)
async def test_use_is_always_the_sum_of_what_is_held_and_never_above_the_limit(
    database: Database, account: str, steps: list[tuple[str, int]]
):
    limits = Quota(daily_bytes=100, total_bytes=100, daily_files=5)
    await database.write(
        lambda connection: [connection.execute(delete(one)) for one in (usage_days, usage_totals)]
    )
    reserved: list[int] = []
    settled = 0
    for verb, size in steps:
        if verb == "reserve":
            fits = sum(reserved) + settled + size <= 100 and len(reserved) < 5
            try:
                await database.write(reserving(size, limits))
                reserved.append(size)
            except TooLarge:
                assert not fits or settled
        elif reserved and verb == "release":
            held = reserved.pop()
            await database.write(
                partial(quota.release, account_id="ann", day="2026-03-09", reserved=held)
            )
        elif reserved:
            held = reserved.pop()
            settled += held
            await database.write(
                partial(quota.settle, account_id="ann", day="2026-03-09", reserved=held, size=held)
            )
        state = await used(database, limits)
        assert state.daily_used == sum(reserved) + settled <= 100
        assert state.total_used == state.daily_used
        assert state.daily_files_used <= 5

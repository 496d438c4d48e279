import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from cimaise.database.engine import Database
from cimaise.database.schema import facts
from cimaise.errors import Unavailable, WrongState
from cimaise.jobs.base import Job, Turn
from cimaise.jobs.runner import Runner
from cimaise.jobs.turns import take_turn
from cimaise.state.base import Lease
from cimaise.state.local import LocalState
from tests.conftest import StandingClock

LIMIT_S = 20


@pytest.fixture
async def state(tmp_path: Path, clock: StandingClock) -> AsyncIterator[LocalState]:
    opened = LocalState(tmp_path / "state", clock=lambda: clock().timestamp())
    yield opened
    await opened.close()


class Counted:
    """A job that counts its runs, and may be held up."""

    def __init__(self, every_s: float = 3600) -> None:
        self.turns: list[datetime] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.job = Job("counted", every_s, self.work)

    async def work(self, turn: Turn) -> int:
        self.turns.append(turn.now)
        self.begun.set()
        await self.gate.wait()
        await turn.database.write(
            lambda connection: connection.execute(
                insert(facts).values(name=f"run {len(self.turns)}", value="x")
            )
        )
        return 1


def runner_of(job: Job, clock: StandingClock, state: LocalState, database: Database) -> Runner:
    """A runner of one job, whose seconds pass with the clock."""
    return Runner([job], clock, state, database, ticks=lambda: clock().timestamp())


async def rows(database: Database) -> int:
    return await database.read(
        lambda connection: connection.execute(select(func.count()).select_from(facts)).scalar_one()
    )


async def test_of_two_servers_one_runs_a_job_and_the_other_waits_for_the_next_time(
    state: LocalState, database: Database, clock: StandingClock
):
    counted = Counted()
    servers = [runner_of(counted.job, clock, state, database) for _ in range(2)]
    for server in servers:
        await server.run_due()
    assert len(counted.turns) == 1
    clock.advance(3601)
    for server in servers:
        await server.run_due()
    assert len(counted.turns) == 2


async def test_a_job_that_is_asked_for_runs_again_though_it_was_done(
    state: LocalState, database: Database, clock: StandingClock
):
    counted = Counted()
    servers = [runner_of(counted.job, clock, state, database) for _ in range(2)]
    await servers[0].run_due()
    servers[1].hurry("counted")
    await servers[1].run_due()
    assert len(counted.turns) == 2


async def test_a_job_that_another_server_is_at_is_tried_again_where_it_was_asked_for(
    state: LocalState, database: Database, clock: StandingClock
):
    counted = Counted()
    counted.gate.clear()
    first, second = (runner_of(counted.job, clock, state, database) for _ in range(2))
    running = asyncio.create_task(first.run_due())
    await counted.begun.wait()
    second.hurry("counted")
    await second.run_due()
    assert len(counted.turns) == 1
    counted.gate.set()
    await running
    clock.advance(11)
    await second.run_due()
    assert len(counted.turns) == 2


async def test_a_holder_that_was_stopped_too_long_changes_nothing_any_more(
    state: LocalState, database: Database, clock: StandingClock
):
    late = Counted()
    late.gate.clear()
    stopped = asyncio.create_task(take_turn(late.job, state=state, database=database, clock=clock))
    await late.begun.wait()
    clock.advance(61)  # its lease is over, and it does not know
    quick = Counted()
    assert await take_turn(quick.job, state=state, database=database, clock=clock) == 1
    late.gate.set()
    with pytest.raises(WrongState) as caught:
        await stopped
    assert caught.value.code == "lease_lost"
    assert await rows(database) == 1


async def test_a_job_stops_when_its_lease_is_lost(
    state: LocalState, database: Database, clock: StandingClock
):
    class Lost(LocalState):
        """Of which every renewal comes too late."""

        async def renew_lease(self, lease: Lease, *, ttl_s: float) -> bool:
            return False

    state.__class__ = Lost
    counted = Counted()
    counted.gate.clear()
    with pytest.raises(WrongState):
        async with asyncio.timeout(LIMIT_S):
            await take_turn(counted.job, state=state, database=database, clock=clock, ttl_s=0.04)
    assert await rows(database) == 0


async def test_a_job_stops_when_the_state_is_away_for_longer_than_the_lease(
    state: LocalState, database: Database, clock: StandingClock
):
    class Away(LocalState):
        """That nobody reaches after the lease was taken."""

        async def renew_lease(self, lease: Lease, *, ttl_s: float) -> bool:
            raise Unavailable("away")

        async def release_lease(self, lease: Lease) -> None:
            raise Unavailable("away")

    state.__class__ = Away
    counted = Counted()
    counted.gate.clear()
    with pytest.raises(WrongState):
        async with asyncio.timeout(LIMIT_S):
            await take_turn(counted.job, state=state, database=database, clock=clock, ttl_s=0.04)


async def test_a_long_job_keeps_its_lease(
    state: LocalState, database: Database, clock: StandingClock
):
    renewals = asyncio.Event()

    class Counting(LocalState):
        """That says when a lease was renewed."""

        async def renew_lease(self, lease: Lease, *, ttl_s: float) -> bool:
            renewals.set()
            return await super().renew_lease(lease, ttl_s=ttl_s)

    state.__class__ = Counting

    async def work(_turn: Turn) -> int:
        await renewals.wait()
        return 7

    async with asyncio.timeout(LIMIT_S):
        job = Job("long", 60, work)
        assert await take_turn(job, state=state, database=database, clock=clock, ttl_s=0.04) == 7


async def test_jobs_pause_while_the_state_is_away_and_go_on_afterwards(
    state: LocalState, database: Database, clock: StandingClock
):
    class Away(LocalState):
        """That nobody reaches."""

        async def get(self, key: str) -> str | None:
            raise Unavailable("away")

    state.__class__ = Away
    counted = Counted()
    runner = runner_of(counted.job, clock, state, database)
    await runner.run_due()
    assert counted.turns == []
    state.__class__ = LocalState
    clock.advance(11)
    await runner.run_due()
    assert len(counted.turns) == 1


async def test_a_job_that_fails_gives_its_lease_back_and_runs_again_at_its_time(
    state: LocalState, database: Database, clock: StandingClock
):
    runs: list[datetime] = []

    async def work(turn: Turn) -> int:
        runs.append(turn.now)
        raise RuntimeError("a fault")

    runner = runner_of(Job("faulty", 60, work), clock, state, database)
    await runner.run_due()
    clock.advance(61)
    await runner.run_due()
    assert runs == [clock() - timedelta(seconds=61), clock()]


async def test_jobs_go_on_where_the_clock_is_set_back(
    state: LocalState, database: Database, clock: StandingClock
):
    counted, ticks = Counted(every_s=60), [0.0]
    runner = Runner([counted.job], clock, state, database, ticks=lambda: ticks[0])
    await runner.run_due()
    clock.advance(-86400)
    ticks[0] += 61
    await runner.run_due()
    assert len(counted.turns) == 2
    await runner.run_due()
    assert len(counted.turns) == 2

"""Runs jobs at their times, one after another, for as long as the server runs.

Every process has a runner. A job's lease lets one of them do it, and what it leaves in the state
when it is done lets the others wait for the next time.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from cimaise import telemetry
from cimaise.database.engine import Database
from cimaise.errors import CimaiseError, Unavailable
from cimaise.jobs.base import Job
from cimaise.jobs.turns import take_turn
from cimaise.state.base import State
from cimaise.tasks import Forever

_SOON_S: Final = 10.0
"""When a job is tried again that could not be begun, because the state was away."""

_PAUSE: Final = 0.9
"""Of the time between two runs: so long no other process begins, unless it is asked to."""


class Runner:
    """Started with the server, stopped with it. A job that fails runs again at its time."""

    def __init__(
        self,
        jobs: Sequence[Job],
        clock: Callable[[], datetime],
        state: State,
        database: Database,
        *,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing runs yet.

        Args:
            jobs: What is run.
            clock: The time, aware UTC: what a job takes for now. It may be set back.
            state: Where leases are, and what was done.
            database: Of which a job gets its own.
            ticks: Seconds that only go up: they decide when a job is due.
        """
        self._jobs = jobs
        self._clock = clock
        self._state = state
        self._database = database
        self._ticks = ticks
        self._due = {job.name: ticks() for job in jobs}
        self._hurried: set[str] = set()
        self._wake = asyncio.Event()
        self._loop = Forever("jobs", self._turn)

    def start(self) -> None:
        """Begin; every job runs soon after, unless another process did it a while ago."""
        self._loop.start()

    def hurry(self, name: str) -> None:
        """Run a job soon, whatever its time."""
        self._due[name] = self._ticks()
        self._hurried.add(name)
        self._wake.set()

    async def stop(self) -> None:
        """Cancel what runs and wait for its end."""
        await self._loop.stop()

    async def _turn(self) -> None:
        await self.run_due()
        await self._rest()

    async def run_due(self) -> None:
        """Run every job whose time has come, once."""
        for job in self._jobs:
            if self._due[job.name] <= self._ticks():
                # before the work: who asks for it meanwhile is asking for another run
                self._due[job.name] = self._ticks() + job.every_s
                await self._run_one(job)

    async def _run_one(self, job: Job) -> None:
        is_hurried = job.name in self._hurried
        self._hurried.discard(job.name)
        try:
            if is_hurried or not await self._was_done(job):
                await self._take_turn(job, is_hurried=is_hurried)
        except Unavailable as fault:
            self._due[job.name] = min(self._due[job.name], self._ticks() + _SOON_S)
            telemetry.log("job_failed", level="warning", job=job.name, message=fault.message)
        except CimaiseError as fault:
            telemetry.log("job_failed", level="warning", job=job.name, message=fault.message)
        except Exception as fault:
            telemetry.log("job_failed", level="error", job=job.name, fault=fault)
        else:
            return
        telemetry.count("job_runs_total", job=job.name, outcome="failed")

    async def _take_turn(self, job: Job, *, is_hurried: bool) -> None:
        started = self._ticks()
        done = await take_turn(job, state=self._state, database=self._database, clock=self._clock)
        if done is None:  # another process is at it, and may be past what was asked for here
            if is_hurried:
                self._due[job.name] = self._ticks() + _SOON_S
                self._hurried.add(job.name)
            return
        telemetry.count("job_runs_total", job=job.name, outcome="done")
        telemetry.observe("job_seconds", self._ticks() - started, job=job.name)
        done_at = repr(self._clock().timestamp())
        await self._state.put(_mark(job), done_at, ttl_s=job.every_s * _PAUSE)
        if done:
            telemetry.log("job", job=job.name, done=done)

    async def _was_done(self, job: Job) -> bool:
        """Unless it says so of a time that is still to come: then a clock was set back since."""
        done_at = await self._state.get(_mark(job))
        return done_at is not None and float(done_at) <= self._clock().timestamp() + job.every_s

    async def _rest(self) -> None:
        seconds = min(self._due.values()) - self._ticks()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), max(0.0, seconds))
        self._wake.clear()


def _mark(job: Job) -> str:
    return f"job-done-at:{job.name}"

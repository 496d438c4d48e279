"""Runs jobs at their times, one after another, for as long as the server runs.

Every process has a runner. A job's lease lets one of them do it, and what it leaves in the state
when it is done lets the others wait for the next time.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from cimaise import telemetry
from cimaise.database.engine import Database
from cimaise.errors import CimaiseError, Unavailable
from cimaise.jobs.base import Job
from cimaise.jobs.turns import take_turn
from cimaise.state.base import State

_SOON: Final = timedelta(seconds=10)
"""When a job is tried again that could not be begun, because the state was away."""

_PAUSE: Final = 0.9
"""Of the time between two runs: so long no other process begins, unless it is asked to."""


class Runner:
    """Started with the server, stopped with it. A job that fails runs again at its time."""

    def __init__(
        self, jobs: Sequence[Job], clock: Callable[[], datetime], state: State, database: Database
    ) -> None:
        self._jobs = jobs
        self._clock = clock
        self._state = state
        self._database = database
        self._due = {job.name: clock() for job in jobs}
        self._hurried: set[str] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; every job runs soon after, unless another process did it a while ago."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def hurry(self, name: str) -> None:
        """Run a job soon, whatever its time."""
        self._due[name] = self._clock()
        self._hurried.add(name)
        self._wake.set()

    async def stop(self) -> None:
        """Cancel what runs and wait for its end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self.run_due()
            await self._rest()

    async def run_due(self) -> None:
        """Run every job whose time has come, once."""
        for job in self._jobs:
            if self._due[job.name] <= self._clock():
                # before the work: who asks for it meanwhile is asking for another run
                self._due[job.name] = self._clock() + timedelta(seconds=job.every_s)
                await self._run_one(job)

    async def _run_one(self, job: Job) -> None:
        is_hurried = job.name in self._hurried
        self._hurried.discard(job.name)
        try:
            if is_hurried or not await self._was_done(job):
                await self._take_turn(job, is_hurried=is_hurried)
        except Unavailable as fault:
            self._due[job.name] = min(self._due[job.name], self._clock() + _SOON)
            telemetry.log("job_failed", level="warning", job=job.name, message=fault.message)
        except CimaiseError as fault:
            telemetry.log("job_failed", level="warning", job=job.name, message=fault.message)
        except Exception as fault:
            telemetry.log("job_failed", level="error", job=job.name, fault=fault)
        else:
            return
        telemetry.count("job_runs_total", job=job.name, outcome="failed")

    async def _take_turn(self, job: Job, *, is_hurried: bool) -> None:
        started = time.monotonic()
        done = await take_turn(job, state=self._state, database=self._database, clock=self._clock)
        if done is None:  # another process is at it, and may be past what was asked for here
            if is_hurried:
                self._due[job.name] = self._clock() + _SOON
                self._hurried.add(job.name)
            return
        telemetry.count("job_runs_total", job=job.name, outcome="done")
        telemetry.observe("job_seconds", time.monotonic() - started, job=job.name)
        await self._state.put(_mark(job), "done", ttl_s=job.every_s * _PAUSE)
        if done:
            telemetry.log("job", job=job.name, done=done)

    async def _was_done(self, job: Job) -> bool:
        return await self._state.get(_mark(job)) is not None

    async def _rest(self) -> None:
        seconds = (min(self._due.values()) - self._clock()).total_seconds()
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.0, seconds))
        except TimeoutError:
            return
        self._wake.clear()


def _mark(job: Job) -> str:
    return f"job-done:{job.name}"

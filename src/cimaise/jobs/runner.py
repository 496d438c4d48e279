"""Runs jobs at their times, one after another, for as long as the server runs."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from cimaise import telemetry
from cimaise.errors import CimaiseError
from cimaise.jobs.base import Job


class Runner:
    """Started with the server, stopped with it. A job that fails runs again at its time."""

    def __init__(self, jobs: Sequence[Job], clock: Callable[[], datetime]) -> None:
        self._jobs = jobs
        self._clock = clock
        self._due = {job.name: clock() for job in jobs}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; every job runs soon after."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def hurry(self, name: str) -> None:
        """Run a job soon, whatever its time."""
        self._due[name] = self._clock()
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
        try:
            done = await job.work(self._clock())
        except CimaiseError as fault:
            telemetry.log("job_failed", level="warning", job=job.name, message=fault.message)
        except Exception as fault:
            telemetry.log("job_failed", level="error", job=job.name, fault=fault)
        else:
            if done:
                telemetry.log("job", job=job.name, done=done)

    async def _rest(self) -> None:
        seconds = (min(self._due.values()) - self._clock()).total_seconds()
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.0, seconds))
        except TimeoutError:
            return
        self._wake.clear()

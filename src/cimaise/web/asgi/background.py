"""Small work that nobody waits for: it is finished before the server stops."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from cimaise import telemetry


class Background:
    """Runs coroutines beside the requests. A failure is logged, and that is all."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin; the task is held until it has ended."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            telemetry.log("job_failed", level="error", fault=task.exception(), job="background")

    async def close(self) -> None:
        """Wait for everything that runs."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

"""One computation for all who ask for the same thing at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cimaise.telemetry import log

_Result = TypeVar("_Result")
Give = Callable[[_Result], None]
Work = Callable[[Give[_Result]], Awaitable[None]]


@dataclass(eq=False, slots=True)
class _Flight(Generic[_Result]):
    result: asyncio.Future[_Result]
    task: asyncio.Task[None] | None = None
    waiting: int = field(default=0)


class Flights(Generic[_Result]):
    """Computations under way, by key. Belongs to one event loop."""

    def __init__(self) -> None:
        """Begin with none."""
        self._flights: dict[str, _Flight[_Result]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def fly(self, key: str, work: Work[_Result]) -> _Result:
        """What ``work`` gives, computed once for everyone who asks while it is under way.

        ``work`` hands its result out as soon as it has one, and may then go on, to keep it; who
        comes meanwhile still gets it. One who is cancelled leaves the others alone; when the last
        one is, so is the work. What it raises before it gave anything, everyone gets.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._start(key, work)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.result)
        finally:
            flight.waiting -= 1
            if flight.waiting == 0 and not flight.result.done() and flight.task is not None:
                self._land(key, flight)  # who comes now starts anew
                flight.task.cancel()

    def forget(self, prefix: str) -> None:
        """Let nobody join what is under way by a key that begins so; who waits already gets it."""
        for key in [key for key in self._flights if key.startswith(prefix)]:
            del self._flights[key]

    async def settled(self) -> None:
        """Wait until everything under way has ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, key: str, work: Work[_Result]) -> _Flight[_Result]:
        flight: _Flight[_Result] = _Flight(asyncio.get_running_loop().create_future())
        self._flights[key] = flight
        flight.task = asyncio.create_task(self._run(key, flight, work))
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._tasks.discard)
        return flight

    async def _run(self, key: str, flight: _Flight[_Result], work: Work[_Result]) -> None:
        def give(result: _Result) -> None:
            if not flight.result.done():
                flight.result.set_result(result)

        try:
            await work(give)
        except asyncio.CancelledError:
            flight.result.cancel()
            raise
        except Exception as fault:
            if flight.result.done():  # everyone has been served; only keeping failed
                log("picture_failed", level="error", fault=fault, reason="not kept")
                return
            flight.result.set_exception(fault)
            flight.result.exception()  # all may be gone already; that is no fault to report
        finally:
            self._land(key, flight)

    def _land(self, key: str, flight: _Flight[_Result]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

"""One run of a job under its lease: of all processes of all machines, one does it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any, Final

from cimaise.database.engine import Database
from cimaise.database.fence import require_newest
from cimaise.errors import Unavailable, WrongState
from cimaise.jobs.base import Job, Turn
from cimaise.state.base import Lease, State

TTL_S: Final = 60.0
"""After so long without a sign of life another process may begin."""

_RENEWALS: Final = 4  # in that time


async def take_turn(
    job: Job,
    *,
    state: State,
    database: Database,
    clock: Callable[[], datetime],
    ttl_s: float = TTL_S,
) -> int | None:
    """Run a job once; gives how many things it did, ``None`` where another process is at it.

    Raises:
        Unavailable: The state cannot be reached, so nobody can tell whether another is at it.
        WrongState: ``lease_lost``: the lease ended while the job ran; it was stopped.
    """
    lease = await state.take_lease(_name(job), ttl_s=ttl_s)
    if lease is None:
        return None
    fence = partial(require_newest, name=lease.name, token=lease.token)
    try:
        work = job.work(Turn(clock(), database.guarded(fence)))
        return await _first(asyncio.ensure_future(work), _keep(state, lease, ttl_s))
    finally:
        await _give_back(state, lease)


def _name(job: Job) -> str:
    return f"job:{job.name}"


async def _first(work: "asyncio.Future[int]", keeping: Coroutine[Any, Any, int]) -> int:
    """What the work gives; where keeping the lease ends before, the work is cancelled."""
    keeper = asyncio.ensure_future(keeping)
    both: set[asyncio.Future[int]] = {work, keeper}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else keeper.result()
    finally:
        for future in both:
            future.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _keep(state: State, lease: Lease, ttl_s: float) -> int:
    """Never returns: renews until cancelled; raises when the lease is lost, or was not renewed for its time."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + ttl_s
    while True:
        await asyncio.sleep(ttl_s / _RENEWALS)
        asked_at = loop.time()
        try:
            is_held = await state.renew_lease(lease, ttl_s=ttl_s)
        except Unavailable:
            is_held = asked_at + ttl_s / _RENEWALS < ends_at
        else:
            ends_at = asked_at + ttl_s
        if not is_held:
            raise WrongState("Another process has taken this over.", code="lease_lost")


async def _give_back(state: State, lease: Lease) -> None:
    try:
        await state.release_lease(lease)
    except Unavailable:
        return  # it ends by itself

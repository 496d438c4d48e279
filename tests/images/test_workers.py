import asyncio
import os
import sys
import threading

import pytest

from cimaise.errors import ClientGone, Unavailable
from cimaise.images.workers import Workers


@pytest.fixture
async def one_thread():
    workers = Workers(threads=1, queue=2)
    yield workers
    await workers.close()


async def test_work_runs_in_a_polite_thread_and_its_result_or_error_comes_back(one_thread):
    def work(stop):
        name = threading.current_thread().name
        return name, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    name, nice = await one_thread.run(work)
    assert name.startswith("picture")
    if sys.platform == "linux":
        assert nice == 10
        assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 10

    def failing(stop):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await one_thread.run(failing)
    assert await one_thread.run(lambda stop: 7) == 7


def test_there_is_one_thread_more_than_cores_where_nothing_is_said():
    assert Workers().threads == (os.cpu_count() or 1) + 1


async def test_one_more_than_the_queue_holds_is_answered_busy(one_thread, wait_until):
    gate, begun = threading.Event(), threading.Event()

    def work(stop):
        begun.set()
        gate.wait(10)
        return "done"

    tasks = [asyncio.create_task(one_thread.run(work)) for _ in range(3)]
    await wait_until(lambda: begun.is_set() and one_thread.waiting == 2)
    with pytest.raises(Unavailable) as refusal:
        await one_thread.run(work)
    assert refusal.value.code == "busy"
    assert refusal.value.retry_after_s is not None
    assert 1 <= refusal.value.retry_after_s <= 30
    gate.set()
    assert await asyncio.gather(*tasks) == ["done"] * 3
    assert await one_thread.run(work) == "done"


async def test_who_is_cancelled_while_waiting_gives_the_place_back_at_once(one_thread, wait_until):
    gate, done = threading.Event(), []

    def work(stop):
        gate.wait(10)
        done.append(1)

    running = asyncio.create_task(one_thread.run(work))
    waiting = [asyncio.create_task(one_thread.run(work)) for _ in range(2)]
    await wait_until(lambda: one_thread.waiting == 2)
    waiting[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    assert one_thread.waiting == 1
    other = asyncio.create_task(one_thread.run(work))
    gate.set()
    await asyncio.gather(running, waiting[1], other)
    assert len(done) == 3


async def test_who_is_cancelled_while_working_stops_the_work_and_frees_the_place_after_it(
    one_thread, wait_until
):
    gate, begun, stops = threading.Event(), threading.Event(), []

    def work(stop):
        stops.append(stop)
        begun.set()
        gate.wait(10)
        stop.require_wanted()

    task = asyncio.create_task(one_thread.run(work))
    await wait_until(begun.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stops[0].is_asked
    with pytest.raises(ClientGone):
        stops[0].require_wanted()
    next_one = asyncio.create_task(one_thread.run(lambda stop: threading.get_ident()))
    await wait_until(lambda: one_thread.waiting == 1)
    gate.set()
    assert await next_one


async def test_closing_waits_for_what_runs(wait_until):
    workers, begun, gate = Workers(threads=1), threading.Event(), threading.Event()

    def work(stop):
        begun.set()
        gate.wait(10)
        return "done"

    task = asyncio.create_task(workers.run(work))
    await wait_until(begun.is_set)
    closing = asyncio.create_task(workers.close())
    gate.set()
    await closing
    assert await task == "done"

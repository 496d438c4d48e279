"""Cheap and costly work apart: what is which, and that neither waits for the other."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from cimaise.errors import Unavailable
from cimaise.images.lanes import Lanes, SourceFacts, is_costly
from cimaise.images.spec import ImageSpec

THUMB = ImageSpec(width=400)
AVIF = ImageSpec(width=400, format="avif")
PHOTO = SourceFacts("image/jpeg", 4_000_000, 12_000_000)


@pytest.mark.parametrize(
    ("spec", "facts", "costly"),
    [
        (THUMB, PHOTO, False),
        (THUMB, SourceFacts(), False),
        (AVIF, PHOTO, True),
        (ImageSpec(width=400, format="jxl"), PHOTO, True),
        (ImageSpec(width=4000, height=3000), PHOTO, True),
        (THUMB, SourceFacts("image/heic", 1_000_000), True),
        (THUMB, SourceFacts("image/svg+xml", 1000), True),
        (THUMB, SourceFacts("image/jpeg", 60_000_000), True),
        (THUMB, SourceFacts("image/png", 30_000, 90_000_000), True),
    ],
)
def test_what_takes_long_is_costly(spec: ImageSpec, facts: SourceFacts, costly: bool):
    assert is_costly(spec, facts) is costly


async def test_a_full_costly_lane_leaves_the_cheap_one_alone():
    lanes, gate = Lanes(threads=1, queue=5, costly_queue=2), threading.Event()
    piles = [
        asyncio.create_task(lanes.costly.workers.run(lambda _: gate.wait(10))) for _ in range(3)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as busy:
        await lanes.of(AVIF, PHOTO).workers.run(lambda _: None)
    assert (busy.value.code, busy.value.retry_after_s) == ("busy", busy.value.retry_after_s)
    assert busy.value.retry_after_s
    assert await lanes.of(THUMB, PHOTO).workers.run(lambda _: "made") == "made"
    gate.set()
    await asyncio.gather(*piles)
    await lanes.close()


async def test_who_leaves_the_queue_frees_a_place_at_once():
    lanes, gate = Lanes(threads=1, queue=1, costly_queue=1), threading.Event()
    workers = lanes.costly.workers
    running = asyncio.create_task(workers.run(lambda _: gate.wait(10)))
    waiting = asyncio.create_task(workers.run(lambda _: "never"))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await workers.run(lambda _: None)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    following = asyncio.create_task(workers.run(lambda _: "made"))
    gate.set()
    assert await following == "made"
    await running
    await lanes.close()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="niceness of threads is Linux's")
async def test_costly_threads_are_nicer_than_cheap_ones_and_all_are_nicer_than_the_server():
    lanes = Lanes(threads=1)

    def niceness(_stop: object) -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    cheap, costly, background = (
        await lanes.cheap.workers.run(niceness),
        await lanes.costly.workers.run(niceness),
        await lanes.in_background(niceness),
    )
    assert own < cheap < costly == background or own >= 10
    await lanes.close()


@pytest.mark.parametrize("name", ["cheap", "costly"])
async def test_what_nobody_waits_for_is_done_only_where_nothing_else_is(name):
    lanes, gate = Lanes(threads=1), threading.Event()
    assert await lanes.in_background(lambda _: "drawn") == "drawn"
    lane = lanes.cheap if name == "cheap" else lanes.costly
    running = asyncio.create_task(lane.workers.run(lambda _: gate.wait(10)))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as busy:
        await lanes.in_background(lambda _: "drawn")
    assert busy.value.code == "busy"
    gate.set()
    await running
    assert [await lanes.in_background(lambda _: "drawn") for _ in range(5)] == ["drawn"] * 5
    await lanes.close()

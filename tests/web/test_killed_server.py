"""A real server under real requests gets ``kill -9`` at random moments, again and again.

What it had published is whole afterwards, what it had not is gone, and no quota is left behind.
"""

import asyncio
import hashlib
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from cimaise.app import build
from cimaise.database.schema import files
from cimaise.settings import load
from cimaise.uploads.fsck import Fsck
from tests.kit.bodies import read_all
from tests.kit.crashing.operations import clean_late
from tests.kit.crashing.verdict import faults_of
from tests.kit.crashing.zygote import new_id
from tests.kit.server_process import prepare_data, server_process
from tests.kit.uploading import MB, Uploading, zipped

KILLS = 4
ENVIRONMENT = {"CIMAISE_LOG_FORMAT": "json"}
BODIES = (zipped(40_000), zipped(6 * MB))


def single(client: httpx2.Client, body: bytes) -> None:
    """Begin, send to the signed URL, complete, publish."""
    begun = client.post("/api/uploads", json=_intent(body, "single")).raise_for_status().json()
    client.put(begun["url"], content=body, headers=begun["headers"]).raise_for_status()
    _finish(client, begun["id"], [])


def in_parts(client: httpx2.Client, body: bytes) -> None:
    """The same in parts."""
    begun = client.post("/api/uploads", json=_intent(body, "multipart")).raise_for_status().json()
    parts, size = [], begun["part_size"]
    for part in begun["parts"]:
        number = part["part_number"]
        piece = body[(number - 1) * size : number * size]
        answer = client.put(part["url"], content=piece).raise_for_status()
        parts.append({"part_number": number, "etag": answer.headers["etag"]})
    _finish(client, begun["id"], parts)


def _intent(body: bytes, strategy: str) -> dict[str, object]:
    return {"collection": "tools", "filename": "a.zip", "size": len(body), "strategy": strategy}


def _finish(client: httpx2.Client, upload: str, parts: list[dict[str, object]]) -> None:
    claimed = {"parts": parts} if parts else {}
    client.post(f"/api/uploads/{upload}/complete", json=claimed).raise_for_status()
    client.post("/api/collections/tools/files", json={"upload": upload}).raise_for_status()


def raw(client: httpx2.Client, body: bytes) -> None:
    """The body as one request."""
    client.put("/api/collections/tools/files/a.zip", content=body).raise_for_status()


def form(client: httpx2.Client, body: bytes) -> None:
    """Two files in a form."""
    chosen = [("file", ("a.zip", body)), ("file", ("b.zip", BODIES[0]))]
    client.post("/upload", data={"collection": "tools"}, files=chosen).raise_for_status()


ACTIONS: tuple[Callable[[httpx2.Client, bytes], None], ...] = (single, in_parts, raw, form)


class Crowd:
    """People who upload one thing after another, until the server is gone."""

    def __init__(self, url: str, key: str, seeds: range) -> None:
        self.acknowledged = 0
        self._url = url
        self._key = key
        self._stops = threading.Event()
        self._done = threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._work, args=(seed,)) for seed in seeds]
        for thread in self._threads:
            thread.start()

    def _work(self, seed: int) -> None:
        chance = random.Random(seed)
        authorization = {"Authorization": f"Bearer {self._key}"}
        with httpx2.Client(base_url=self._url, headers=authorization, timeout=30) as client:
            while not self._stops.is_set():
                try:
                    chance.choice(ACTIONS)(client, chance.choice(BODIES))
                except httpx2.HTTPError:
                    assert self._stops.is_set(), "the server failed while it was alive"
                    return
                self._done.release()

    def wait_for(self, uploads: int) -> None:
        """Return the moment that so many have been acknowledged; the others are in the middle."""
        for _ in range(uploads):
            assert self._done.acquire(timeout=60)
            self.acknowledged += 1
        self._stops.set()

    def go(self) -> None:
        """Wait until all have noticed, and count what was acknowledged meanwhile."""
        for thread in self._threads:
            thread.join()
        while self._done.acquire(blocking=False):
            self.acknowledged += 1


@pytest.mark.slow
def test_kill_dash_nine_at_any_moment_loses_and_leaves_nothing(tmp_path: Path):
    key = prepare_data(tmp_path, ENVIRONMENT, "tools")
    chance = random.Random(20_260_309)
    acknowledged = 0
    for kill in range(KILLS):
        with server_process(tmp_path, ENVIRONMENT) as server:
            crowd = Crowd(server.url, key, range(10 * kill, 10 * kill + 4))
            crowd.wait_for(chance.randrange(1, 6))
            server.kill()
            crowd.go()
            acknowledged += crowd.acknowledged
    assert asyncio.run(what_is_left(tmp_path, acknowledged)) == []


async def what_is_left(data_dir: Path, acknowledged: int) -> list[str]:
    """Faults: see the kit; and whether every published file is one of ours, whole."""
    texts = {"CIMAISE_DATA_DIR": str(data_dir), **ENVIRONMENT}
    application = build(load(texts).settings)
    await application.start(with_jobs=False)
    services = application.services
    now = datetime.now(UTC)
    uploading = Uploading(services.database, services.storage, lambda: now, new_id)
    await clean_late(uploading, {})
    faults = await faults_of(replace(uploading), data_dir)
    report = await Fsck(services.database, services.storage, services.clock).run()
    faults += [f"fsck: {one.kind} {one.subject} {one.detail}" for one in report.findings]
    keys = await services.database.read(
        lambda connection: connection.execute(select(files.c.storage_key)).scalars().all()
    )
    ours = {hashlib.sha256(body).digest() for body in BODIES}
    for published in keys:
        whole = await read_all(services.storage, published or "")
        if hashlib.sha256(whole).digest() not in ours:
            faults.append(f"{published} has other bytes")
    if len(keys) < acknowledged:
        faults.append(f"{acknowledged} uploads were acknowledged, {len(keys)} files are there")
    await application.stop()
    return faults

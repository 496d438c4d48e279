"""Runs of stories: a process dies somewhere in one, and what is left is judged."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cimaise.database.engine import open_database
from cimaise.settings import StorageSettings
from cimaise.storage.base import Storage
from tests.kit.crashing.operations import CRASH_SETTINGS, S3_SETTINGS, Facts, Story, clean_late
from tests.kit.crashing.verdict import faults_of
from tests.kit.crashing.zygote import new_id
from tests.kit.uploading import Uploading, made_storage


class Zygote:
    """The process that forks those who die."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Do a job; what became of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the zygote died"
        return dict(json.loads(line))


@contextmanager
def zygote() -> Iterator[Zygote]:
    """Start one, and end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.kit.crashing.zygote"],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Zygote(process)
        assert process.stdin is not None
        process.stdin.close()


@dataclass(frozen=True)
class Death:
    """Where a process dies: see :class:`Countdown`."""

    kill_at: int
    is_after: bool
    delay_s: float
    client_returns: bool


@dataclass
class Stage:
    """Where stories run: one folder with a database, and a storage.

    ``empty`` is a database with the schema.
    """

    folder: Path
    empty: bytes
    settings: StorageSettings | None = None  # of S3; else the folder's own

    @property
    def root(self) -> Path | None:
        """The storage's folder, where it is one."""
        return self.folder / "storage" if self.settings is None else None

    @property
    def storage_settings(self) -> StorageSettings:
        """Of the storage."""
        return self.settings or StorageSettings(url=f"file://{self.folder}/storage")

    @property
    def database_url(self) -> str:
        """Of the database."""
        return f"sqlite:///{self.folder}/crash.db"

    async def reset(self, storage: Storage | None) -> None:
        """As if nothing had ever been."""
        if storage is not None:  # what the story before has rightly kept
            await storage.delete([info.key async for info in storage.list("")])
        for name in ("crash.db", "crash.db-wal", "crash.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "crash.db").write_bytes(self.empty)
        if self.root is not None:
            shutil.rmtree(self.root, ignore_errors=True)

    @asynccontextmanager
    async def open(self, now: datetime, storage: Storage | None) -> AsyncIterator[Uploading]:
        """The application's parts, on what is there; ``storage`` where it is open already."""
        database = open_database(self.database_url, data_dir=self.folder)
        opened = storage or made_storage(self.storage_settings, self.folder, lambda: now)
        settings = CRASH_SETTINGS if opened.is_local else S3_SETTINGS
        yield Uploading(database, opened, lambda: now, new_id, settings)
        if storage is None:
            await opened.close()
        database.close()


async def run(
    stage: Stage, zygote: Zygote, story: Story, death: Death, storage: Storage | None = None
) -> tuple[bool, list[str]]:
    """One story with one death; whether it came to its end before, and what is wrong afterwards."""
    await stage.reset(storage)
    now, facts = datetime.now(UTC), dict(story.facts)
    async with stage.open(now, storage) as uploading:
        await uploading.prepare()
        for step in story.before:
            await step(uploading, facts)
    outcome = await asyncio.to_thread(zygote.run, _job(stage, story, death, facts, now))
    if "fault" in outcome:
        return False, [outcome["fault"]]
    if "points" in outcome:
        facts = outcome["facts"]
    async with stage.open(now, storage) as uploading:
        faults = await _afterwards(uploading, story, death, facts)
        for step in story.finally_:
            await step(uploading, facts)
        await clean_late(uploading, facts)
        return "points" in outcome, faults + await faults_of(uploading, stage.root)


async def _afterwards(uploading: Uploading, story: Story, death: Death, facts: Facts) -> list[str]:
    """What the client does when the server is back, and whether it got what it wanted."""
    if not (death.client_returns and story.afterwards):
        return []
    for step in story.afterwards:
        await step(uploading, facts)
    files = await uploading.files_count()
    return [] if files == story.files else [f"{files} files instead of {story.files}"]


def _job(stage: Stage, story: Story, death: Death, facts: Facts, now: datetime) -> dict[str, Any]:
    storage = replace(stage.storage_settings)
    return {
        "story": story.name,
        "facts": facts,
        "folder": str(stage.folder),
        "database": stage.database_url,
        "storage": {
            "url": storage.url,
            "access_key_id": storage.access_key_id,
            "secret_access_key": storage.secret_access_key,
        },
        "now": now.isoformat(),
        "kill_at": death.kill_at,
        "is_after": death.is_after,
        "delay_s": death.delay_s,
    }

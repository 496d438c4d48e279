"""Each loop beside the requests survives a fault that nobody foresaw."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cimaise.access.rights_changes import RightsChanges
from cimaise.access.risk.watch import Watch
from cimaise.albums.sources.folder.source import FolderSource
from cimaise.images.keeping.kept import Kept
from cimaise.jobs.runner import Runner
from cimaise.state.local import LocalState
from cimaise.state.redis import RedisState
from cimaise.usage import Usage

LIMIT_S = 20


@dataclass
class Faulty:
    """Stands for whatever a loop asks; every question but the first few is a fault."""

    good: int = 0
    asked: int = 0
    asked_again: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self, *_: Any, **__: Any) -> Any:
        """Another question."""
        self.asked += 1
        if self.asked > self.good + 1:
            self.asked_again.set()
        if self.asked > self.good:
            raise RuntimeError("a fault")

    async def read(self, work: Any) -> None:
        """As a database's."""
        self.ask(work)

    write = read

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[None]:
        """As a state's."""
        self.ask(channel)
        yield


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cimaise.tasks.FIRST_PAUSE_S", "cimaise.tasks.LONGEST_PAUSE_S"):
        monkeypatch.setattr(name, 0.0)
    for name in ("cimaise.usage._FLUSH_S", "cimaise.access.risk.watch._AGAIN_S"):
        monkeypatch.setattr(name, 0.0)


def now() -> datetime:
    return datetime(2026, 3, 9, tzinfo=UTC)


def faulty() -> Any:
    return Faulty()


async def asked_again(one: Faulty) -> None:
    async with asyncio.timeout(LIMIT_S):
        await one.asked_again.wait()


async def test_scores_and_bans_are_read_again():
    database: Any = Faulty(good=1)
    watch = Watch(database, now, slow_at=1, challenge_at=1)
    await watch.start()
    await asked_again(database)
    await watch.close()


async def test_counts_of_use_are_kept_and_written_again():
    database = faulty()
    usage = Usage(database, now)
    usage.add("operations", 1)
    usage.start()
    await asked_again(database)
    with pytest.raises(RuntimeError):
        await usage.stop()


@pytest.mark.parametrize(
    "listener",
    [
        lambda state: RightsChanges(state, lambda: None),
        lambda state: Kept(NoCache(), state=state),  # type: ignore[arg-type]
    ],
    ids=["rights", "purges"],
)
async def test_signals_are_listened_to_again(listener: Callable[[Any], Any]):
    state = faulty()
    one = listener(state)
    one.start()
    await asked_again(state)
    await one.close()


class NoCache:
    """Keeps nothing."""

    async def close(self) -> None:
        """Nothing to do."""


async def test_jobs_are_looked_at_again():
    ticks = Faulty()
    runner = Runner([], now, faulty(), faulty(), ticks=ticks.ask)
    runner._due["one"] = 0.0
    runner.start()
    await asked_again(ticks)
    await runner.stop()


async def test_folders_are_watched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folders = Faulty()
    monkeypatch.setattr("cimaise.albums.sources.folder.source.FolderWatch", folders.ask)
    index: Any = NoIndex()
    source = FolderSource(tmp_path, index)
    await source.start()
    await asked_again(folders)
    await source.close()


class NoIndex:
    """Knows nothing."""

    def close(self) -> None:
        """Nothing to do."""


async def test_the_redis_server_is_listened_to_again(tmp_path: Path):
    state = RedisState("redis://127.0.0.1:1", spare=LocalState(tmp_path))
    server = Faulty()
    state._redis.pubsub = server.ask  # type: ignore[method-assign]
    async with state.subscribe("channel"):
        await asked_again(server)
    await state.close()

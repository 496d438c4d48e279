"""A right that is taken away in one process is forgotten in the others."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cimaise.access.keys.cache import KeyCache
from cimaise.access.links.links import Links
from cimaise.access.rights_changes import RightsChanges
from cimaise.access.signing import Signer
from cimaise.errors import Gone
from cimaise.state.base import State
from cimaise.state.table import open_state
from tests.conftest import StandingClock
from tests.kit.access import HOUR_S, Access
from tests.kit.linked_files import add_files


class Process:
    """One of several: its caches, and how it hears of the others."""

    def __init__(self, access: Access, state: State) -> None:
        self.keys = KeyCache(access.clock)
        self.links = Links(access.database, access.clock, access.new_id, Signer(b"s" * 32), HOUR_S)
        self.forgotten = asyncio.Event()
        self.state = state
        self.keys.follow(self.links.cache.empty)
        self.changes = RightsChanges(state, self._forget)
        self.keys.tell = self.links.cache.tell = self.changes.tell

    def _forget(self) -> None:
        self.keys.empty()
        self.forgotten.set()


@pytest.fixture
async def processes(access: Access, tmp_path: Path) -> AsyncIterator[list[Process]]:
    found = [Process(access, open_state("local:", data_dir=tmp_path)) for _ in range(2)]
    for process in found:
        process.changes.start()
        await asyncio.wait_for(process.forgotten.wait(), 10)  # it listens
        process.forgotten.clear()
    yield found
    for process in found:
        await process.changes.close()
        await process.state.close()


async def test_a_link_taken_back_here_is_gone_there_as_soon_as_it_is_told(
    access: Access, processes: list[Process], clock: StandingClock
):
    here, there = processes
    ann, _ = await access.member("ann")
    await add_files(access.database, ann.account_id, ("one",), clock())
    link, token = await here.links.create(ann, "one")
    await there.links.check(token, "one")
    assert there.links.cache.get(link.id) is not None
    there.forgotten.clear()
    await here.links.revoke(ann, link.id)
    await asyncio.wait_for(there.forgotten.wait(), 10)
    assert there.links.cache.get(link.id) is None
    with pytest.raises(Gone):
        await there.links.check(token, "one")


async def test_a_key_revoked_here_is_forgotten_there(processes: list[Process]):
    here, there = processes
    there.forgotten.clear()

    async def change() -> None:
        return None

    await here.keys.emptied_by(change())
    await asyncio.wait_for(there.forgotten.wait(), 10)

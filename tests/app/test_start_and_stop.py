"""Starting is done whole or not at all; stopping closes everything, whatever fails."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cimaise.access.accounts.first_start import prepare_first_account
from cimaise.app import Application, build
from cimaise.database.migrate import migrate
from cimaise.settings import Settings

LIMIT_S = 20


class Fault(Exception):
    """What goes wrong."""


@pytest.fixture
async def built(tmp_path: Path) -> Application:
    settings = Settings()
    return build(replace(settings, data=replace(settings.data, dir=tmp_path)))


@pytest.fixture
def failing_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first try to see to the first account fails."""
    tries: list[str] = []

    async def prepare(*args: Any, **more: Any) -> Any:
        tries.append("a try")
        if len(tries) == 1:
            raise Fault
        return await prepare_first_account(*args, **more)

    monkeypatch.setattr("cimaise.app.application.prepare_first_account", prepare)
    return tries


def running() -> set[str]:
    """Names of the coroutines that run beside this one."""
    own = asyncio.current_task()
    return {str(task.get_coro()) for task in asyncio.all_tasks() if task is not own}


async def test_a_start_that_failed_half_way_leaves_nothing_running(
    built: Application, failing_once: list[str]
):
    before = running()
    with pytest.raises(Fault):
        await built.start()
    assert running() == before
    await built.stop()


async def test_a_start_that_failed_half_way_can_be_tried_again_and_starts_everything_once(
    built: Application, failing_once: list[str]
):
    with pytest.raises(Fault):
        await built.start()
    await built.start()
    database: Any = built.services.database
    assert (len(failing_once), len(database._listeners)) == (2, 1)
    assert len(database._rights_listeners) == 1
    await built.stop()


async def test_the_loop_of_a_host_goes_on_while_the_schema_is_brought_up_to_date(
    built: Application, monkeypatch: pytest.MonkeyPatch
):
    goes_on, loop = threading.Event(), asyncio.get_running_loop()

    def migrate_when_the_loop_goes_on(database: Any) -> None:
        loop.call_soon_threadsafe(goes_on.set)
        assert goes_on.wait(LIMIT_S), "the loop stands still"
        migrate(database)

    monkeypatch.setattr("cimaise.app.application.migrate", migrate_when_the_loop_goes_on)
    await built.start()
    await built.stop()


async def test_what_cannot_be_closed_keeps_nothing_else_open(
    built: Application, monkeypatch: pytest.MonkeyPatch
):
    await built.start()
    services, closed = built.services, []

    async def fails() -> None:
        raise Fault

    for name in ("storage", "state"):
        store = getattr(services, name)
        real = store.close

        async def close(name: str = name, real: Any = real) -> None:
            closed.append(name)
            await real()

        monkeypatch.setattr(store, "close", close)
    monkeypatch.setattr(services.uploads.tus, "close", fails)
    monkeypatch.setattr(services.delivery.tally, "close", fails)
    with pytest.raises(Fault):
        await built.stop()
    assert closed == ["storage", "state"]
    with pytest.raises(RuntimeError, match="shutdown"):
        await services.database.check()


async def lifespan(built: Application) -> list[str]:
    """What a server is told that starts it and stops it."""
    said: list[str] = []

    async def receive() -> Any:
        return {}

    async def send(message: Any) -> None:
        said.append(message["type"].removeprefix("lifespan."))

    await built({"type": "lifespan"}, receive, send)
    return said


async def test_a_server_is_told_of_a_start_that_failed_and_all_is_closed(
    built: Application, failing_once: list[str]
):
    assert await lifespan(built) == ["startup.failed"]
    with pytest.raises(RuntimeError, match="shutdown"):
        await built.services.database.check()


async def test_a_server_is_told_of_a_stop_that_failed(
    built: Application, monkeypatch: pytest.MonkeyPatch
):
    async def fails() -> None:
        raise Fault

    monkeypatch.setattr(built.services.delivery.tally, "close", fails)
    assert await lifespan(built) == ["startup.complete", "shutdown.failed"]


async def test_who_mounts_it_has_nothing_left_open_after_a_start_that_failed(
    built: Application, failing_once: list[str]
):
    with pytest.raises(Fault):
        async with built.lifespan():
            pass
    with pytest.raises(RuntimeError, match="shutdown"):
        await built.services.database.check()

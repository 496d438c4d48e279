"""A deadline on every route that does not move bytes: every line of the URL map is walked."""

import asyncio
import re
from dataclasses import replace

import pytest

from cimaise.middleware.safesend import SafeSendMiddleware
from cimaise.web.asgi.access_log import deadline_answer
from cimaise.web.call import Call
from cimaise.web.lines import Line
from cimaise.web.router import build_router, moves_bytes
from cimaise.web.routes import LINES
from tests.kit.application import RunningApplication
from tests.kit.asgi import HandClock, LaxServer, http_scope, turn

MOVING = {line.path for line in LINES if line.moves_bytes}


class Waiting:
    """A handler that has begun and never ends."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def __call__(self, call: Call) -> object:
        self.begun.set()
        await asyncio.Event().wait()
        return None


def lines() -> list[object]:
    return [pytest.param(line, id=f"{line.method} {line.path}") for line in LINES]


async def asked(server: RunningApplication, line: Line) -> tuple[LaxServer, HandClock, bool]:
    """Ask the line, whose handler waits for ever, and let the time pass; did the request end?"""
    from cimaise.web.lines import Permission  # noqa: PLC0415

    waiting, clock, wire = Waiting(), HandClock(), LaxServer()
    stuck = replace(line, handler=waiting, permission=Permission.PUBLIC)  # type: ignore[arg-type]
    door = SafeSendMiddleware(
        build_router(server.application.services, [stuck]),
        timeout=30,
        exempt=moves_bytes(LINES),
        deadline_response=deadline_answer,
        clock=clock,
        call_later=clock.call_later,
        logger=None,
    )
    scope = http_scope(line.method, re.sub(r"\{\w+\}", "x", line.path))
    request = asyncio.ensure_future(door(scope, wire.receive, wire.send))
    await waiting.begun.wait()
    clock.advance(31)
    clock.ring()
    for _ in range(20):
        await turn()
    has_ended = request.done()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    return wire, clock, has_ended


@pytest.mark.parametrize("line", lines())
def test_a_handler_that_hangs_is_answered_for_unless_it_moves_bytes(
    server: RunningApplication, line: Line
):
    wire, clock, has_ended = server.run(asked(server, line))
    if line.moves_bytes:
        assert clock.timers == []
        assert not has_ended
        return
    assert [timer.delay for timer in clock.timers] == [30]
    assert has_ended
    assert wire.statuses == [503]
    assert (b"deadline" in wire.content) is (line.method != "HEAD")
    assert b"retry-after" in {name for name, _ in wire.headers}


def test_few_routes_are_free_of_it():
    """Whoever adds one says here that it moves bytes, and not merely that it is slow."""
    assert {path for path in MOVING if path.startswith("/api/")} <= {
        "/api/uploads/{id}/complete",
        "/api/collections/{name}/files/{filename}",
        "/api/zip",
        "/api/collections/{name}/zip",
        "/api/albums/{album}/zip",
        "/api/admin/cleanup",
    }

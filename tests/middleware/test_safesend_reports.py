"""Callbacks, the log, and requests at the same time."""

import asyncio
import logging

import pytest

from cimaise.middleware.safesend import (
    IncompleteResponse,
)
from tests.kit.asgi import LaxServer, body, http_scope, turn
from tests.kit.safesend_bench import (
    LOGGER,
    Bench,
    answer,
    is_being_cancelled,
    never,
    waits_for_ever,
)


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_failing_callback_is_logged_and_harms_nothing(caplog, kind):
    logged = asyncio.Event()

    class Watch(logging.Handler):
        def emit(self, record):
            if "on_late failed" in record.getMessage():
                logged.set()

    def sync(event):
        raise RuntimeError("callback")

    async def coroutine(event):
        raise RuntimeError("callback")

    async def handler(scope, receive, send):
        await answer(send)
        await answer(send)

    watch = Watch()
    logging.getLogger(LOGGER).addHandler(watch)
    try:
        bench = Bench(handler, on_late=sync if kind == "sync" else coroutine)
        await bench.run()
        await asyncio.wait_for(logged.wait(), 5)
    finally:
        logging.getLogger(LOGGER).removeHandler(watch)
    assert bench.server.content == b"ok"
    assert bench.middleware.late_counts["already_sent"] == 2


async def test_a_callback_that_waits_does_not_hold_the_request():
    release = asyncio.Event()
    told = asyncio.Event()

    async def slow(event):
        await release.wait()
        told.set()

    async def handler(scope, receive, send):
        await answer(send)
        await send(body())

    bench = Bench(handler, on_late=slow)
    await bench.run()
    assert not told.is_set()
    release.set()
    await asyncio.wait_for(told.wait(), 5)


async def test_the_log_has_one_line_a_late_send_and_does_not_let_a_path_break_it(caplog):
    async def handler(scope, receive, send):
        await answer(send)
        await answer(send)

    caplog.set_level(logging.DEBUG, LOGGER)
    bench = Bench(handler, on_late=None)
    await bench.run(path="/a\nERROR forged")
    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG"]
    line = caplog.messages[0]
    assert "\n" not in line
    assert "already_sent" in line
    assert "http.response.start" in line
    assert "safesend_bench.py" in line


async def test_without_a_logger_nothing_is_written_and_everything_counted(caplog):
    async def handler(scope, receive, send):
        await answer(send)
        await answer(send)

    bench = Bench(handler, on_late=None, logger=None)
    await bench.run()
    assert caplog.records == []
    assert bench.middleware.late_counts["already_sent"] == 2


async def test_what_a_handler_raises_after_its_deadline_is_logged_and_stays_here(caplog):
    async def handler(scope, receive, send):
        try:
            await never()
        except asyncio.CancelledError:
            raise ValueError("boom") from None

    bench = Bench(handler)
    await bench.run_past_its_deadline()
    assert bench.server.statuses == [503]
    assert "ValueError: boom" in caplog.text
    assert not is_being_cancelled()


async def test_a_cancellation_by_the_server_passes_even_after_the_deadline():
    async def handler(scope, receive, send):
        await never()

    for cancel in (True, False):
        bench = Bench(handler, cancel=cancel)
        task = asyncio.create_task(bench.run())
        await turn()
        bench.clock.ring()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_handler_that_ends_at_once_after_the_deadline_waits_for_the_answer_to_go_out():
    gate = asyncio.Event()
    sent = []

    async def slow_send(message):
        await gate.wait()
        sent.append(message)

    bench = Bench(waits_for_ever)
    task = asyncio.create_task(bench.middleware(http_scope(), bench.server.receive, slow_send))
    await turn()
    bench.clock.ring()
    for _ in range(5):
        await turn()
    assert not task.done()
    gate.set()
    await task
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


async def test_a_time_out_answer_that_the_server_refuses_is_an_error():
    async def refusing_send(message):
        raise RuntimeError("refused")

    bench = Bench(waits_for_ever)
    task = asyncio.create_task(bench.middleware(http_scope(), bench.server.receive, refusing_send))
    await turn()
    bench.clock.ring()
    with pytest.raises(IncompleteResponse):
        await task


async def test_requests_at_the_same_time_share_nothing():
    async def handler(scope, receive, send):
        if scope["path"] == "/slow":
            await never()
        await answer(send, scope["path"].encode())

    bench = Bench(handler)
    servers = [LaxServer() for _ in range(3)]
    paths = ["/one", "/slow", "/two"]
    tasks = [
        asyncio.create_task(bench.middleware(http_scope(path=path), server.receive, server.send))
        for path, server in zip(paths, servers, strict=True)
    ]
    await turn()
    bench.clock.ring()
    await asyncio.gather(*tasks)
    assert [server.statuses for server in servers] == [[200], [503], [200]]
    assert [servers[0].content, servers[2].content] == [b"/one", b"/two"]


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_other_scopes_pass_through_with_the_very_same_parts(kind):
    seen = []

    async def handler(scope, receive, send):
        seen.append((scope, receive, send))

    bench = Bench(handler)
    parts = ({"type": kind}, bench.server.receive, bench.server.send)
    await bench.middleware(*parts)
    assert all(one is other for one, other in zip(seen[0], parts, strict=True))
    assert bench.clock.timers == []


async def test_the_servers_scope_is_left_as_it_was():
    scope = http_scope()
    before = dict(scope)

    async def handler(scope, receive, send):
        await answer(send)

    bench = Bench(handler)
    await bench.middleware(scope, bench.server.receive, bench.server.send)
    assert scope == before

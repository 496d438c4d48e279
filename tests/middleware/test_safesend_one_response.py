"""One response, whole, and nothing behind it."""

import asyncio

import pytest

from cimaise.middleware.safesend import (
    IncompleteResponse,
)
from tests.kit.asgi import body, http_scope, start
from tests.kit.safesend_bench import (
    Bench,
    answer,
    never,
)


async def test_a_second_response_is_ignored_whole():
    async def handler(scope, receive, send):
        await answer(send, b"first")
        await answer(send, b"second", 500)

    bench = Bench(handler)
    await bench.run()
    assert bench.server.statuses == [200]
    assert bench.server.content == b"first"
    assert bench.reasons == ["already_sent", "already_sent"]


async def test_an_error_page_behind_half_a_response_never_mixes_with_it_and_breaks_it():
    async def handler(scope, receive, send):
        await send(start())
        await send(body(b"half", more=True))
        await answer(send, b"sorry", 500)

    bench = Bench(handler)
    with pytest.raises(IncompleteResponse):
        await bench.run()
    assert bench.server.sent == [start(), body(b"half", more=True)]
    assert bench.reasons == ["already_sent", "already_sent"]


async def test_what_is_raised_before_the_start_passes_unchanged():
    boom = ValueError("boom")

    async def handler(scope, receive, send):
        raise boom

    bench = Bench(handler)
    with pytest.raises(ValueError, match="boom") as caught:
        await bench.run()
    assert caught.value is boom
    assert bench.server.sent == []
    assert not bench.clock.timers[0].is_set


async def test_what_is_raised_after_the_start_passes_and_nothing_ends_the_body():
    async def handler(scope, receive, send):
        await send(start())
        await send(body(b"half", more=True))
        raise ValueError("boom")

    bench = Bench(handler)
    with pytest.raises(ValueError, match="boom"):
        await bench.run()
    assert bench.server.sent[-1]["more_body"]


@pytest.mark.parametrize("length", [None, 10])
async def test_a_handler_that_returns_before_its_body_is_whole_is_an_error(length):
    async def handler(scope, receive, send):
        await send(start(200, length))
        await send(body(b"half", more=True))

    with pytest.raises(IncompleteResponse):
        await Bench(handler).run()


async def test_a_short_body_is_an_error_even_where_the_handler_swallows_it():
    async def handler(scope, receive, send):
        await send(start(200, 10))
        with pytest.raises(IncompleteResponse):
            await send(body(b"half"))

    bench = Bench(handler)
    with pytest.raises(IncompleteResponse):
        await bench.run()
    assert bench.server.sent == [start(200, 10)]


async def test_too_many_bytes_are_cut_and_reported_once_a_message():
    async def handler(scope, receive, send):
        await send(start(200, 3))
        await send(body(b"abcdef", more=True))
        await send(body(b"ghi", more=True))
        await send(body())

    bench = Bench(handler)
    await bench.run()
    assert bench.server.content == b"abc"
    assert bench.server.sent[-1] == body()
    assert bench.reasons == ["too_many_bytes", "too_many_bytes"]


async def test_after_the_client_has_gone_sends_are_ignored_and_reported():
    async def handler(scope, receive, send):
        await receive()
        bench.server.hang_up()
        assert (await receive())["type"] == "http.disconnect"
        await answer(send)

    bench = Bench(handler)
    await bench.run()
    assert bench.server.sent == []
    assert bench.reasons == ["disconnected", "disconnected"]


async def test_half_a_response_to_a_client_that_has_gone_is_no_error():
    async def handler(scope, receive, send):
        await receive()
        await send(start())
        bench.server.hang_up()
        await receive()

    bench = Bench(handler)
    await bench.run()
    assert bench.server.statuses == [200]


async def test_a_server_that_says_the_client_has_gone_says_it_once():
    async def failing_send(message):
        raise BrokenPipeError

    async def handler(scope, receive, send):
        with pytest.raises(BrokenPipeError):
            await send(start())
        await send(body())

    bench = Bench(handler)
    await bench.middleware(http_scope(), bench.server.receive, failing_send)
    assert bench.reasons == ["disconnected"]


async def test_work_for_a_client_that_has_gone_is_cancelled_at_the_deadline_too():
    async def handler(scope, receive, send):
        await receive()
        bench.server.hang_up()
        await receive()
        await never()

    bench = Bench(handler)
    await bench.run_past_its_deadline()
    assert bench.server.sent == []
    assert bench.middleware.deadline_count == 0


async def test_a_task_that_outlives_its_request_cannot_send():
    left_behind = []

    async def handler(scope, receive, send):
        left_behind.append(send)

    bench = Bench(handler)
    await bench.run()
    await left_behind[0](start())
    assert bench.server.sent == []
    assert bench.reasons == ["already_sent"]


async def test_a_late_stream_does_not_hold_the_loop():
    others = []

    async def other():
        others.append("ran")

    async def handler(scope, receive, send):
        await answer(send)
        asyncio.get_running_loop().create_task(other())
        for _ in range(2):
            await send(body(b"more", more=True))
        assert others == ["ran"]

    await Bench(handler).run()

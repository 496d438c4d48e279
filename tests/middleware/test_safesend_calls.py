"""What handlers call, and SafeSend without its proxy."""

import json

import pytest

from cimaise.middleware.safesend import (
    SafeSendMiddleware,
    safe_json,
    safe_send,
)
from tests.kit.asgi import http_scope, start
from tests.kit.safesend_bench import Bench, answer, waits_for_ever


async def test_safe_json_answers_once_and_its_second_call_is_ignored():
    async def handler(scope, receive, send):
        await safe_json(scope, {"näme": 1}, 201)
        await safe_json(scope, {"second": True})

    for proxy_mode in (True, False):
        bench = Bench(handler, proxy_mode=proxy_mode)
        await bench.run()
        assert bench.server.statuses == [201]
        assert json.loads(bench.server.content) == {"näme": 1}
        assert bench.reasons == ["already_sent", "already_sent"]


async def test_safe_json_sends_nothing_of_what_is_no_json():
    async def handler(scope, receive, send):
        with pytest.raises(TypeError):
            await safe_json(scope, {"set": {1}})
        with pytest.raises(ValueError, match="JSON"):
            await safe_json(scope, float("nan"))
        await safe_json(scope, [])

    bench = Bench(handler)
    await bench.run()
    assert bench.server.content == b"[]"


async def test_safe_send_outside_of_the_middleware_says_so():
    with pytest.raises(LookupError):
        safe_send(http_scope())


async def test_without_proxy_mode_the_plain_send_is_left_to_the_server():
    async def handler(scope, receive, send):
        await answer(send)
        await answer(send)

    bench = Bench(handler, proxy_mode=False)
    await bench.run()
    assert bench.server.statuses == [200, 200]
    assert bench.late == []


async def test_without_proxy_mode_the_deadline_holds_and_a_plain_answer_in_time_calls_it_off():
    async def in_time(scope, receive, send):
        await answer(send)
        bench.clock.ring()

    bench = Bench(in_time, proxy_mode=False)
    await bench.run()
    assert bench.server.statuses == [200]
    bench = Bench(waits_for_ever, proxy_mode=False)
    await bench.run_past_its_deadline()
    assert bench.server.statuses == [503]


async def test_without_proxy_mode_a_late_plain_send_comes_behind_the_whole_time_out_answer():
    async def handler(scope, receive, send):
        bench.clock.ring()
        await send(start(200))

    bench = Bench(handler, proxy_mode=False, cancel=False)
    await bench.run()
    types = [message["type"] for message in bench.server.sent]
    assert types == ["http.response.start", "http.response.body", "http.response.start"]
    assert bench.server.statuses[0] == 503


async def test_without_proxy_mode_a_late_safe_send_is_ignored():
    async def handler(scope, receive, send):
        bench.clock.ring()
        await safe_json(scope, {"late": True})

    bench = Bench(handler, proxy_mode=False, cancel=False)
    await bench.run()
    assert bench.server.statuses == [503]
    assert bench.reasons == ["deadline", "deadline"]


def test_a_time_out_that_is_none_is_refused_when_the_middleware_is_made():
    with pytest.raises(ValueError, match="time-out"):
        SafeSendMiddleware(waits_for_ever, timeout="soon")

"""The deadline: its answer, late work, exemptions."""

import asyncio
import json
import traceback

from cimaise.middleware.safesend import (
    lift_deadline,
)
from tests.kit.asgi import body, http_scope, start, turn
from tests.kit.safesend_bench import (
    Bench,
    answer,
    is_being_cancelled,
    never,
    waits_for_ever,
)


async def test_an_answer_in_time_passes_untouched_and_calls_the_timer_off():
    async def handler(scope, receive, send):
        assert (await receive())["type"] == "http.request"
        await answer(send)

    bench = Bench(handler)
    await bench.run()
    assert bench.server.sent == [start(200, 2), body(b"ok")]
    assert [timer.delay for timer in bench.clock.timers] == [10.0]
    assert not bench.clock.timers[0].is_set
    assert bench.late == []


async def test_past_the_deadline_the_client_gets_503_in_json_with_retry_after():
    bench = Bench(waits_for_ever)
    await bench.run_past_its_deadline()
    assert bench.server.statuses == [503]
    assert json.loads(bench.server.content)["code"] == "deadline"
    assert set(json.loads(bench.server.content)) == {"error", "code"}
    headers = dict(bench.server.headers)
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"retry-after"].isdigit()
    assert int(headers[b"content-length"]) == len(bench.server.content)
    assert bench.middleware.deadline_count == 1


async def test_the_deadlines_answer_to_head_has_no_body():
    bench = Bench(waits_for_ever)
    await bench.run_past_its_deadline(method="HEAD")
    assert bench.server.statuses == [503]
    assert bench.server.content == b""
    assert int(dict(bench.server.headers)[b"content-length"]) > 0


async def test_the_application_may_bring_its_own_time_out_answer():
    def own(scope):
        return 504, [(b"x-path", scope["path"].encode()), (b"Content-Length", b"999")], b"own"

    bench = Bench(waits_for_ever, deadline_response=own)
    await bench.run_past_its_deadline(path="/slow")
    assert bench.server.statuses == [504]
    assert bench.server.headers == [(b"x-path", b"/slow"), (b"content-length", b"3")]
    assert bench.server.content == b"own"


async def test_a_time_out_answer_that_fails_is_replaced_by_the_plain_one(caplog):
    def failing(scope):
        raise KeyError("no such thing")

    bench = Bench(waits_for_ever, deadline_response=failing)
    await bench.run_past_its_deadline()
    assert bench.server.statuses == [503]
    assert "deadline_response failed" in caplog.text


async def test_late_work_is_cancelled_and_sees_it():
    seen = []

    async def handler(scope, receive, send):
        try:
            await never()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    bench = Bench(handler)
    await bench.run_past_its_deadline()
    assert seen == ["cancelled"]
    assert not is_being_cancelled()


async def test_a_handler_that_sends_although_it_is_cancelled_is_ignored_and_reported():
    async def handler(scope, receive, send):
        try:
            await never()
        except asyncio.CancelledError:
            await answer(send, b"too late")

    bench = Bench(handler)
    await bench.run_past_its_deadline(method="POST", path="/late")
    assert bench.server.statuses == [503]
    assert b"too late" not in bench.server.content
    assert bench.reasons == ["deadline", "deadline"]
    event = bench.late[0]
    assert (event.method, event.path, event.elapsed_s) == ("POST", "/late", 10.0)
    assert [event.message_type for event in bench.late] == [
        "http.response.start",
        "http.response.body",
    ]
    assert bench.middleware.late_counts["deadline"] == 2


async def test_a_report_says_where_the_late_send_came_from():
    async def send_it(send):
        await answer(send)

    async def handler(scope, receive, send):
        await answer(send)
        await send_it(send)

    bench = Bench(handler)
    await bench.run()
    stack = bench.late[0].traceback
    assert stack is not None
    assert [frame.name for frame in stack][-3:] == ["handler", "send_it", "answer"]
    assert answer.__code__.co_filename in bench.late[0].sender
    assert "await send(start(status, len(content)))" in traceback.format_list(stack)[-1]


async def test_without_cancel_the_work_runs_on_and_its_sends_are_ignored():
    go = asyncio.Event()
    done = []

    async def handler(scope, receive, send):
        await go.wait()
        await answer(send)
        done.append("work")

    bench = Bench(handler, cancel=False)
    task = asyncio.create_task(bench.run())
    await turn()
    bench.clock.ring()
    await turn()
    assert bench.server.statuses == [503]
    assert len(bench.server.sent) == 2
    assert not task.done()
    go.set()
    await task
    assert done == ["work"]
    assert bench.reasons == ["deadline", "deadline"]


async def test_the_clock_decides_where_the_loop_was_held_up_and_the_timer_is_late():
    async def handler(scope, receive, send):
        bench.clock.advance(11)  # parses something very large
        await answer(send, b"late")

    bench = Bench(handler)
    await bench.run()
    assert bench.server.statuses == [503]
    assert bench.reasons == ["deadline"]  # the cancellation reached it in its first send
    assert not is_being_cancelled()


async def test_a_response_that_has_begun_is_not_cut_by_the_deadline():
    async def handler(scope, receive, send):
        await send(start(200, 4))
        await send(body(b"ab", more=True))
        bench.clock.advance(1000)
        bench.clock.ring()
        await turn()
        await send(body(b"cd"))

    bench = Bench(handler)
    await bench.run()
    assert bench.server.statuses == [200]
    assert bench.server.content == b"abcd"
    assert bench.late == []


async def test_an_exempt_request_and_a_middleware_without_time_out_have_no_timer():
    async def handler(scope, receive, send):
        bench.clock.advance(1000)
        await answer(send)

    for arguments in ({"exempt": lambda scope: scope["path"] == "/big"}, {"timeout": None}):
        bench = Bench(handler, **arguments)
        await bench.run(path="/big")
        assert bench.clock.timers == []
        assert bench.server.statuses == [200]
    bench = Bench(handler, exempt=lambda scope: scope["path"] == "/big")
    await bench.run(path="/small")
    assert bench.server.statuses == [503]


async def test_a_handler_lifts_its_deadline_even_through_a_copied_scope():
    async def handler(scope, receive, send):
        assert lift_deadline(dict(scope))
        bench.clock.advance(1000)
        bench.clock.ring()
        await answer(send)

    bench = Bench(handler)
    await bench.run()
    assert bench.server.statuses == [200]


async def test_a_deadline_that_has_answered_cannot_be_lifted():
    lifted: list[bool] = []

    async def handler(scope, receive, send):
        bench.clock.ring()
        lifted.append(lift_deadline(scope))

    bench = Bench(handler, cancel=False)
    await bench.run()
    assert lifted == [False]
    assert bench.server.statuses == [503]
    assert lift_deadline(http_scope())

import asyncio
import json
import logging
import traceback
from typing import Any

import pytest

from cimaise.middleware.safesend import (
    IncompleteResponse,
    LateSend,
    SafeSendMiddleware,
    lift_deadline,
    safe_json,
    safe_send,
)
from tests.kit.asgi import HandClock, LaxServer, body, http_scope, start, turn

LOGGER = "cimaise.middleware.safesend"


class Bench:
    """A middleware between a handler and a lax server, with time in the test's hand."""

    def __init__(self, handler, **arguments):
        self.clock = HandClock()
        self.server = LaxServer()
        self.late: list[LateSend] = []
        usual: dict[str, Any] = {
            "timeout": "10s",
            "on_late": self.late.append,
            "clock": self.clock,
            "call_later": self.clock.call_later,
        }
        self.middleware = SafeSendMiddleware(handler, **usual | arguments)

    async def run(self, **scope):
        await self.middleware(http_scope(**scope), self.server.receive, self.server.send)

    async def run_past_its_deadline(self, **scope):
        """Start the handler, let it come to its first wait, ring, and let it end."""
        task = asyncio.create_task(self.run(**scope))
        await turn()
        self.clock.advance(10)
        self.clock.ring()
        await task

    @property
    def reasons(self):
        return [event.reason for event in self.late]


def is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def never():
    await asyncio.Event().wait()


async def answer(send, content=b"ok", status=200):
    await send(start(status, len(content)))
    await send(body(content))


async def waits_for_ever(scope, receive, send):
    await never()


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
    assert __file__ in bench.late[0].sender
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
    assert "test_safesend.py" in line


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

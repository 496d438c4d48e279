import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise import telemetry
from cimaise.middleware.request_id import RequestIdMiddleware, request_id_var
from tests.kit.asgi import HandClock, LaxServer, body, http_scope, start

OURS = "made-0000001"


class Bench:
    """The middleware between a handler and a lax server."""

    def __init__(self, handler):
        self.server = LaxServer()
        self.clock = HandClock()
        self.lines: list[dict[str, Any]] = []
        self.middleware = RequestIdMiddleware(
            handler,
            new_id=lambda: OURS,
            access_log=lambda **line: self.lines.append(line),
            clock=self.clock,
        )

    async def run(self, headers=None, **scope):
        await self.middleware(
            http_scope(headers=headers, **scope), self.server.receive, self.server.send
        )

    @property
    def ids(self):
        return [value for name, value in self.server.headers if name.lower() == b"x-request-id"]


async def answers(scope, receive, send):
    await send(start(200, 5))
    await send(body(b"he", more=True))
    await send(body(b"llo"))


async def test_a_request_without_an_id_gets_one_everywhere():
    seen = []

    async def handler(scope, receive, send):
        seen.append((scope["state"]["request_id"], request_id_var.get()))
        await answers(scope, receive, send)

    bench = Bench(handler)
    await bench.run()
    assert seen == [(OURS, OURS)]
    assert bench.ids == [OURS.encode()]
    assert bench.lines[0]["request_id"] == OURS
    assert request_id_var is telemetry.request_id


@pytest.mark.parametrize("given_id", [b"abcd1234", b"A_b-C_d-", b"x" * 64])
async def test_a_fitting_id_of_the_client_is_taken(given_id):
    bench = Bench(answers)
    await bench.run([(b"X-Request-Id", given_id)])
    assert bench.ids == [given_id]


@pytest.mark.parametrize(
    "given_id",
    [b"", b"short", b"x" * 65, b"with space", b"new\nline99", b"abcd1234\n", "zähler-01".encode()],
)
async def test_an_id_that_does_not_fit_is_replaced(given_id):
    bench = Bench(answers)
    await bench.run([(b"x-request-id", given_id)])
    assert bench.ids == [OURS.encode()]


async def test_two_ids_of_the_client_are_replaced_by_ours():
    bench = Bench(answers)
    await bench.run([(b"x-request-id", b"abcd1234"), (b"x-request-id", b"efgh5678")])
    assert bench.ids == [OURS.encode()]


@given(st.binary(max_size=80))
def test_whatever_a_client_sends_the_header_of_the_answer_is_safe(sent):
    bench = Bench(answers)
    asyncio.run(bench.run([(b"x-request-id", sent)]))
    assert len(bench.ids) == 1
    text = bench.ids[0].decode("ascii")
    assert 8 <= len(text) <= 64
    assert text.replace("-", "").replace("_", "").isalnum() or not text.strip("-_")


async def test_the_header_is_there_once_even_where_the_application_sets_it():
    async def handler(scope, receive, send):
        headers = [(b"X-Request-ID", b"another1"), (b"etag", b'"1"'), (b"x-request-id", b"third")]
        await send({**start(), "headers": headers})
        await send(body())

    bench = Bench(handler)
    await bench.run()
    assert bench.server.headers == [(b"etag", b'"1"'), (b"x-request-id", OURS.encode())]


async def test_the_state_of_the_application_stays_and_the_servers_scope_is_not_touched():
    scope = http_scope() | {"state": {"started": True}}
    seen = []

    async def handler(scope, receive, send):
        seen.append(scope["state"])
        await answers(scope, receive, send)

    bench = Bench(handler)
    await bench.middleware(scope, bench.server.receive, bench.server.send)
    assert seen == [{"started": True, "request_id": OURS}]
    assert scope["state"] == {"started": True}


async def test_the_access_log_has_one_line_when_the_answer_is_whole():
    async def handler(scope, receive, send):
        bench.clock.advance(0.25)
        await answers(scope, receive, send)
        assert len(bench.lines) == 1
        bench.clock.advance(60)  # what runs behind the answer does not count

    bench = Bench(handler)
    await bench.run(method="POST", path="/albums/1")
    assert bench.lines == [
        {
            "method": "POST",
            "path": "/albums/1",
            "status": 200,
            "elapsed_s": 0.25,
            "bytes_sent": 5,
            "bytes_received": 0,
            "request_id": OURS,
            "outcome": "complete",
            "facts": {"request_id": OURS},
        }
    ]


async def test_an_answer_that_fails_half_way_is_logged_as_broken_with_what_was_sent():
    async def handler(scope, receive, send):
        await send(start(206, 100))
        await send(body(b"half", more=True))
        raise ValueError("boom")

    bench = Bench(handler)
    with pytest.raises(ValueError, match="boom"):
        await bench.run()
    assert len(bench.lines) == 1
    line = bench.lines[0]
    assert (line["status"], line["bytes_sent"], line["outcome"]) == (206, 4, "broken")


async def test_a_fault_before_any_answer_is_logged_as_failed():
    async def handler(scope, receive, send):
        raise ValueError("boom")

    bench = Bench(handler)
    with pytest.raises(ValueError, match="boom"):
        await bench.run()
    assert [(line["status"], line["outcome"]) for line in bench.lines] == [(500, "failed")]


@pytest.mark.parametrize(("begins", "status"), [(False, 499), (True, 200)])
async def test_a_client_that_goes_first_is_logged_as_disconnected(begins, status):
    async def handler(scope, receive, send):
        await receive()
        if begins:
            await send(start(200, 4))
        bench.server.hang_up()
        await receive()
        if begins:
            await send(body(b"gone"))

    bench = Bench(handler)
    await bench.run()
    assert [(line["status"], line["outcome"]) for line in bench.lines] == [(status, "disconnected")]


@pytest.mark.parametrize(
    ("method", "messages", "bytes_sent"),
    [
        ("HEAD", [start(200, 5), body(b"hello")], 0),
        ("GET", [start(200, 900), {"type": "http.response.pathsend", "path": "/x"}], 900),
        ("GET", [start(), {"type": "http.response.zerocopysend", "file": 3, "count": 7}], 7),
        ("GET", [start(200, 9), {"type": "http.response.zerocopysend", "file": 3}], 9),
        ("GET", [start(204), body()], 0),
    ],
)
async def test_bytes_are_counted_by_what_the_server_was_given(method, messages, bytes_sent):
    async def handler(scope, receive, send):
        for message in messages:
            await send(message)

    bench = Bench(handler)
    await bench.run(method=method)
    line = bench.lines[0]
    assert (line["bytes_sent"], line["outcome"]) == (bytes_sent, "complete")


async def test_an_access_log_that_fails_is_logged_and_harms_nothing(caplog):
    def failing(**line):
        raise OSError("disk full")

    server = LaxServer()
    middleware = RequestIdMiddleware(answers, new_id=lambda: OURS, access_log=failing)
    await middleware(http_scope(), server.receive, server.send)
    assert server.content == b"hello"
    assert "the access log failed" in caplog.text


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_other_scopes_pass_through_with_the_very_same_parts(kind):
    seen = []

    async def handler(scope, receive, send):
        seen.append((scope, receive, send))

    bench = Bench(handler)
    parts = ({"type": kind}, bench.server.receive, bench.server.send)
    await bench.middleware(*parts)
    assert all(one is other for one, other in zip(seen[0], parts, strict=True))
    assert bench.lines == []

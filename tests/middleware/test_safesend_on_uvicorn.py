"""What a client sees, byte by byte, when a handler behind stock uvicorn does wrong."""

import asyncio
import http.client
import json
import queue
import socket
import threading
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from cimaise.middleware.safesend import LateSend, SafeSendMiddleware, safe_json
from tests.kit.asgi import body, start
from tests.kit.uvicorn_server import RunningServer, running_uvicorn

PATIENCE_S = 10
SOON = "20ms"


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request) -> Iterator[RunningServer]:
    with running_uvicorn(http="httptools", loop=request.param) as running:
        yield running


class Late:
    """The reports of a middleware, taken one after the other by another thread."""

    def __init__(self) -> None:
        self.events: queue.Queue[LateSend] = queue.Queue()

    def __call__(self, event) -> None:
        self.events.put(event)

    def next(self):
        return self.events.get(timeout=PATIENCE_S)


def connect(server: RunningServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)


def everything_from(server: RunningServer, request: bytes = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"):
    """Every byte up to the end of the connection."""
    with connect(server) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65536), b""))


def keeping_alive(server: RunningServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)


def fetch(connection: http.client.HTTPConnection, path: str = "/"):
    connection.request("GET", path)
    response = connection.getresponse()
    return response, response.read()


def is_quick(scope):
    """Only what waits on purpose has the short deadline; a busy machine may delay the rest."""
    return scope["path"] != "/slow"


async def never():
    await asyncio.Event().wait()


async def greets(scope, receive, send):
    await send(start(200, 5))
    await send(body(b"hello"))


def test_a_deadline_gives_503_and_the_connection_serves_the_next_request(server):
    async def app(scope, receive, send):
        if scope["path"] == "/slow":
            await never()
        await greets(scope, receive, send)

    server.app = SafeSendMiddleware(app, timeout=SOON, exempt=is_quick)
    connection = keeping_alive(server)
    response, content = fetch(connection, "/slow")
    assert response.status == 503
    assert response.headers["content-type"] == "application/json"
    assert response.headers["retry-after"] == "5"
    assert json.loads(content)["code"] == "deadline"
    assert fetch(connection)[1] == b"hello"
    connection.close()


def test_late_sends_are_ignored_and_reported_while_the_next_request_is_answered(server):
    late = Late()
    gates = []

    async def app(scope, receive, send):
        if scope["path"] == "/slow":
            gates.append(asyncio.Event())
            await gates[-1].wait()
            await send(start(200, 4))
            await send(body(b"LATE"))
        else:
            await greets(scope, receive, send)

    server.app = SafeSendMiddleware(app, timeout=SOON, exempt=is_quick, cancel=False, on_late=late)
    connection = keeping_alive(server)
    assert fetch(connection, "/slow")[0].status == 503
    server.soon(gates[0].set)
    assert [late.next().message_type for _ in range(2)] == [
        "http.response.start",
        "http.response.body",
    ]
    assert fetch(connection)[1] == b"hello"
    connection.close()


def test_late_work_is_cancelled(server):
    cancelled = threading.Event()

    async def app(scope, receive, send):
        try:
            await never()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    server.app = SafeSendMiddleware(app, timeout=SOON, exempt=is_quick)
    connection = keeping_alive(server)
    assert fetch(connection, "/slow")[0].status == 503
    assert cancelled.wait(PATIENCE_S)
    server.app = greets
    assert fetch(connection)[1] == b"hello"
    connection.close()


def test_a_fault_after_the_deadline_does_not_cut_the_connection(server):
    failed = threading.Event()

    async def app(scope, receive, send):
        try:
            await never()
        finally:
            failed.set()
            raise ValueError("boom")

    server.app = SafeSendMiddleware(app, timeout=SOON, exempt=is_quick)
    connection = keeping_alive(server)
    assert fetch(connection, "/slow")[0].status == 503
    assert failed.wait(PATIENCE_S)
    server.app = greets
    assert fetch(connection)[1] == b"hello"
    connection.close()


def test_a_second_response_leaves_no_byte_on_the_connection(server):
    late = Late()

    async def app(scope, receive, send):
        await greets(scope, receive, send)
        await send(start(500, 6))
        await send(body(b"second"))

    server.app = SafeSendMiddleware(app, on_late=late)
    connection = keeping_alive(server)
    for _ in range(2):
        assert fetch(connection)[1] == b"hello"
        assert {late.next().reason, late.next().reason} == {"already_sent"}
    connection.close()


@pytest.mark.parametrize("way", ["returns", "raises", "ends short"])
def test_half_a_body_of_known_length_is_cut(server, way):
    async def app(scope, receive, send):
        await send(start(200, 10))
        await send(body(b"half", more=True))
        if way == "raises":
            raise ValueError("boom")
        if way == "ends short":
            await send(body(b"!"))

    server.app = SafeSendMiddleware(app)
    head, _, content = everything_from(server).partition(b"\r\n\r\n")
    assert b"content-length: 10" in head
    assert content == b"half"
    connection = keeping_alive(server)
    with pytest.raises(http.client.IncompleteRead):
        fetch(connection)
    connection.close()


@pytest.mark.parametrize("way", ["returns", "raises", "starts again"])
def test_half_a_chunked_body_has_no_last_chunk(server, way):
    async def app(scope, receive, send):
        await send(start())
        await send(body(b"half", more=True))
        if way == "raises":
            raise ValueError("boom")
        if way == "starts again":
            await send(start(500))
            await send(body(b"sorry"))

    server.app = SafeSendMiddleware(app)
    head, _, content = everything_from(server).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert content == b"4\r\nhalf\r\n"


def test_too_many_bytes_are_cut_and_the_next_answer_is_in_its_place(server):
    late = Late()

    async def app(scope, receive, send):
        await send(start(200, 5))
        await send(body(b"hello HTTP/1.1 200 forged"))

    server.app = SafeSendMiddleware(app, on_late=late)
    connection = keeping_alive(server)
    for _ in range(2):
        assert fetch(connection)[1] == b"hello"
        assert late.next().reason == "too_many_bytes"
    connection.close()


def test_sends_after_the_client_has_gone_are_ignored_and_reported(server):
    late = Late()
    waits = threading.Event()

    async def app(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            waits.set()
        await greets(scope, receive, send)

    server.app = SafeSendMiddleware(app, on_late=late)
    with connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert waits.wait(PATIENCE_S)
    assert [late.next().reason for _ in range(2)] == ["disconnected", "disconnected"]


def test_a_failing_callback_harms_neither_this_request_nor_the_next(server):
    called = threading.Event()

    def failing(event):
        called.set()
        raise RuntimeError("callback")

    async def app(scope, receive, send):
        await greets(scope, receive, send)
        await send(body())

    server.app = SafeSendMiddleware(app, on_late=failing)
    connection = keeping_alive(server)
    assert fetch(connection)[1] == b"hello"
    assert called.wait(PATIENCE_S)
    assert fetch(connection)[1] == b"hello"
    connection.close()


def test_an_upload_that_comes_in_while_the_deadline_answers_is_no_part_of_the_next_request(server):
    async def app(scope, receive, send):
        if scope["method"] == "POST":
            await receive()
            await never()
        await greets(scope, receive, send)

    server.app = SafeSendMiddleware(app, timeout=SOON, exempt=is_quick)
    with connect(server) as client:
        client.sendall(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 8\r\n\r\nhalf")
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert answer.status == 503
        answer.read()
        client.sendall(b"restGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        rest = b"".join(iter(lambda: client.recv(65536), b""))
    assert rest.startswith(b"HTTP/1.1 200")
    assert rest.endswith(b"hello")


def test_without_proxy_mode_safe_json_is_the_safe_way(server):
    late = Late()

    async def app(scope, receive, send):
        await safe_json(scope, {"first": True})
        await safe_json(scope, {"second": True}, 500)

    server.app = SafeSendMiddleware(app, proxy_mode=False, on_late=late)
    connection = keeping_alive(server)
    assert json.loads(fetch(connection)[1]) == {"first": True}
    assert late.next().reason == "already_sent"
    connection.close()


class Framework:
    """A Starlette application with one handler for each way to do wrong."""

    def __init__(self) -> None:
        self.late = Late()
        self.cancelled = threading.Event()
        routes = [
            Route("/ok", self.ok),
            Route("/slow", self.slow),
            Route("/broken", self.broken),
            Route("/fault", self.fault),
            Route("/background", self.background),
        ]
        self.app = SafeSendMiddleware(
            Starlette(routes=routes), timeout=SOON, exempt=is_quick, on_late=self.late
        )

    async def ok(self, request):
        return JSONResponse({"ok": True})

    async def slow(self, request):
        try:
            await never()
        except asyncio.CancelledError:
            self.cancelled.set()
            return JSONResponse({"late": True})

    async def broken(self, request):
        async def chunks():
            yield b"half"
            raise ValueError("boom")

        return StreamingResponse(chunks())

    async def fault(self, request):
        raise ValueError("boom")

    async def background(self, request):
        return JSONResponse({"ok": True}, background=BackgroundTask(self.fault, request))


@pytest.fixture
def framework(server: RunningServer) -> Framework:
    framework = Framework()
    server.app = framework.app
    return framework


def test_starlettes_late_answer_is_ignored_and_reported(server, framework):
    connection = keeping_alive(server)
    assert fetch(connection, "/slow")[0].status == 503
    assert framework.cancelled.wait(PATIENCE_S)
    assert framework.late.next().path == "/slow"
    assert json.loads(fetch(connection, "/ok")[1]) == {"ok": True}
    connection.close()


def test_starlettes_broken_stream_has_no_last_chunk(server, framework):
    answer = everything_from(server, b"GET /broken HTTP/1.1\r\nhost: a\r\n\r\n")
    assert answer.endswith(b"4\r\nhalf\r\n")


def test_starlettes_own_error_page_passes(server, framework):
    connection = keeping_alive(server)
    response, content = fetch(connection, "/fault")
    assert (response.status, content) == (500, b"Internal Server Error")
    connection.close()


def test_a_background_task_that_fails_leaves_the_answer_whole(server, framework):
    connection = keeping_alive(server)
    assert json.loads(fetch(connection, "/background")[1]) == {"ok": True}
    connection.close()


def test_the_lifespan_passes_through():
    events = []

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await greets(scope, receive, send)
            return
        for kind in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{kind}"
            events.append(kind)
            await send({"type": f"lifespan.{kind}.complete"})

    with running_uvicorn(SafeSendMiddleware(app), lifespan="on") as running:
        connection = keeping_alive(running)
        assert fetch(connection)[1] == b"hello"
        connection.close()
        assert events == ["startup"]
    assert events == ["startup", "shutdown"]

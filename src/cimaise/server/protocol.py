"""HTTP/1.1 for one connection, as uvicorn asks for it (``http=``): the parts of this folder, joined.

uvicorn keeps what it does well: sockets, signals, the loop, graceful ends. Of it this uses the
arguments below, ``Config.loaded_app``, ``root_path`` and ``asgi_version``, of the server's state
``connections``, ``tasks``, ``total_requests`` and ``default_headers``, and ``shutdown``: look at
these when another minor version of it comes.
"""

import asyncio
from collections import deque
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from cimaise import telemetry
from cimaise.server.answers import Header, problem
from cimaise.server.exchange import App, Exchange
from cimaise.server.heads import MAX_BYTES
from cimaise.server.hot import Answer, HotLane
from cimaise.server.lanes import Lanes
from cimaise.server.limits import SENTENCES, Limits, Overdue, abort
from cimaise.server.outlet import Outlet
from cimaise.server.ready import Meaning
from cimaise.server.receive import EXTENSION, Inflow
from cimaise.server.requests import Refused, Request, RequestReader
from cimaise.server.scope import Address, address_of, http_scope

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def http_protocol(
    limits: Limits | None = None, *, hot: HotLane | None = None
) -> type[asyncio.Protocol]:
    """What uvicorn's ``http=`` takes; for one event loop."""
    made = partial(Connection, lanes=Lanes(limits or Limits(), hot))
    return cast("type[asyncio.Protocol]", made)  # it is only ever called


class Connection(asyncio.BufferedProtocol):
    """One client. Requests that come while another is answered wait for their turn."""

    __slots__ = (
        "_app",
        "_app_state",
        "_at_s",
        "_came",
        "_client",
        "_config",
        "_current",
        "_has_asked",
        "_incoming",
        "_is_closing",
        "_is_deaf",
        "_is_lingering",
        "_is_paused",
        "_is_tls",
        "_lanes",
        "_loop",
        "_meaning",
        "_outlet",
        "_queue",
        "_reader",
        "_reads_body_raw",
        "_server",
        "_state",
        "_transport",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        lanes: Lanes,
    ) -> None:
        if not config.loaded:
            config.load()
        self._config = config
        self._app = cast("App", config.loaded_app)
        self._app_state = app_state
        self._loop = _loop or asyncio.get_event_loop()
        self._state = server_state
        self._lanes = lanes
        self._reader = RequestReader(self, lanes.limits)
        self._queue: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._incoming: Inflow | None = None
        self._outlet: Outlet
        self._at_s = self._loop.time()
        self._reads_body_raw = False
        self._meaning: Meaning | None = None
        self._came = 0  # requests of the bytes that are being read
        self._is_paused = False
        self._is_closing = False  # no answer can follow
        self._is_deaf = False  # no request can follow
        self._is_lingering = False
        self._is_tls = False
        self._has_asked = False
        self._transport: asyncio.Transport
        self._client: Address = None
        self._server: Address = None

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come: its first head is due."""
        self._transport = cast("asyncio.Transport", transport)
        self._outlet = Outlet(self._loop, self._transport, self._lanes.cold)
        self._client = address_of(transport, "peername")
        self._server = address_of(transport, "sockname")
        self._is_tls = transport.get_extra_info("sslcontext") is not None
        cast("set[Any]", self._state.connections).add(self)
        self._lanes.sweeper.add(self, self._loop)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The client has gone, or was let go."""
        cast("set[Any]", self._state.connections).discard(self)
        self._lanes.sweeper.drop(self)
        self._is_closing = True
        self._outlet.lose()
        if self._incoming is not None:
            self._incoming.leave()
        for exchange in (self._current, *self._queue):
            if exchange is not None:
                exchange.leave()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Where the next bytes go: long reads only for a body that somebody wants."""
        if not self._reads_body_raw:
            return self._lanes.buffer.short
        assert self._incoming is not None
        return self._lanes.buffer.view(min(self._reader.body_left, self._incoming.room))

    def buffer_updated(self, nbytes: int) -> None:
        """Some bytes have come, and are only there until this returns."""
        data = self._lanes.buffer.whole[:nbytes]
        if self._reads_body_raw:
            self.body_came(data)
            self._reads_body_raw = self._reader.body_left > nbytes
            self._reader.skip_body(nbytes)
        elif self._is_deaf:
            return
        elif (hot := self._lanes.hot) and nbytes <= MAX_BYTES and self._may_answer_at_once():
            self._read_whole(bytes(data), hot)
        else:
            self._feed(data)

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._outlet.pause()

    def resume_writing(self) -> None:
        """It does again."""
        self._outlet.resume()

    # What uvicorn calls

    def shutdown(self) -> None:
        """Let what is running end, then close."""
        if self._current is None:
            self._transport.close()
        for exchange in (self._current, *self._queue):
            if exchange is not None:
                exchange.keeps_alive = False

    # What the reader calls

    def request_begins(self) -> None:
        """A head has begun."""
        self._has_asked = True
        self._at_s = self._loop.time()

    def request_came(self, request: Request) -> None:
        """A head is whole: the application's turn, once earlier requests are answered."""
        self._at_s = self._loop.time()
        self._came += 1
        self._meaning = None
        if self._current is None and self._answers_at_once(request):
            return
        scope = http_scope(
            request,
            self._config,
            client=self._client,
            server=self._server,
            is_tls=self._is_tls,
        )
        inflow = self._incoming = Inflow(self)
        scope["state"] = self._app_state.copy()
        scope["extensions"][EXTENSION] = {"pour": inflow.pour}
        exchange = Exchange(
            self,
            self._outlet,
            scope,
            inflow,
            keeps_alive=request.keeps_alive,
            awaits_continue=request.expects_continue,
            body_rest=lambda: (
                None if request.content_length is None
                else request.content_length - inflow.received_bytes
            ),
        )  # fmt: skip
        if self._current is None:
            self._start(exchange)
        else:
            self._queue.append(exchange)
            self.pause_body()

    def body_came(self, piece: bytes | memoryview) -> None:
        """Bytes of the body."""
        self._at_s = self._loop.time()
        if self._incoming is not None:
            self._incoming.add(piece)

    def body_ended(self) -> None:
        """The body is whole."""
        if self._incoming is not None:
            self._incoming.end()
            self._incoming = None

    # What bodies call

    def want_body(self) -> None:
        """Somebody waits for bytes."""
        exchange = self._current
        if exchange is not None and exchange.awaits_continue and not self._is_closing:
            exchange.awaits_continue = False
            if not exchange.inflow.received_bytes:
                self._outlet.write(_CONTINUE)
        if self._is_paused and not self._queue:
            self._resume()

    def pause_body(self) -> None:
        """Nobody wants more at the moment."""
        if not (self._is_paused or self._transport.is_closing()):
            self._is_paused = True
            self._transport.pause_reading()

    # What answers call

    @property
    def default_headers(self) -> list[Header]:
        """The date, and what uvicorn was told to add."""
        return self._state.default_headers

    def exchange_done(self, exchange: Exchange) -> None:
        """An answer is whole: the next one, or the end."""
        self._state.total_requests += 1
        self._current = None
        self._at_s = self._loop.time()
        self._outlet.rest()
        if self._is_closing:
            return
        is_body_missing = self._incoming is exchange.inflow
        if is_body_missing:
            exchange.inflow.discard()
        if not exchange.keeps_alive:
            self._end(linger=is_body_missing)
        elif self._queue:
            self._start(self._queue.popleft())
        if not self._queue:
            self._resume()

    def cut(self, *, by_reset: bool = False) -> None:
        """An answer will never be whole: the client must not take what it has for all of it."""
        self._is_closing = self._is_deaf = True
        if self._current is not None:
            self._current.leave()
        if by_reset or self._outlet.is_paused:  # for a client that does not read nothing is kept
            abort(self._transport)
        else:
            self._transport.abort()

    # What the sweeper calls

    def look(self, now_s: float) -> None:
        """Do what is due."""
        overdue = self._overdue(now_s)
        if overdue is None or self._transport.is_closing():
            return
        if overdue in (Overdue.FIRST, Overdue.REQUEST):  # it says nothing: nor do we
            self._transport.close()
        elif overdue in SENTENCES and (self._current is None or not self._current.has_begun):
            self._refuse(Refused(HTTPStatus.REQUEST_TIMEOUT, SENTENCES[overdue]))
        else:
            if overdue is not Overdue.END:
                telemetry.log("connection_cut", waited_for=overdue.value)
            self._is_closing = True
            abort(self._transport)

    def _overdue(self, now_s: float) -> Overdue | None:
        stalled_s = self._outlet.stalled_s(now_s)
        current = self._current
        if stalled_s is not None:
            return Overdue.READER if stalled_s > self._lanes.limits.write_stall_s else None
        if self._is_lingering:
            waits_for = Overdue.END
        elif current is not None:
            if not current.inflow.is_wanted:
                return None
            waits_for = Overdue.BODY
        elif self._reader.is_in_head:
            waits_for = Overdue.HEAD
        else:
            waits_for = Overdue.REQUEST if self._has_asked else Overdue.FIRST
        return waits_for if now_s - self._at_s > self._lanes.limits.longest_s(waits_for) else None

    # Its own

    def _read_whole(self, data: bytes, hot: HotLane) -> None:
        """Answer what came before in the same bytes; read them where it did not."""
        answer = hot.answer_again(data, self._state.default_headers, self._client)
        if answer is not None:
            self._has_asked = True
            self._at_s = self._loop.time()
            self._send_ready(answer)
            return
        self._came = 0
        if self._feed(data) and self._came == 1 and self._reader.is_between and self._meaning:
            hot.remember(data, self._meaning)

    def _feed(self, data: bytes | memoryview) -> bool:
        """Read some bytes; ``False`` where they are refused."""
        try:
            self._reader.feed(data)
        except Refused as refusal:
            self._refuse(refusal)
            return False
        self._reads_body_raw = self._reader.body_left > 0
        return True

    def _may_answer_at_once(self) -> bool:
        """Nothing is being answered or waits to be sent, and the next byte begins a request."""
        is_busy = self._current is not None or self._outlet.is_paused or self._is_closing
        return not is_busy and self._reader.is_between

    def _answers_at_once(self, request: Request) -> bool:
        """An answer was ready, and has been sent."""
        hot = self._lanes.hot
        if hot is None or self._outlet.is_paused or self._is_closing:
            return False
        answer = hot.answer(request, self._state.default_headers, self._client)
        if answer is None:
            return False
        self._meaning = answer.meaning
        self._send_ready(answer)
        return True

    def _send_ready(self, answer: Answer) -> None:
        self._outlet.write_both(answer.head, answer.body)
        self._state.total_requests += 1
        if not answer.keeps_alive:
            self._end(linger=False)

    def _start(self, exchange: Exchange) -> None:
        self._current = exchange
        task = self._loop.create_task(exchange.run(self._app))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def _refuse(self, refusal: Refused) -> None:
        """Answer and close. After this nothing of the connection is read any more."""
        current = self._current
        self._is_deaf = True
        if current is None:
            self._outlet.write(problem(refusal.status, refusal.sentence))
            self._end(linger=True)
        elif (
            self._incoming is not current.inflow
        ):  # it came behind others, which are answered first
            (self._queue[-1] if self._queue else current).keeps_alive = False
        elif current.has_begun:
            self.cut()
        else:
            current.leave()
            self._outlet.write(problem(refusal.status, refusal.sentence))
            self._end(linger=True)

    def _end(self, *, linger: bool) -> None:
        """Close when everything has been sent; where the client may still send, let it first."""
        self._is_closing = self._is_deaf = True
        self._at_s = self._loop.time()
        if linger and self._transport.can_write_eof():
            self._is_lingering = True
            self._transport.write_eof()
            self._resume()
        else:
            self._transport.close()

    def _resume(self) -> None:
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._at_s = self._loop.time()
            self._transport.resume_reading()

"""HTTP/1.1 for one connection, as uvicorn asks for it (``http=``): the parts of this folder, joined.

uvicorn keeps what it does well: sockets, signals, the loop, graceful ends. It gives the arguments of
:class:`Connection` and calls ``shutdown``; what else of it is used is in ``host.py``.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from cimaise.server.answering import Answering
from cimaise.server.answers import Header
from cimaise.server.ending import Ending
from cimaise.server.exchange import Exchange
from cimaise.server.files import FileLane
from cimaise.server.heads import MAX_BYTES
from cimaise.server.host import Host
from cimaise.server.hot import HotLane
from cimaise.server.inlet import Inlet
from cimaise.server.lanes import Lanes
from cimaise.server.limits import SENTENCES, Limits, Overdue
from cimaise.server.outlet import Outlet
from cimaise.server.patience import overdue
from cimaise.server.ready import Meaning
from cimaise.server.receive import EXTENSION, Inflow
from cimaise.server.requests import Refused, Request
from cimaise.server.sending import Sending

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def http_protocol(
    limits: Limits | None = None,
    *,
    hot: HotLane | None = None,
    files: FileLane[Any] | None = None,
) -> type[asyncio.Protocol]:
    """What uvicorn's ``http=`` takes; for one event loop."""
    made = partial(Connection, lanes=Lanes(limits or Limits(), hot, files))
    return cast("type[asyncio.Protocol]", made)  # it is only ever called


class Connection(asyncio.BufferedProtocol):
    """One client. What comes while a request is answered waits for its turn."""

    __slots__ = (
        "_came",
        "_current",
        "_ending",
        "_host",
        "_inlet",
        "_lanes",
        "_loop",
        "_meaning",
        "_outlet",
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
        self._host = Host(config, server_state, app_state)
        self._loop = _loop or asyncio.get_event_loop()
        self._lanes = lanes
        self._inlet = Inlet(self, self._loop, lanes.limits, lanes.buffer)
        self._outlet: Outlet
        self._current: Answering | None = None
        self._meaning: Meaning | None = None
        self._came = 0  # requests of the bytes that are being read
        self._ending: Ending
        self._transport: asyncio.Transport

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come: its first head is due."""
        self._transport = cast("asyncio.Transport", transport)
        self._inlet.open(self._transport)
        self._outlet = Outlet(self._loop, self._transport, self._lanes.cold)
        self._ending = Ending(self._loop, self._transport, self._inlet, self._outlet)
        self._host.enter(self, transport)
        self._lanes.sweeper.add(self, self._loop)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The client has gone, or was let go."""
        self._host.leave(self)
        self._lanes.sweeper.drop(self)
        self._ending.has_begun = True
        self._outlet.lose()
        self._inlet.lose()
        if self._current is not None:
            self._current.leave()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Where the next bytes go."""
        return self._inlet.view() if self._inlet.is_raw else self._lanes.buffer.short

    def buffer_updated(self, nbytes: int) -> None:
        """Some bytes have come, and are only there until this returns."""
        inlet, data = self._inlet, self._lanes.buffer.whole[:nbytes]
        if inlet.is_raw:
            inlet.take(data)
        elif inlet.is_deaf:
            return
        elif (
            nbytes <= MAX_BYTES
            and self._current is None
            and inlet.reader.is_between
            and not self._outlet.is_paused
            and (hot := self._lanes.hot) is not None
        ):
            self._read_whole(bytes(data), hot)
        else:
            self._feed(data)

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._outlet.pause()

    def resume_writing(self) -> None:
        """It does again: what waited for that is read."""
        self._outlet.resume()
        if self._current is None and not self._ending.has_begun:
            self._read(self._inlet.go_on)

    # What uvicorn calls

    def shutdown(self) -> None:
        """Let what is running end, then close."""
        if self._current is None:
            self._transport.close()
        else:
            self._current.keeps_alive = False

    # What the inlet calls

    @property
    def is_answering(self) -> bool:
        """An answer is not whole, or the client does not take what it was given."""
        return self._current is not None or self._outlet.is_paused

    def request_came(self, request: Request) -> None:
        """A head is whole: the application's turn, unless an answer is ready."""
        self._came += 1
        self._meaning = None
        if self._answers_at_once(request) or self._sends_at_once(request):
            return
        scope, inflow = self._host.scope_of(request), Inflow(self._inlet)
        self._inlet.expect(inflow)
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
        self._start(exchange, exchange.run(self._host.app))

    def body_is_wanted(self, body: Inflow) -> None:
        """Somebody waits for bytes: a client that waits too is told to send them."""
        exchange = self._current
        if exchange is not None and exchange.awaits_continue and not self._ending.has_begun:
            exchange.awaits_continue = False
            if not body.received_bytes:
                self._outlet.write(_CONTINUE)

    # What answers call

    @property
    def default_headers(self) -> list[Header]:
        """The date, and what uvicorn was told to add."""
        return self._host.state.default_headers

    def answer_done(self, answer: Answering) -> None:
        """An answer is whole: the next one, or the end."""
        self._host.state.total_requests += 1
        self._current = None
        self._inlet.at_s = self._loop.time()
        self._outlet.rest()
        if self._ending.has_begun:
            return
        is_body_missing = self._inlet.is_reading(answer.inflow)
        if is_body_missing:
            answer.inflow.discard()
        if answer.keeps_alive:
            self._read(self._inlet.go_on)
        else:
            self._ending.end(linger=is_body_missing)

    def cut(self, *, by_reset: bool = False) -> None:
        """An answer will never be whole: the client must not take what it has for all of it."""
        self._ending.cut(self._current, by_reset=by_reset)

    # What the sweeper calls

    def look(self, now_s: float) -> None:
        """Do what is due."""
        is_closing = self._transport.is_closing()
        if is_closing and self._host.is_tls and self._outlet.is_spent():
            self._transport.abort()  # and does not wait for the client's good-bye
            return
        self._inlet.rest(now_s)
        late = overdue(
            now_s,
            self._lanes.limits,
            self._inlet,
            self._outlet,
            answers=None if self._current is None else self._current.inflow,
            is_lingering=self._ending.is_lingering,
        )
        if late is None:
            return
        if is_closing:  # it only waits for what is left to be read
            if late is Overdue.READER:
                self._ending.give_up(late)
        elif late in (Overdue.FIRST, Overdue.REQUEST):  # it says nothing: nor do we
            self._transport.close()
        elif late in SENTENCES and (self._current is None or not self._current.has_begun):
            self._ending.refuse(Refused(HTTPStatus.REQUEST_TIMEOUT, SENTENCES[late]), self._current)
        else:
            self._ending.give_up(late)

    # Its own

    def _read_whole(self, data: bytes, hot: HotLane) -> None:
        """Answer what came before in the same bytes; read them where it did not."""
        host, inlet = self._host, self._inlet
        answer = hot.answer_again(data, host.state.default_headers, host.client)
        if answer is not None:
            inlet.has_asked = True
            inlet.at_s = self._loop.time()
            head, meaning = answer
            self._send_ready(head, meaning)
            return
        self._came = 0
        if self._feed(data) and self._came == 1 and inlet.reader.is_between and self._meaning:
            hot.remember(data, self._meaning)

    def _feed(self, data: bytes | memoryview) -> bool:
        """Read some bytes; ``False`` where they are refused."""
        return self._read(partial(self._inlet.feed, data))

    def _read(self, read: Callable[[], None]) -> bool:
        try:
            read()
        except Refused as refusal:
            self._ending.refuse(refusal, self._current)
            return False
        return True

    def _answers_at_once(self, request: Request) -> bool:
        """An answer was ready, and has been sent."""
        hot = self._lanes.hot
        if hot is None or self._outlet.is_paused or self._ending.has_begun:
            return False
        answer = hot.answer(request, self._host.state.default_headers, self._host.client)
        if answer is None:
            return False
        head, meaning, comes_again = answer
        self._meaning = meaning if comes_again else None
        self._send_ready(head, meaning)
        return True

    def _send_ready(self, head: bytes, meaning: Meaning) -> None:
        self._outlet.write_both(head, meaning.body)
        self._answered(keeps_alive=meaning.keeps_alive)

    def _answered(self, *, keeps_alive: bool) -> None:
        """An answer went out in the moment in which it was asked for."""
        self._host.state.total_requests += 1
        if not keeps_alive:
            self._ending.end(linger=False)

    def _sends_at_once(self, request: Request) -> bool:
        """A file was open already, and is being sent."""
        files = self._lanes.files
        if files is None or self._host.is_tls or self._ending.has_begun:
            return False
        stretch = files.answer(request, self._host.state.default_headers, self._host.client)
        if stretch is None:
            return False
        sending = Sending(self, self._outlet, stretch, Inflow(self._inlet))
        if self._came == 1 and sending.send_at_once():  # of many at once each waits its turn
            self._answered(keeps_alive=stretch.keeps_alive)
        else:
            self._start(sending, sending.run())
        return True

    def _start(self, answer: Answering, work: Coroutine[Any, Any, None]) -> None:
        self._current = answer
        self._host.run(self._loop, work)

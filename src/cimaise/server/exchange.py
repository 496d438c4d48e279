"""One request and its answer, as the ASGI application sees them (ASGI 3.0, HTTP 2.3).

The head of an answer is held back until its first body message: then both leave together, and an
application that fails in between can still get a clean 500. Whatever fails later, or ends short of
its ``Content-Length``, cuts the connection.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

from cimaise.errors import BrokenTransfer
from cimaise.server.answering import Owner
from cimaise.server.answers import Head, encode_head, problem
from cimaise.server.outlet import Outlet
from cimaise.server.receive import Inflow

PATHSEND: Final = "http.response.pathsend"
ZEROCOPY: Final = "http.response.zerocopysend"
UNSENT: Final = "cimaise.unsent"
"""Extension of the scope: its ``bytes`` of the answer's body were handed over and never left,
because the client went first."""

_START: Final = "http.response.start"
_BODY: Final = "http.response.body"
_REST_BYTES: Final = 256 * 1024
"""A body that the application did not want is read to its end up to here; longer ones are cut."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
App = Callable[
    [Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]

_logger: Final = logging.getLogger("uvicorn.error")


class Exchange:
    """See the module.

    Attributes:
        scope: Of the application.
        inflow: The body.
        keeps_alive: The connection goes on after this.
        is_done: The answer is whole.
        is_gone: The client has gone, or was answered in the application's place.
    """

    __slots__ = (
        "_bytes_left",
        "_can_chunk",
        "_head",
        "_is_begun",
        "_is_chunked",
        "_is_head",
        "_is_started",
        "_outlet",
        "_owner",
        "_rest",
        "awaits_continue",
        "inflow",
        "is_done",
        "is_gone",
        "keeps_alive",
        "scope",
    )

    def __init__(
        self,
        owner: Owner,
        outlet: Outlet,
        scope: Scope,
        inflow: Inflow,
        *,
        keeps_alive: bool,
        awaits_continue: bool,
        body_rest: Callable[[], int | None],
    ) -> None:
        """Nothing runs yet.

        Args:
            owner: The connection.
            outlet: Its sending half.
            scope: Without what only this knows.
            inflow: The request's body.
            keeps_alive: The client wants to go on after this.
            awaits_continue: It waits for ``100 Continue`` before it sends the body.
            body_rest: Bytes of the body that have not come, ``None`` where nobody knows.
        """
        self._owner = owner
        self._outlet = outlet
        self.scope = scope
        self.inflow = inflow
        self.keeps_alive = keeps_alive
        self.awaits_continue = awaits_continue
        self._rest = body_rest
        self._is_head = scope["method"] == "HEAD"
        self._can_chunk = scope["http_version"] != "1.0"
        self._head: Head | None = None
        self._is_started = False
        self._is_begun = False
        self._is_chunked = False
        self._bytes_left: int | None = None
        self.is_done = False
        self.is_gone = False

    @property
    def has_begun(self) -> bool:
        """Something of the answer is on the wire."""
        return self._is_begun

    async def run(self, app: App) -> None:
        """Run the application; whatever it does, the client sees a whole answer or a broken one."""
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self._conclude("was cancelled")
        except Exception as fault:
            self._conclude("failed", fault)
        else:
            self._conclude("returned")

    def _conclude(self, how: str, fault: BaseException | None = None) -> None:
        if self.is_gone or (self.is_done and fault is None):
            return
        if not isinstance(fault, BrokenTransfer):  # of that the application has said all there is
            _logger.error("The application %s before its answer was whole", how, exc_info=fault)
        if self.is_done:
            return
        if self._is_begun:
            self._owner.cut(by_reset=self._bytes_left is None and not self._is_chunked)
            return
        self._head, self._is_begun = None, True
        self.keeps_alive = False
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        answer = problem(status, "The server made a mistake. It has been written down.")
        self._outlet.write(
            answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if self._is_head else answer
        )
        self._finish()

    async def receive(self) -> Message:
        """The next part of the body, or that the client has gone."""
        return await self.inflow.receive(has_answered=self._has_answered)

    def _has_answered(self) -> bool:
        return self.is_done

    def leave(self) -> None:
        """The client has gone."""
        self.is_gone = not self.is_done
        self.inflow.leave()

    async def send(self, message: Message) -> None:
        """Send the next part of the answer; nothing where the client has gone.

        Raises:
            RuntimeError: There is no place for such a message: a second start, one after the end,
                more or fewer bytes than were declared, a header that cannot be sent.
        """
        if self.is_gone:
            self._note_unsent(len(message.get("body", b"")) or message.get("count") or 0)
            return
        kind = message["type"]
        if kind == _START:
            self._start(message)
            return
        if not self._is_started or self.is_done:
            raise RuntimeError(f"There is no place for {kind!r} here.")
        if kind == _BODY:
            await self._send_body(
                message.get("body", b""), has_more=message.get("more_body", False)
            )
        elif kind == ZEROCOPY:
            await self._send_open_file(message)
        elif kind == PATHSEND:
            await self._send_path(message["path"])
        else:
            raise RuntimeError(f"There is no place for {kind!r} here.")

    def _start(self, message: Message) -> None:
        if self._is_started:
            raise RuntimeError("The answer has been started already.")
        head = encode_head(
            message["status"],
            [*self._owner.default_headers, *message.get("headers", ())],
            is_head=self._is_head,
            can_chunk=self._can_chunk,
            closes=not self.keeps_alive or self._has_long_rest(),
        )
        self.keeps_alive = not head.closes
        self._head, self._bytes_left, self._is_chunked = head, head.length, head.is_chunked
        self._is_started = True
        self.awaits_continue = False

    def _has_long_rest(self) -> bool:
        """A body that the client still sends, or will not send because it waits to be asked."""
        if self.inflow.is_ended:
            return False
        rest = self._rest()
        return self.awaits_continue or rest is None or rest > _REST_BYTES

    def _take_head(self) -> bytes:
        head, self._head = self._head, None
        self._is_begun = True
        return head.wire if head is not None else b""

    async def _send_body(self, body: bytes, *, has_more: bool) -> None:
        size = 0 if self._is_head else len(body)
        self._count(size, has_more=has_more)
        outlet = self._outlet
        head = self._take_head()
        if size and self._is_chunked:
            outlet.write(b"%s%x\r\n%s\r\n" % (head, size, body))
        elif size and head and size <= _REST_BYTES:
            outlet.write(head + body)
        else:
            if head:
                outlet.write(head)
            if size:
                outlet.write(body)
        if not has_more:
            if self._is_chunked:
                outlet.write(b"0\r\n\r\n")
            self._finish()
        else:
            await outlet.drain()

    def _count(self, size: int, *, has_more: bool) -> None:
        left = self._bytes_left
        if left is None:
            return
        if size > left:
            raise RuntimeError(f"The answer is {size - left} bytes longer than its Content-Length.")
        self._bytes_left = left - size
        if size < left and not has_more:
            raise RuntimeError(f"The answer is {left - size} bytes short of its Content-Length.")

    async def _send_open_file(self, message: Message) -> None:
        """ASGI's zero-copy send: a stretch of an open file."""
        file = message["file"]
        descriptor = file if isinstance(file, int) else file.fileno()
        offset = message.get("offset")
        if offset is None:
            offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        count = message.get("count")
        if count is None:
            count = max(os.fstat(descriptor).st_size - offset, 0)
        await self._send_file(descriptor, offset, count, has_more=message.get("more_body", False))

    async def _send_path(self, path: str) -> None:
        """ASGI's path send: a whole file."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            count = os.fstat(descriptor).st_size
            await self._send_file(descriptor, 0, count, has_more=False)
        finally:
            os.close(descriptor)

    async def _send_file(self, file: int, offset: int, count: int, *, has_more: bool) -> None:
        if self._is_head or not count:
            await self._send_body(b"", has_more=has_more)
            return
        self._count(count, has_more=has_more)
        head = self._take_head()
        if self._is_chunked:
            head += b"%x\r\n" % count
        before = self._outlet.sent_by_file + len(head)
        try:
            await self._outlet.send_file(head, file, offset, count)
        except ConnectionError:
            self.leave()  # as every send to nobody: nothing is said
            return
        finally:
            self._note_unsent(count - max(0, self._outlet.sent_by_file - before))
        if self._is_chunked:
            self._outlet.write(b"\r\n" if has_more else b"\r\n0\r\n\r\n")
        if not has_more:
            self._finish()

    def _note_unsent(self, count: int) -> None:
        if count:
            self.scope["extensions"][UNSENT]["bytes"] += count

    def _finish(self) -> None:
        self.is_done = True
        self.inflow.leave()
        self._owner.answer_done(self)

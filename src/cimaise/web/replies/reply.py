"""Answers: JSON, bodies in memory, and bytes that flow from a storage.

Bytes go out by an ASGI reply of our own. It opens what it sends before the first header leaves,
so that what is missing is still a 404; after that nothing can be said any more, and what fails
cuts the connection. It notices a client that has gone within one chunk and closes what it opened.

Where the bytes lie in a file, and the server knows ASGI's ``zerocopysend``, the file itself is
handed over, and no byte of it passes through here.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from cimaise import telemetry
from cimaise.errors import BrokenTransfer, CimaiseError
from cimaise.rfc.ranges import (
    ByteRange,
    closing_delimiter,
    multipart_length,
    multipart_type,
    part_head,
)
from cimaise.rfc.selection import NOT_MODIFIED, OK, Representation, Selection
from cimaise.web.replies.front import EXTENSION as FRONT
from cimaise.web.replies.front import Front
from cimaise.web.replies.problems import fault_reply, problem_reply


class Source(Protocol):
    """What was opened: its bytes, once.

    One that lies in a file may also have ``descriptor``, the open file, and ``path``, its name;
    it holds these bytes where the whole has them.
    """

    @property
    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the range that was opened; fewer are never a clean end."""


Opener = Callable[[int, int], AbstractAsyncContextManager[Source]]
ZEROCOPY: Final = "http.response.zerocopysend"
_WORTH_HANDING_OVER: Final = 256 * 1024  # what is shorter has been read already
_OF_A_PART: Final = frozenset({b"content-type", b"content-length", b"content-range"})
NO_STORE: Final = {"cache-control": "no-store"}


def json_reply(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer; private facts are kept by nobody, unless ``headers`` says otherwise."""
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=NO_STORE | dict(headers or {}),
        media_type="application/json",
    )


def empty_reply(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    """An answer without a body."""
    return Response(status_code=status, headers=NO_STORE | dict(headers or {}))


@dataclass(slots=True)
class BytesReply:
    """Bytes of a storage, whole or in ranges, or only their headers.

    Attributes:
        what: The representation.
        selection: Which bytes of it.
        open: Opens ``[start, stop)`` for reading. What it raises before the first byte becomes
            an error answer, so opening is where absence shows.
        more: Further headers.
        done: Called once when every byte has left.
        left: Called once when the answer has left, however much of the representation was in it:
            all, a part, or nothing but that it is known. The headers are final then.
        headers: What will be sent; may be added to before the reply is called.
        boundary: Between the parts of several ranges.
    """

    what: Representation
    selection: Selection
    open: Opener
    more: Mapping[str, str]
    done: Callable[[], None] | None = None
    left: Callable[[], None] | None = None
    headers: MutableHeaders = field(init=False)
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    def __post_init__(self) -> None:
        self.headers = MutableHeaders(headers=dict(self.selection.headers) | dict(self.more))
        if self.selection.status == NOT_MODIFIED:
            return
        ranges = self.selection.ranges
        if len(ranges) == 1:
            self.headers["content-type"] = self.what.media_type
            self.headers["content-length"] = str(ranges[0].stop - ranges[0].start)
        else:
            length = multipart_length(
                ranges, self.what.size, media_type=self.what.media_type, boundary=self.boundary
            )
            self.headers["content-type"] = multipart_type(self.boundary)
            self.headers["content-length"] = str(length)

    @property
    def headers_of_all(self) -> list[tuple[bytes, bytes]]:
        """Those of a 200 to the same request with all of the representation (RFC 9110 §15.4.5)."""
        kept = [pair for pair in self.headers.raw if pair[0] not in _OF_A_PART]
        size, media_type = str(self.what.size), self.what.media_type
        return [
            *kept,
            (b"content-type", media_type.encode("latin-1")),
            (b"content-length", size.encode("ascii")),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises ``BrokenTransfer`` where the connection has to be cut."""
        if await self._sent(scope, receive, send) and self.left is not None:
            self.left()

    async def _sent(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Send it; ``False`` where it is another answer that has left, or nobody was there."""
        start: Message = {
            "type": "http.response.start",
            "status": self.selection.status,
            "headers": self.headers.raw,
        }
        if self.selection.status == NOT_MODIFIED:
            await send(start)
            await send({"type": "http.response.body"})
            return True
        async with AsyncExitStack() as stack:
            is_head = scope["method"] == "HEAD"
            reading = await self._opened(stack, scope, receive, send, look_only=is_head)
            if reading is None:
                return False
            name = None if is_head else _name_of(reading, scope)
            if name is not None:
                await self._send_name(*name, send)
                return False
            await send(start)
            if is_head:
                await send({"type": "http.response.body"})
                return True
            can_hand_over = ZEROCOPY in scope.get("extensions", {})
            return await self._send_all(reading, receive, send, can_hand_over=can_hand_over)

    async def _send_name(self, header: str, name: str, send: Send) -> None:
        """Name the file to the server in front, which sends the ranges that were asked for."""
        self.headers[header] = name
        self.headers["content-type"] = self.what.media_type
        self.headers["content-length"] = "0"
        for ours in ("content-range", "accept-ranges"):  # whoever sends the bytes says these
            if ours in self.headers:
                del self.headers[ours]
        await send({"type": "http.response.start", "status": OK, "headers": self.headers.raw})
        await send({"type": "http.response.body"})
        if self.done is not None:
            self.done()

    async def _opened(
        self, stack: AsyncExitStack, scope: Scope, receive: Receive, send: Send, *, look_only: bool
    ) -> Source | None:
        """Open the first range, or answer with what went wrong and give nothing.

        For ``look_only`` one byte is enough to see that all are there: a bucket would begin to
        send whatever it is asked for.
        """
        first = self.selection.ranges[0]
        stop = min(first.start + 1, first.stop) if look_only else first.stop
        try:
            return await stack.enter_async_context(self.open(first.start, stop))
        except CimaiseError as error:
            reply = problem_reply(error, telemetry.request_id.get())
        except Exception as fault:
            telemetry.log("request_failed", level="error", fault=fault)
            reply = fault_reply(telemetry.request_id.get())
        await reply(scope, receive, send)
        return None

    async def _send_all(
        self, reading: Source, receive: Receive, send: Send, *, can_hand_over: bool
    ) -> bool:
        gone = asyncio.ensure_future(_client_gone(receive))
        way = _send_file if can_hand_over else _send_chunks
        try:
            if len(self.selection.ranges) == 1:
                whole = await way(reading, self.selection.ranges[0], send, gone)
            else:
                whole = await self._send_parts(reading, send, gone, way)
            if whole:
                await send({"type": "http.response.body"})
                if self.done is not None:
                    self.done()
        except CimaiseError as fault:
            telemetry.log("transfer_broken", level="error", fault=fault)
            raise BrokenTransfer("The bytes failed after the reply began.") from fault
        finally:
            gone.cancel()
        return whole

    async def _send_parts(
        self, first: Source, send: Send, gone: "asyncio.Future[None]", way: "_Way"
    ) -> bool:
        for number, span in enumerate(self.selection.ranges):
            head = part_head(
                span,
                self.what.size,
                media_type=self.what.media_type,
                boundary=self.boundary,
                is_first=number == 0,
            )
            await send(_body(head))
            if number == 0:
                whole = await way(first, span, send, gone)
            else:
                async with self.open(span.start, span.stop) as source:
                    whole = await way(source, span, send, gone)
            if not whole:
                return False
        await send(_body(closing_delimiter(self.boundary)))
        return True


def _name_of(reading: Source, scope: Scope) -> tuple[str, str] | None:
    """Header and value that name the opened file to a server in front, if there is one."""
    front: Front | None = scope.get("extensions", {}).get(FRONT)
    path: Path | None = getattr(reading, "path", None)
    name = None if front is None or path is None else front.name_of(path)
    return None if front is None or name is None else (front.header, name)


def _body(chunk: bytes) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": True}


_Way = Callable[[Source, ByteRange, Send, "asyncio.Future[None]"], Awaitable[bool]]


async def _send_file(
    reading: Source, span: ByteRange, send: Send, gone: "asyncio.Future[None]"
) -> bool:
    """Every byte out of the file itself, where there is one and it is worth it."""
    count = span.stop - span.start
    descriptor: int | None = getattr(reading, "descriptor", None)
    if descriptor is None or count <= _WORTH_HANDING_OVER:
        return await _send_chunks(reading, span, send, gone)
    file = {"file": descriptor, "offset": span.start, "count": count}
    await send({"type": ZEROCOPY, **file, "more_body": True})
    await asyncio.sleep(0)
    return not gone.done()


async def _send_chunks(
    reading: Source,
    span: ByteRange,  # noqa: ARG001 (what was opened is the span)
    send: Send,
    gone: "asyncio.Future[None]",
) -> bool:
    """Every byte, or False as soon as nobody listens."""
    async for chunk in reading.chunks:
        await send(_body(chunk))
        # A server's send() returns without yielding while the client keeps up, and after it
        # has gone: without this a fast reader would hold up everybody else.
        await asyncio.sleep(0)
        if gone.done():
            return False
    return True


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@dataclass(frozen=True, slots=True)
class _Memory:
    chunks: AsyncIterator[bytes]


def open_memory(body: bytes) -> Opener:
    """An opener of a body that is in memory already: variants and other short things."""

    @asynccontextmanager
    async def opened(start: int, stop: int) -> AsyncIterator[Source]:
        async def once() -> AsyncIterator[bytes]:
            yield body[start:stop]

        yield _Memory(once())

    return opened

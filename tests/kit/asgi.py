"""A server, a clock and a timer that do nothing by themselves, for tests of ASGI parts."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

Message = dict[str, Any]


class _Turn:
    def __await__(self) -> Generator[None, None, None]:
        yield


def turn() -> _Turn:
    """Give the event loop one turn: everything that is ready runs once."""
    return _Turn()


def http_scope(
    method: str = "GET", path: str = "/", headers: list[tuple[bytes, bytes]] | None = None
) -> dict[str, Any]:
    """The scope of a request, as a server gives it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers or [],
        "client": ("127.0.0.1", 4000),
        "server": ("127.0.0.1", 3023),
    }


def start(status: int = 200, length: int | None = None, **more: Any) -> Message:
    """A start message, with a Content-Length where one is given."""
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": status, "headers": headers, **more}


def body(content: bytes = b"", *, more: bool = False) -> Message:
    """A body message."""
    return {"type": "http.response.body", "body": content, "more_body": more}


class HandClock:
    """Seconds and timers that move only when told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[HandTimer] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> "HandTimer":
        timer = HandTimer(delay, callback)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Move on, and run no timer: the loop was held up."""
        self.now += seconds

    def ring(self) -> None:
        """Run every timer that was not called off."""
        for timer in self.timers:
            timer.ring()


class HandTimer:
    """A timer that rings when told to."""

    def __init__(self, delay: float, callback: Callable[[], None]) -> None:
        self.delay = delay
        self._callback: Callable[[], None] | None = callback

    @property
    def is_set(self) -> bool:
        return self._callback is not None

    def cancel(self) -> None:
        self._callback = None

    def ring(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class LaxServer:
    """A server that puts on the wire whatever it is given, so that a test sees what it was given.

    Attributes:
        sent: Every message.
        inbox: What ``receive`` gives; waits for ever where it is empty.
    """

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.inbox.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def receive(self) -> Message:
        return await self.inbox.get()

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def hang_up(self) -> None:
        """The client goes."""
        self.inbox.put_nowait({"type": "http.disconnect"})

    @property
    def statuses(self) -> list[int]:
        return [m["status"] for m in self.sent if m["type"] == "http.response.start"]

    @property
    def content(self) -> bytes:
        return b"".join(m["body"] for m in self.sent if m["type"] == "http.response.body")

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return [h for m in self.sent if m["type"] == "http.response.start" for h in m["headers"]]

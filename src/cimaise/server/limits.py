"""Limits that stock uvicorn does not have: how long a request's head may be, and may take.

Without them a stranger fills the memory with one endless header, or holds connections by sending
a byte now and then. What is refused here never becomes a request; it is answered in the same
shape as every other error, and the connection is closed.

The class builds on uvicorn's own protocol: its minor version is pinned, and the tests beside this
run on every upgrade.
"""

import asyncio
import json
import secrets
from http import HTTPStatus
from typing import Any, Final

from cimaise.server.keeping import KeepingProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 200
HEAD_TIME_S: Final = 20.0

_CODES: Final = {
    HTTPStatus.BAD_REQUEST: "malformed",
    HTTPStatus.REQUEST_TIMEOUT: "deadline",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "too_large",
}


class LimitedProtocol(KeepingProtocol):
    """One connection. A head has at most 64 KiB and 200 lines, and 20 seconds to be whole."""

    head_time_s: float = HEAD_TIME_S

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._is_in_head = True
        self._head_bytes = 0
        self._header_count = 0
        self._refused = False
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come: its first head is due."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request; those of a head are counted before they are kept."""
        if self._refused:
            return
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and len(data) < self._head_bytes:
                self._refuse_long_head()
                return
        super().data_received(data)
        if self._is_in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_long_head()

    def on_message_begin(self) -> None:
        """A head begins, perhaps behind another request's body."""
        if not self._is_in_head:
            self._is_in_head, self._head_bytes = True, 0
            self._wait_for_head()
        self._header_count = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One line of the head."""
        self._header_count += 1
        if self._header_count <= MAX_HEADERS:
            super().on_header(name, value)
        elif not self._refused:
            self._refuse_long_head()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._stop_waiting()
        self._is_in_head = False
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Bytes of the body; nobody wants those of a request that was refused."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What the parser cannot read, in the one error shape."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._head_timer = self.loop.call_later(self.head_time_s, self._refuse_late_head)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse_long_head(self) -> None:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        self._refuse(status, "The request's headers are too long.")

    def _refuse_late_head(self) -> None:
        if self._head_bytes == 0:  # it never said anything: nor do we
            self.transport.close()
            return
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request's headers did not come in time.")

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Answer and close. After this nothing of the connection is read any more."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._stop_waiting()
        self.transport.write(_answer(status, sentence))
        self.transport.close()


def _answer(status: HTTPStatus, sentence: str) -> bytes:
    request_id = secrets.token_hex(11)
    facts = {"error": sentence, "code": _CODES[status], "request_id": request_id}
    body = json.dumps(facts).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n"
        "cache-control: no-store\r\n"
        f"x-request-id: {request_id}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body

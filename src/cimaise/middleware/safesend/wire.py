"""What has gone onto the wire of one response, and so what may still follow. No I/O, no clock.

The order is that of the ASGI specification: a start, body messages (or a ``pathsend``) to the
last one, trailers where they were announced. Servers differ in what they do with messages out of
that order, some let bytes past ``Content-Length`` onto the wire where they become the start of
the next response: here every one of them is decided before a server sees it.
"""

from enum import Enum
from typing import Any, Final, Literal

from cimaise.middleware.safesend.asgi import Message

Reason = Literal["deadline", "already_sent", "disconnected", "too_many_bytes"]
Verdict = tuple[Message | None, Reason | None]

START: Final = "http.response.start"
BODY: Final = "http.response.body"
TRAILERS: Final = "http.response.trailers"
PATHSEND: Final = "http.response.pathsend"
ZEROCOPY: Final = "http.response.zerocopysend"

_ORDERED: Final = frozenset({START, BODY, TRAILERS, PATHSEND, ZEROCOPY})
_NO_CONTENT: Final = frozenset({204, 304})  # RFC 9110 §6.4.1: never any content


class IncompleteResponse(RuntimeError):
    """A response began and cannot be made whole; raised so that the server cuts the connection."""


class UnsendableMessage(RuntimeError):
    """A message that no server could send: before its start, or with a broken Content-Length."""


class _Phase(Enum):
    AWAITED = "nothing was sent"
    OPEN = "started, its body is not whole"
    TRAILING = "the body is whole, trailers were announced"
    SPOILT = "started, and cannot be made whole any more"
    OVER = "nothing can follow"


# The members by themselves: an attribute of an Enum costs more than the decision.
_AWAITED, _OPEN, _TRAILING = _Phase.AWAITED, _Phase.OPEN, _Phase.TRAILING
_SPOILT, _OVER = _Phase.SPOILT, _Phase.OVER


class Wire:
    """The state of one response. Every method is one step, so tasks cannot come between.

    Args:
        method: Of the request; an answer to HEAD declares a length and has no body.
    """

    __slots__ = ("_has_trailers", "_is_head", "_phase", "_reason", "_remaining")

    def __init__(self, method: str) -> None:
        self._phase = _AWAITED
        self._reason: Reason = "already_sent"
        self._remaining: int | None = None  # bytes that Content-Length still wants; None: unknown
        self._has_trailers = False
        self._is_head = method == "HEAD"

    @property
    def is_half_sent(self) -> bool:
        """Something was sent, something is missing, and somebody still waits for it."""
        return self._phase in (_OPEN, _TRAILING, _SPOILT)

    def admit(self, message: Message) -> Verdict:
        """Take the next message.

        Returns:
            The message to hand on (perhaps cut), or ``None`` where it must be ignored; and why
            it was ignored or cut, or ``None``.

        Raises:
            IncompleteResponse: It ends the body before ``Content-Length`` is reached.
            UnsendableMessage: It comes before the start, or its ``Content-Length`` is no length.
        """
        phase = self._phase
        kind = message["type"]
        if phase is _OPEN:
            if kind == BODY:
                return self._admit_bytes(message, len(message.get("body", b"")))
            return self._admit_other(message, kind)
        if phase is _AWAITED:
            return self._admit_first(message, kind), None
        if phase is _TRAILING:
            return self._admit_trailing(message, kind)
        return None, self._reason

    def observe(self, message: Message) -> None:
        """Take note of a message that goes to the server past :meth:`admit`."""
        kind = message["type"]
        is_last = not message.get("more_body", False)
        if self._phase is _AWAITED and kind == START:
            self._has_trailers = bool(message.get("trailers", False))
            self._phase = _OPEN
        elif self._phase is _OPEN and kind in (BODY, PATHSEND, ZEROCOPY) and is_last:
            self._end_body()
        elif self._phase is _TRAILING and kind == TRAILERS:
            self._end_trailers(message)

    def claim(self, reason: Reason) -> bool:
        """Take the response away from the handler where nothing was sent yet."""
        if self._phase is not _AWAITED:
            return False
        self._phase, self._reason = _OVER, reason
        return True

    def lose_client(self) -> None:
        """Nobody listens any more; nothing where the response was whole before."""
        if self._phase is not _OVER:
            self._phase, self._reason = _OVER, "disconnected"

    def close(self) -> None:
        """The application is left: whatever still comes, from tasks it left behind, is late."""
        self._phase = _OVER

    def _admit_first(self, message: Message, kind: str) -> Message:
        if kind != START:
            if kind in _ORDERED:
                raise UnsendableMessage(f"{kind} before {START}")
            return message  # early hints, pushes and the like
        headers = message.get("headers", ())
        if not isinstance(headers, list | tuple):  # may be read once only
            headers = list(headers)
            message = {**message, "headers": headers}
        length = _content_length(headers)
        if self._is_head:
            self._remaining = None
        elif message["status"] in _NO_CONTENT:
            self._remaining = 0
        else:
            self._remaining = length
        self._has_trailers = bool(message.get("trailers", False))
        self._phase = _OPEN
        return message

    def _admit_bytes(self, message: Message, size: int) -> Verdict:
        remaining = self._remaining
        has_more = message.get("more_body", False)
        if remaining is not None:
            if size > remaining:
                return self._cut(message, remaining, has_more=has_more), "too_many_bytes"
            self._remaining = remaining = remaining - size
            if remaining and not has_more:
                self._phase = _SPOILT
                raise IncompleteResponse(f"the body ends {remaining} bytes before Content-Length")
        if not has_more:
            self._end_body()
        return message, None

    def _cut(self, message: Message, remaining: int, *, has_more: bool) -> Message | None:
        self._remaining = 0
        if not has_more:
            self._end_body()
        if not remaining:
            return None if has_more else {"type": BODY, "body": b"", "more_body": False}
        if message["type"] == ZEROCOPY:
            return {**message, "count": remaining}
        return {**message, "body": message["body"][:remaining]}

    def _admit_other(self, message: Message, kind: str) -> Verdict:
        if kind == START:
            # What follows belongs to the second response and cannot be told from the first's.
            self._phase = _SPOILT
            return None, "already_sent"
        if kind == TRAILERS:
            raise UnsendableMessage(f"{kind} before the end of the body")
        if kind == ZEROCOPY:
            return self._admit_zero_copy(message)
        if kind == PATHSEND:
            self._end_body()  # a whole file; the server knows its length
        return message, None

    def _admit_zero_copy(self, message: Message) -> Verdict:
        count = message.get("count")
        if count is None:  # to the end of the file, which only the server knows
            self._remaining = None
            count = 0
        return self._admit_bytes(message, count)

    def _admit_trailing(self, message: Message, kind: str) -> Verdict:
        if kind == TRAILERS:
            self._end_trailers(message)
        elif kind == START:
            self._phase = _SPOILT
            return None, "already_sent"
        elif kind in _ORDERED:
            return None, "already_sent"
        return message, None

    def _end_body(self) -> None:
        self._phase = _TRAILING if self._has_trailers else _OVER

    def _end_trailers(self, message: Message) -> None:
        if not message.get("more_trailers", False):
            self._phase = _OVER


def _content_length(headers: Any) -> int | None:
    """The declared length in bytes (RFC 9110 §8.6); two that differ are none that can be sent."""
    length: int | None = None
    for name, value in headers:
        if len(name) == len(b"content-length") and name.lower() == b"content-length":
            text = value.strip()
            if not text.isdigit() or (length is not None and int(text) != length):
                raise UnsendableMessage(f"Content-Length {value!r} is no length")
            length = int(text)
    return length

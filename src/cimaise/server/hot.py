"""Answers that are ready: sent by the connection itself, before there is a task or a scope.

What is kept, and for how long it is true, is the application's: this only looks it up and keeps
to HTTP. There are answers for everybody, by the request's target, and answers for one, by all that
the request was asked with. Whatever else could matter (a range, a precondition other than the usual
one) goes the whole way.

A client that stays asks with the same bytes again and again. So the bytes of a whole request are
remembered with what they meant, and need not be parsed the next time. That alone decides nothing:
the answer itself is asked each time whether it is still good, and where it is not, the request is
read as if it were the first.
"""

import itertools
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from cimaise.server.answers import Header
from cimaise.server.heads import Heads
from cimaise.server.ready import Line, Meaning, Ready
from cimaise.server.requests import Request
from cimaise.server.scope import Address

_WHOLE_WAY: Final = frozenset({b"range", b"if-range", b"if-match", b"if-unmodified-since"})
_ONE_ETAG: Final = re.compile(rb'"[^",]*"')
_ACCEPTABLE_ID: Final = re.compile(rb"[A-Za-z0-9_-]{8,64}")


class Own(Protocol):
    """Answers for one."""

    def key_of(self, target: bytes, headers: Sequence[Header]) -> str | None:
        """What an answer to this request would be kept by; ``None``: there is none."""

    def get(self, key: str) -> Ready | None:
        """The answer; asked anew for every request."""

    def admit(self, account_id: str, host: str | None) -> bool:
        """It may be given once more, and is counted; ``host`` is ``None`` behind a proxy."""

    def welcomes(self, host: str | None) -> bool:
        """What is for everybody may be given to this address; ``None`` behind a proxy."""


class AccessLog(Protocol):
    """Told of every answer."""

    def __call__(self, line: Line, *, elapsed_s: float, request_id: str) -> None:
        """Write one line, or count it; the same requests come with the same ``line``."""


Answer = tuple[bytes, Meaning, bool]
"""A head, what it was made of, and whether the same bytes may come again and mean the same."""


def _accept_of(request: Request) -> bytes | None:
    values = [value for name, value in request.headers if name == b"accept"]
    return None if len(values) > 1 else b"".join(values)


class HotLane:
    """Finds ready answers and makes them this request's own."""

    def __init__(
        self,
        find: Callable[[bytes, bytes | None], Ready | None],
        access_log: AccessLog,
        own: Own | None = None,
    ) -> None:
        """Nothing is kept here but what requests mean.

        Args:
            find: The answer for everybody to ``GET`` of a target, path and query as they came, and
                ``Accept`` as it came (``None`` where it came in several lines); asked anew for
                every request, so what is dropped there is never sent again.
            access_log: Called once an answer.
            own: Answers for one.
        """
        self._find = find
        self._access_log = access_log
        self._own = own
        self._id_prefix = secrets.token_hex(8).encode()
        self._ids = itertools.count()
        self._heads: Heads[Meaning] = Heads()

    def answer(self, request: Request, defaults: list[Header], client: Address) -> Answer | None:
        """The answer to a request from this address, or ``None``: the application answers."""
        began_s = time.perf_counter()
        if request.method not in ("GET", "HEAD") or request.content_length != 0:
            return None
        known, request_id, is_for_all = b"", b"", True
        for name, value in request.headers:
            if name in _WHOLE_WAY:
                return None
            if name == b"authorization":
                is_for_all = False
            elif name == b"if-none-match":
                if known or not _ONE_ETAG.fullmatch(value):
                    return None
                known = value
            elif name == b"x-request-id":
                if request_id or not _ACCEPTABLE_ID.fullmatch(value):
                    return None
                request_id = value
        meaning = self._meaning(request, known, is_for_all=is_for_all)
        if meaning is None or not self._admit(meaning, client):
            return None
        head = self._head(meaning, request_id, defaults, began_s)
        return head, meaning, not request_id

    def answer_again(
        self, head: bytes, defaults: list[Header], client: Address
    ) -> tuple[bytes, Meaning] | None:
        """Head and meaning of an answer to a request that came before in the same bytes.

        ``None``: read it.
        """
        began_s = time.perf_counter()
        meaning = self._heads.get(head)
        if meaning is None or not meaning.ready.is_good():
            return None
        if defaults is not meaning.defaults and self._ready(meaning) is not meaning.ready:
            return None  # looked up about once a second: what is used is not what goes first
        if not self._admit(meaning, client):
            return None
        request_id = b"%b%06x" % (self._id_prefix, next(self._ids))
        wire = meaning.head(request_id, defaults)
        elapsed_s = time.perf_counter() - began_s
        self._access_log(meaning.line, elapsed_s=elapsed_s, request_id=request_id.decode())
        return wire, meaning

    def _meaning(self, request: Request, known: bytes, *, is_for_all: bool) -> Meaning | None:
        ready, key, accept = None, None, _accept_of(request)
        if is_for_all:
            ready = self._find(request.target, accept)
        if ready is None and self._own is not None:
            key = self._own.key_of(request.target, request.headers)
            ready = self._own.get(key) if key is not None else None
        return None if ready is None else Meaning(request, ready, known, key, accept)

    def _ready(self, meaning: Meaning) -> Ready | None:
        if meaning.key is None or self._own is None:
            return self._find(meaning.target, meaning.accept)
        return self._own.get(meaning.key)

    def _admit(self, meaning: Meaning, client: Address) -> bool:
        """What is for everybody is not counted, and not for those who are kept out."""
        own = self._own
        if own is None:
            return True
        host = None if meaning.is_forwarded else client[0] if client else ""
        if meaning.key is None:
            return own.welcomes(host)
        return own.admit(meaning.ready.account_id, host)

    def remember(self, head: bytes, meaning: Meaning) -> None:
        """These bytes, all of a request and nothing else, meant this."""
        self._heads.put(head, meaning, is_secret=meaning.is_secret)

    def _head(
        self, meaning: Meaning, request_id: bytes, defaults: list[Header], began_s: float
    ) -> bytes:
        request_id = request_id or b"%b%06x" % (self._id_prefix, next(self._ids))
        head = meaning.head(request_id, defaults)
        elapsed_s = time.perf_counter() - began_s
        self._access_log(meaning.line, elapsed_s=elapsed_s, request_id=request_id.decode())
        return head

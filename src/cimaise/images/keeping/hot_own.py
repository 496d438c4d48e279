"""Answers for one: a picture that somebody was allowed to see a moment ago.

What is kept here says who may see what, so it is forgotten as soon as anything changes that could
decide about it, whatever that is, and after half a second in any case. The time is what is left
where another machine's change is not heard of.
"""

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from secrets import token_bytes
from typing import Final

from cimaise.images.keeping.hot import Answer, Hot

TTL_S: Final = 0.5
OWN_BYTES: Final = 16 * 1024 * 1024

_ASKED_WITH: Final = frozenset({b"host", b"authorization", b"cookie", b"accept"})
_CREDENTIALS: Final = frozenset({b"authorization", b"cookie"})
_IN_TARGET: Final = (b"link=", b"expires=")
_DIGEST_BYTES: Final = 16

Headers = Sequence[tuple[bytes, bytes]]


class OwnAnswers:
    """Answers by request target and all that the request was asked with. Of one event loop.

    Keys are digests under a secret of this process: no credential is kept.
    """

    def __init__(
        self,
        *,
        max_bytes: int = OWN_BYTES,
        ttl_s: float = TTL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an empty one.

        Args:
            max_bytes: Of all answers together.
            ttl_s: The longest that an answer is kept.
            clock: Seconds that only go up.
        """
        self._kept: Hot[Answer] = Hot(max_bytes=max_bytes, on_drop=Answer.end)
        self._ttl_s = ttl_s
        self._clock = clock
        self._secret = token_bytes(_DIGEST_BYTES)
        self.changes = 0
        """Grows with every change: read it before you look who asks, and what he may see."""

    def key_of(self, target: bytes, headers: Headers) -> str | None:
        """What an answer to this request is kept by; ``None``: none is.

        Args:
            target: Path and query as they came.
            headers: All of them, names in small letters.
        """
        asked_with = [pair for pair in headers if pair[0] in _ASKED_WITH]
        is_somebodys = any(name in _CREDENTIALS for name, _ in asked_with)
        if not is_somebodys and not any(mark in target for mark in _IN_TARGET):
            return None
        # neither a name nor a value of HTTP has a line break, so no two requests are one text
        text = b"\n".join((target, *(b"%b:%b" % pair for pair in asked_with)))
        return blake2b(text, digest_size=_DIGEST_BYTES, key=self._secret).hexdigest()

    def get(self, key: str) -> Answer | None:
        """The answer to the same request, if nothing has changed since."""
        found = self._kept.get(key)
        if found is None or found.is_good():
            return found
        self._kept.drop(key)
        return None

    def put(
        self,
        key: str,
        headers: Headers,
        body: bytes,
        *,
        route: str,
        account_id: str,
        lasts_s: float,
        changes: int,
    ) -> None:
        """Keep an answer, unless anything has changed since ``changes`` was read.

        Args:
            key: See :meth:`key_of`.
            headers: Of the answer, in small letters.
            body: Of the answer.
            route: Template of the route that made it.
            account_id: Who asked; empty for a guest.
            lasts_s: Seconds until the first of the credentials ends that allowed it.
            changes: :attr:`changes` as it was before anybody was asked who comes with it.
        """
        if changes != self.changes or lasts_s <= 0:
            return
        lines = b"".join(b"%b: %b\r\n" % field for field in headers)
        answer = Answer(
            etag=dict(headers)[b"etag"],
            headers=tuple(headers),
            lines=lines,
            body=body,
            route=route,
            folder="",
            until_s=self._clock() + min(self._ttl_s, lasts_s),
            clock=self._clock,
            account_id=account_id,
        )
        self._kept.put(key, answer, len(body) + len(lines) + len(key))

    def change(self) -> None:
        """Anything has changed that decides who may see what: forget all of it."""
        self.changes += 1
        self._kept.drop_all("")

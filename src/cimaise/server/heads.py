"""Requests by their bytes, so that those that come again need not be parsed again."""

import secrets
from hashlib import blake2b
from typing import Final, Generic, TypeVar

T = TypeVar("T")
MOST: Final = 4096
MAX_BYTES: Final = 2048
_DIGEST_BYTES: Final = 16


class Heads(Generic[T]):
    """What whole requests meant: of each kind the last 4,096 different ones of at most 2 KiB.

    Of a request that holds a secret (a cookie, a key, a link) only a digest is kept, under a key
    of this process.
    """

    def __init__(self) -> None:
        """Make an empty one."""
        self._open: dict[bytes, T] = {}
        self._secret: dict[bytes, T] = {}
        self._key = secrets.token_bytes(_DIGEST_BYTES)

    def get(self, head: bytes) -> T | None:
        """What the very same bytes meant."""
        found = self._open.get(head)
        if found is not None or not self._secret or len(head) > MAX_BYTES:
            return found
        return self._secret.get(self._digest(head))

    def put(self, head: bytes, meaning: T, *, is_secret: bool) -> None:
        """Keep what they mean; the oldest goes where there is no room."""
        if len(head) > MAX_BYTES:
            return
        kept, key = (self._secret, self._digest(head)) if is_secret else (self._open, head)
        kept.pop(key, None)
        while len(kept) >= MOST:
            del kept[next(iter(kept))]
        kept[key] = meaning

    def _digest(self, head: bytes) -> bytes:
        return blake2b(head, digest_size=_DIGEST_BYTES, key=self._key).digest()

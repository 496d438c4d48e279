"""Passwords: Argon2id (RFC 9106), in threads, a few at a time, so that nobody fills the memory."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cimaise.errors import Invalid, Unavailable

T = TypeVar("T")
MAX_BYTES: Final = 1024
_LEAST_CHARS: Final = 4  # of what opens a share; those of accounts have rules of their own
_MOST_WAITING: Final = 100
_BUSY_RETRY_S: Final = 5


@dataclass(frozen=True, slots=True)
class Costs:
    """What one hash costs; the defaults are those of OWASP's cheat sheet on password storage.

    Attributes:
        memory_kib: KiB that it fills.
        passes: How often it goes over them.
        lanes: Threads that do.
        at_once: How many hashes are worked at at the same time, in this process.
    """

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1
    at_once: int = 2


class Passwords:
    """Hashes and checks; one for an event loop.

    Two that are the same text in Unicode (NFKC, as NIST SP 800-63B advises) are the same password.
    """

    def __init__(self, costs: Costs | None = None) -> None:
        chosen = costs or Costs()
        self._hasher = PasswordHasher(
            time_cost=chosen.passes, memory_cost=chosen.memory_kib, parallelism=chosen.lanes
        )
        self._places = asyncio.Semaphore(chosen.at_once)
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str, *, least_chars: int = _LEAST_CHARS) -> str:
        """The text to keep, with its salt and costs in it.

        Raises:
            Invalid: Fewer than ``least_chars`` characters, or more than 1024 bytes of UTF-8.
            Unavailable: ``busy``: a hundred wait already.
        """
        text = require_size(password, least_chars)
        return await self._in_thread(partial(self._hasher.hash, text))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Is it the one that was hashed? Takes as long where there is none (``None``).

        Raises:
            Unavailable: ``busy``.
        """
        try:
            text = require_size(password, 0)
        except Invalid:
            return False
        if self._nobodys is None:
            self._nobodys = await self._in_thread(
                partial(self._hasher.hash, secrets.token_urlsafe())
            )
        is_it = await self._in_thread(partial(self._verified, kept or self._nobodys, text))
        return is_it and kept is not None

    def is_outgrown(self, kept: str) -> bool:
        """Whether it was hashed at other costs than today's."""
        return self._hasher.check_needs_rehash(kept)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable(
                "Too many sign-ins at once.", code="busy", retry_after_s=_BUSY_RETRY_S
            )
        self._waiting += 1
        return await asyncio.shield(asyncio.ensure_future(self._placed(work)))

    async def _placed(self, work: Callable[[], T]) -> T:
        """A request that is given up leaves its thread working, so its place stays taken."""
        try:
            async with self._places:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1

    def _verified(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def require_size(password: str, least_chars: int) -> str:
    """The password as it is hashed, or ``Invalid`` for one that is too short or too long."""
    text = unicodedata.normalize("NFKC", password)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
        raise Invalid("The password holds what is no character.", field="password") from None
    if len(text) < least_chars:
        raise Invalid(f"A password has at least {least_chars} characters.", field="password")
    if size > MAX_BYTES:
        raise Invalid(f"A password has at most {MAX_BYTES} bytes.", field="password")
    return text

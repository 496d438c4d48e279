"""Passwords: Argon2id (RFC 9106), in threads, two at a time, so that nobody fills the memory."""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cimaise.errors import Invalid

_AT_ONCE: Final = 2
_LEAST_CHARS: Final = 4
_MOST_CHARS: Final = 1024
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Passwords:
    """Hashes and checks; one for an event loop."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """The text to keep. ``Invalid`` for a password of fewer than 4 or too many characters."""
        if not _LEAST_CHARS <= len(password) <= _MOST_CHARS:
            raise Invalid(
                f"A password has {_LEAST_CHARS} to {_MOST_CHARS} characters.", field="password"
            )
        async with self._places:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def verify(self, kept: str, password: str) -> bool:
        """Is it the one that was hashed?"""
        if len(password) > _MOST_CHARS:
            return False
        async with self._places:
            return await asyncio.to_thread(_verified, kept, password)


def _verified(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False

"""``Upload-Checksum``: the digest of one request's body, as it passes."""

import asyncio
import hashlib
import zlib
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from cimaise.errors import Invalid, Malformed
from cimaise.rfc.tus import Checksum

_THREAD_BYTES: Final = 128 * 1024
"""Fewer bytes are hashed faster than a thread takes over."""


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_HASHES: Final[dict[str, Callable[[], _Hash]]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32": _Crc32,
}
ALGORITHMS: Final = tuple(_HASHES)
"""Names of algorithms, as ``Tus-Checksum-Algorithm`` lists them."""


class BodyDigest:
    """Digests of one body, to compare with what was announced before it or behind it."""

    def __init__(self, algorithms: Sequence[str] = ALGORITHMS) -> None:
        """Compute these; ``Malformed`` where we do not have one of them.

        Where the checksum comes behind the body nobody knows yet which one it will be.
        """
        unknown = [name for name in algorithms if name not in _HASHES]
        if unknown:
            raise _unknown()
        self._hashes = {name: _HASHES[name]() for name in algorithms}

    async def add(self, pieces: Sequence[bytes]) -> None:
        """The next bytes."""
        if sum(map(len, pieces)) >= _THREAD_BYTES:
            await asyncio.to_thread(self._update, pieces)
        else:
            self._update(pieces)

    def _update(self, pieces: Sequence[bytes]) -> None:
        for one in self._hashes.values():
            for piece in pieces:
                one.update(piece)

    def require(self, checksum: Checksum) -> None:
        """``Invalid`` with ``checksum_mismatch`` where the bytes were others."""
        computed = self._hashes.get(checksum.algorithm)
        if computed is None:
            raise _unknown()
        if checksum.digest != computed.digest():
            raise Invalid(
                "The bytes do not have the checksum that came with them.",
                code="checksum_mismatch",
                field="Upload-Checksum",
            )


def _unknown() -> Malformed:
    shown = ", ".join(ALGORITHMS)
    return Malformed(f"The checksum is one of {shown}.", field="Upload-Checksum")

"""What every backend must refuse, decided once: pure functions over the promise's own terms."""

from collections.abc import Sequence
from typing import Final

from cimaise.errors import (
    Invalid,
    Limit,
    NotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    TooLarge,
    WrongState,
)
from cimaise.storage.base import PartInfo

MAX_PART_NUMBER: Final = 10_000
CHUNK_BYTES: Final = 1024 * 1024
"""Most bytes a reader is given at once."""


def span(start: int, stop: int | None, size: int) -> tuple[int, int]:
    """``start`` and ``stop`` cut to an object of ``size`` bytes; ``RangeNotSatisfiable``."""
    end = size if stop is None else min(stop, size)
    if start == end == size == 0:
        return 0, 0
    if not 0 <= start < end:
        raise RangeNotSatisfiable("The range lies outside of the object.", size=size)
    return start, end


def require_etag(if_etag: str | None, etag: str) -> None:
    """``PreconditionFailed`` where ``if_etag`` is given and is not ``etag``."""
    if if_etag is not None and if_etag != etag:
        raise PreconditionFailed("The object is another version by now.")


def require_part_number(part_number: int) -> None:
    """``Invalid`` outside of 1 to 10,000."""
    if not 1 <= part_number <= MAX_PART_NUMBER:
        raise Invalid("Parts have numbers from 1 to 10,000.", field="part_number")


def require_declared(size: int | None, max_bytes: int | None) -> None:
    """``TooLarge`` where the declared length alone is more than is allowed."""
    if size is not None and max_bytes is not None and size > max_bytes:
        raise too_large(max_bytes, size)


def require_joinable(parts: Sequence[PartInfo]) -> int:
    """Length of the whole; ``WrongState`` where these parts cannot be one object.

    They are numbered 1 to n, and all but the last have one size, not below the last one's: some
    stores refuse anything else.
    """
    if not parts or [part.part_number for part in parts] != list(range(1, len(parts) + 1)):
        raise part_mismatch("The parts are not numbered from 1 without a gap.")
    part_size = parts[0].size
    if any(part.size != part_size for part in parts[:-1]) or parts[-1].size > part_size:
        raise part_mismatch("All parts but the last have one size, and the last is not longer.")
    return sum(part.size for part in parts)


def part_mismatch(message: str) -> WrongState:
    """A part is absent or another one."""
    return WrongState(message, code="part_mismatch")


def size_mismatch(declared: int) -> Invalid:
    """More or fewer bytes than ``declared`` came."""
    return Invalid(f"The body is not the declared {declared} bytes long.", code="size_mismatch")


def too_large(max_bytes: int, actual: int | None = None) -> TooLarge:
    """More than ``max_bytes`` came or were declared."""
    return TooLarge("The body is too long.", limit=Limit("max_bytes", max_bytes, actual))


def no_object() -> NotFound:
    """Nothing is stored under the key."""
    return NotFound("There is no such object.")


def no_upload() -> NotFound:
    """The multipart upload is unknown, completed or aborted."""
    return NotFound("There is no such multipart upload.")

"""How a file of a known size arrives: in one request, or in how many parts."""

from dataclasses import dataclass
from typing import Final

from cimaise.errors import Invalid
from cimaise.settings import Uploads
from cimaise.uploads.session import Strategy

MAX_PARTS: Final = 10_000
"""S3 takes part numbers from 1 to 10,000 (AWS: Amazon S3 multipart upload limits)."""

LEAST_PART_BYTES: Final = 5 * 1024 * 1024
MOST_PART_BYTES_BY_REQUEST: Final = 20 * 1024 * 1024
_MB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """``part_size`` and ``part_count`` are ``None`` for a single request."""

    strategy: Strategy
    part_size: int | None = None
    part_count: int | None = None


def make_plan(size: int, *, strategy: str | None, part_size: int | None, settings: Uploads) -> Plan:
    """Choose, or check what was asked for.

    Args:
        size: Bytes of the file, at least 1.
        strategy: ``single``, ``multipart`` or ``None`` for the server's choice.
        part_size: Bytes of a part, 5 to 20 MB, or ``None``; only with parts.
        settings: Limits.

    Raises:
        Invalid: The strategy is unknown or impossible, the part size out of bounds.
    """
    chosen = _strategy(size, strategy, settings)
    if chosen is Strategy.SINGLE:
        if part_size is not None and strategy == "single":
            raise Invalid("A single upload has no parts.", field="part_size")
        return Plan(chosen)
    if part_size is not None and not (LEAST_PART_BYTES <= part_size <= MOST_PART_BYTES_BY_REQUEST):
        raise Invalid("part_size is 5 to 20 MB.", field="part_size")
    length = _grown(part_size or settings.part_bytes, size)
    return Plan(chosen, length, -(-size // length))


def _strategy(size: int, asked: str | None, settings: Uploads) -> Strategy:
    if asked is None:
        fits = size <= settings.single_max_bytes
        return Strategy.SINGLE if fits else Strategy.MULTIPART
    if asked not in ("single", "multipart"):
        raise Invalid("strategy is single or multipart.", field="strategy")
    if asked == "single" and size > settings.single_max_bytes:
        raise Invalid(
            f"Above {settings.single_max_bytes} bytes a file is sent in parts.", field="strategy"
        )
    return Strategy(asked)


def _grown(part_size: int, size: int) -> int:
    """The part size, grown to whole megabytes until 10,000 parts suffice."""
    needed = -(-size // MAX_PARTS)
    return part_size if needed <= part_size else -(-needed // _MB) * _MB

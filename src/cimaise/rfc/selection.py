"""Which bytes of a representation answer a request: conditions, then range (RFC 9110 §13, §14)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cimaise.errors import PreconditionFailed
from cimaise.rfc.ranges import ByteRange, format_content_range, parse_range, resolve_ranges
from cimaise.rfc.validators import (
    Conditions,
    Verdict,
    evaluate,
    format_http_date,
    if_range_holds,
)

OK: Final = 200
PARTIAL: Final = 206
NOT_MODIFIED: Final = 304
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Representation:
    """What is there.

    Attributes:
        size: Bytes.
        etag: Strong, without quotation marks.
        media_type: For ``Content-Type``.
        modified_at: Aware UTC, or ``None`` where no date is honest.
        is_fixed: The bytes never change while that date stands. Where they may, the date counts
            as a strong validator only once its second is over (RFC 9110 §8.8.2.2).
    """

    size: int
    etag: str
    media_type: str
    modified_at: datetime | None = None
    is_fixed: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the request says of the bytes it wants; header values as they came, or ``None``."""

    method: str
    conditions: Conditions
    range: str | None = None
    if_range: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What to send.

    Attributes:
        status: 200, 206 or 304.
        ranges: For 206: one, or several for ``multipart/byteranges``, in the order asked.
            For 200: one that is the whole. For 304: none.
        headers: ``ETag``, ``Last-Modified``, ``Accept-Ranges`` and, for one range,
            ``Content-Range``.
    """

    status: int
    ranges: tuple[ByteRange, ...]
    headers: tuple[tuple[str, str], ...]

    @property
    def begins(self) -> bool:
        """The first byte is among them: a transfer starts, rather than goes on."""
        return any(span.start == 0 for span in self.ranges)


def select(what: Representation, wanted: Wanted, *, now: datetime) -> Selection:
    """Decide by the precedence of RFC 9110 §13.2.2; ``Range`` counts for GET only (§14.2).

    Raises:
        PreconditionFailed: ``If-Match`` or ``If-Unmodified-Since`` does not hold.
        RangeNotSatisfiable: No range lies inside.
    """
    quoted = f'"{what.etag}"'
    headers = [("etag", quoted), ("accept-ranges", "bytes")]
    if what.modified_at is not None:
        headers.append(("last-modified", format_http_date(what.modified_at)))
    verdict = evaluate(
        wanted.conditions,
        method=wanted.method,
        etag=quoted,
        last_modified=what.modified_at,
        now=now,
    )
    if verdict is Verdict.PRECONDITION_FAILED:
        raise PreconditionFailed("The file is not the version that the request expects.")
    if verdict is Verdict.NOT_MODIFIED:
        return Selection(NOT_MODIFIED, (), tuple(headers))
    ranges = _ranges(what, wanted, quoted, now)
    if ranges is None:
        return Selection(OK, (ByteRange(0, what.size),), tuple(headers))
    if len(ranges) == 1:
        headers.append(("content-range", format_content_range(ranges[0], what.size)))
    return Selection(PARTIAL, ranges, tuple(headers))


def _ranges(
    what: Representation, wanted: Wanted, quoted: str, now: datetime
) -> tuple[ByteRange, ...] | None:
    specs = parse_range(wanted.range) if wanted.method == "GET" else None
    if specs is None:
        return None
    if wanted.if_range is not None and not if_range_holds(
        wanted.if_range, etag=quoted, last_modified=_strong_date(what, now), now=now
    ):
        return None
    return resolve_ranges(specs, what.size)


def _strong_date(what: Representation, now: datetime) -> datetime | None:
    date = what.modified_at
    if date is None or what.is_fixed:
        return date
    return date if now - date.replace(microsecond=0) >= _SECOND else None

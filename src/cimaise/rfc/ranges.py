"""Byte ranges: which bytes a request wants, and how several of them travel (RFC 9110 §14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cimaise.errors import RangeNotSatisfiable

MAX_RANGES: Final = 16
"""A request that lists more gets the whole representation: §14.2 lets a server ignore ``Range``,
and nobody who seeks in a film or resumes a download asks for so many pieces."""

_BEYOND: Final = 10**30
"""Positions above it are read as this one: nothing is longer, and converting digits stays cheap."""
_BEYOND_DIGITS: Final = len(str(_BEYOND))
_OWS: Final = " \t"


@dataclass(frozen=True, slots=True)
class RangeSpec:
    """A range as it was asked for, both ends inclusive (RFC 9110 §14.1.2).

    Attributes:
        first: First byte; ``None`` for a suffix.
        last: Last byte; ``None`` for "to the end". For a suffix, how many bytes from the end.
    """

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes of a representation, half-open: ``0 <= start < stop <= size``, except an empty whole."""

    start: int
    stop: int


def parse_range(header: str | None) -> tuple[RangeSpec, ...] | None:
    """Read a ``Range`` header (RFC 9110 §14.1.1, §14.2).

    Returns:
        One to :data:`MAX_RANGES` ranges in the order asked, or ``None`` where the header does
        not count: it is absent, has another unit, breaks the grammar, or lists too many.
    """
    if header is None:
        return None
    unit, equals, range_set = header.strip(_OWS).partition("=")
    if not equals or unit.lower() != "bytes":
        return None
    if range_set[:1] in (" ", "\t") and range_set.lstrip(_OWS)[:1] != ",":
        return None  # white space belongs around commas only (§5.6.1)
    listed = [stripped for piece in range_set.split(",") if (stripped := piece.strip(_OWS))]
    if not 1 <= len(listed) <= MAX_RANGES:
        return None
    specs = []
    for text in listed:
        spec = _parse_spec(text)
        if spec is None:
            return None
        specs.append(spec)
    return tuple(specs)


def _parse_spec(text: str) -> RangeSpec | None:
    first_text, dash, last_text = text.partition("-")
    digits = first_text + last_text
    if not (dash and digits.isascii() and digits.isdigit()):
        return None
    first, last = _position(first_text), _position(last_text)
    if first is not None and last is not None and last < first:
        return None
    return RangeSpec(first, last)


def _position(digits: str) -> int | None:
    if not digits:
        return None
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) < _BEYOND_DIGITS else _BEYOND


def resolve_ranges(specs: Sequence[RangeSpec], size: int) -> tuple[ByteRange, ...]:
    """Lay ranges over a representation of ``size`` bytes (RFC 9110 §14.1.2, §15.3.7.2).

    Ranges that lie outside are dropped. Those that overlap are joined, so an answer never has
    more bytes than the whole, however often they are asked for; the joined range stands where
    its earliest member stood. Ranges that only touch stay as they are.

    Raises:
        RangeNotSatisfiable: None lies inside. Every range of an empty representation is so,
            because ``Content-Range`` has no way to name no bytes.
    """
    inside = sorted(
        (span.start, span.stop, place)
        for place, spec in enumerate(specs)
        if (span := _resolve(spec, size)) is not None
    )
    if not inside:
        raise RangeNotSatisfiable("The range lies outside of the file.", size=size)
    joined: list[tuple[int, ByteRange]] = []
    for start, stop, place in inside:
        if joined and start < joined[-1][1].stop:
            earlier, span = joined[-1]
            joined[-1] = (min(earlier, place), ByteRange(span.start, max(span.stop, stop)))
        else:
            joined.append((place, ByteRange(start, stop)))
    return tuple(span for _, span in sorted(joined, key=lambda member: member[0]))


def _resolve(spec: RangeSpec, size: int) -> ByteRange | None:
    if spec.first is None:
        start, stop = max(0, size - (spec.last or 0)), size
    else:
        start, stop = spec.first, size if spec.last is None else min(spec.last + 1, size)
    return ByteRange(start, stop) if start < stop else None


def format_content_range(span: ByteRange, size: int) -> str:
    """``Content-Range`` of a 206 answer; ``span`` is not empty (RFC 9110 §14.4)."""
    return f"bytes {span.start}-{span.stop - 1}/{size}"


def format_unsatisfied(size: int) -> str:
    """``Content-Range`` of a 416 answer (RFC 9110 §14.4, §15.5.17)."""
    return f"bytes */{size}"


def multipart_type(boundary: str) -> str:
    """``Content-Type`` of an answer in several parts (RFC 9110 §14.6).

    ``boundary`` is 1 to 70 letters and digits (RFC 2046 §5.1.1), random enough not to occur in
    the bytes that are sent.
    """
    return f"multipart/byteranges; boundary={boundary}"


def part_head(
    span: ByteRange, size: int, *, media_type: str, boundary: str, is_first: bool = False
) -> bytes:
    """What stands before the bytes of a part (RFC 9110 §14.6, RFC 2046 §5.1.1).

    Args:
        span: The bytes that follow.
        size: Length of the whole representation.
        media_type: Of the whole representation, ASCII without CR or LF.
        boundary: See :func:`multipart_type`.
        is_first: The first part has no line break before its delimiter.
    """
    lines = (
        f"--{boundary}",
        f"Content-Type: {media_type}",
        f"Content-Range: {format_content_range(span, size)}",
        "\r\n",
    )
    return (("" if is_first else "\r\n") + "\r\n".join(lines)).encode("ascii")


def closing_delimiter(boundary: str) -> bytes:
    """What stands after the bytes of the last part (RFC 2046 §5.1.1)."""
    return f"\r\n--{boundary}--\r\n".encode("ascii")


def multipart_length(
    spans: Sequence[ByteRange], size: int, *, media_type: str, boundary: str
) -> int:
    """``Content-Length`` of all parts with their heads and the closing delimiter, in bytes."""
    total = len(closing_delimiter(boundary))
    for place, span in enumerate(spans):
        head = part_head(span, size, media_type=media_type, boundary=boundary, is_first=place == 0)
        total += len(head) + span.stop - span.start
    return total

"""ZIP archives whose every byte is known before one is written (PKWARE APPNOTE 6.3.10).

Members are stored, not compressed: pictures and films are compressed already, and so the length
of the archive and the place of each byte follow from names and sizes alone. The checksum of a
member is in its own header rather than behind its bytes (§4.4.4 bit 3), because stored members
with a data descriptor cannot be read from a stream.

ZIP64 (§4.5.3) is used for what needs it and for nothing else: old programs read small archives.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final

_LIMIT_16: Final = 0xFFFF
_LIMIT_32: Final = 0xFFFF_FFFF
_PLAIN: Final = 10  # version needed to extract (§4.4.3)
_ZIP64: Final = 45
_MADE_BY: Final = (3 << 8) | _ZIP64  # Unix (§4.4.2), so that the mode of a file is one
_UTF_8: Final = 1 << 11  # names are UTF-8 (§4.4.4, appendix D)
_STORED: Final = 0
_MODE: Final = 0o100644 << 16  # a regular file, in the way of Unix (§4.4.15)

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_LOCAL_SIZES: Final = struct.Struct("<2H2Q")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_TIME: Final = struct.Struct("<2HBi")
_END: Final = struct.Struct("<4s4H2IH")
_END_64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR: Final = struct.Struct("<4sIQI")

_FIRST_YEAR: Final = 1980
_LAST_YEAR: Final = 2107
_SECOND_31: Final = 2**31


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the archive.

    Attributes:
        name: With ``/`` between folders; at most 65,535 bytes of UTF-8.
        size: Bytes.
        modified_at: Aware.
    """

    name: str
    size: int
    modified_at: datetime


class Kind(Enum):
    """What a stretch of the archive holds."""

    HEADER = auto()  # a member's local header
    CONTENT = auto()  # a member's bytes
    RECORD = auto()  # a member's record in the central directory
    END = auto()  # what closes the archive


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the archive that is wanted: ``[start, stop)`` of the thing itself.

    Attributes:
        kind: Which thing.
        index: Of the member; 0 for the end.
        start: First byte wanted, counted from the thing's own beginning.
        stop: After the last.
    """

    kind: Kind
    index: int
    start: int
    stop: int


class Layout:
    """Where everything lies in an archive of these members, in this order."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Args: members: Their names differ.

        Raises:
            ValueError: A name is longer than the format can say.
        """
        self._members = tuple(members)
        self._names = tuple(member.name.encode() for member in members)
        if any(len(name) > _LIMIT_16 for name in self._names):
            raise ValueError("a name is at most 65,535 bytes long")
        self._offsets: list[int] = []
        at = 0
        for index, member in enumerate(self._members):
            self._offsets.append(at)
            at += self._header_length(index) + member.size
        self._directory_at = at
        self._directory_length = sum(map(self._record_length, range(len(self._members))))
        self._end_length = _END.size
        if self._needs_end_64():
            self._end_length += _END_64.size + _LOCATOR.size
        self.size = at + self._directory_length + self._end_length
        """Bytes of the whole archive."""

    def stretches(self, start: int, stop: int) -> Iterator[Stretch]:
        """What makes up the bytes ``start`` to ``stop`` (exclusive) of the archive, in order."""
        at = 0
        for kind, index, length in self._things():
            if at >= stop:
                return
            if length and start < at + length:
                yield Stretch(kind, index, max(0, start - at), min(length, stop - at))
            at += length

    def _things(self) -> Iterator[tuple[Kind, int, int]]:
        for index, member in enumerate(self._members):
            yield Kind.HEADER, index, self._header_length(index)
            yield Kind.CONTENT, index, member.size
        for index in range(len(self._members)):
            yield Kind.RECORD, index, self._record_length(index)
        yield Kind.END, 0, self._end_length

    def header(self, index: int, crc32: int) -> bytes:
        """The local header of a member (§4.3.7)."""
        member, name = self._members[index], self._names[index]
        is_long = member.size >= _LIMIT_32
        extra = _LOCAL_SIZES.pack(1, 16, member.size, member.size) if is_long else b""
        extra += _time_extra(member.modified_at)
        shown = _LIMIT_32 if is_long else member.size
        clock, day = _dos_time(member.modified_at)
        fixed = _LOCAL.pack(
            b"PK\3\4", _ZIP64 if is_long else _PLAIN, _UTF_8, _STORED, clock, day, crc32,
            shown, shown, len(name), len(extra),
        )  # fmt: skip
        return fixed + name + extra

    def record(self, index: int, crc32: int) -> bytes:
        """The record of a member in the central directory (§4.3.12)."""
        member, name, offset = self._members[index], self._names[index], self._offsets[index]
        long_values = [member.size] * 2 if member.size >= _LIMIT_32 else []
        long_values += [offset] if offset >= _LIMIT_32 else []
        extra = b""
        if long_values:
            extra = struct.pack(f"<2H{len(long_values)}Q", 1, 8 * len(long_values), *long_values)
        extra += _time_extra(member.modified_at)
        shown = min(member.size, _LIMIT_32)
        clock, day = _dos_time(member.modified_at)
        fixed = _CENTRAL.pack(
            b"PK\1\2", _MADE_BY, _ZIP64 if long_values else _PLAIN, _UTF_8, _STORED, clock, day,
            crc32, shown, shown, len(name), len(extra), 0, 0, 0, _MODE, min(offset, _LIMIT_32),
        )  # fmt: skip
        return fixed + name + extra

    def end(self) -> bytes:
        """What closes the archive (§4.3.14 to §4.3.16)."""
        count, length, at = len(self._members), self._directory_length, self._directory_at
        parts = []
        if self._needs_end_64():
            parts.append(
                _END_64.pack(
                    b"PK\6\6", _END_64.size - 12, _MADE_BY, _ZIP64, 0, 0, count, count, length, at
                )
            )
            parts.append(_LOCATOR.pack(b"PK\6\7", 0, at + length, 1))
        shown = min(count, _LIMIT_16)
        lengths = min(length, _LIMIT_32), min(at, _LIMIT_32)
        parts.append(_END.pack(b"PK\5\6", 0, 0, shown, shown, *lengths, 0))
        return b"".join(parts)

    def _header_length(self, index: int) -> int:
        is_long = self._members[index].size >= _LIMIT_32
        more = _LOCAL_SIZES.size if is_long else 0
        return _LOCAL.size + len(self._names[index]) + more + _TIME.size

    def _record_length(self, index: int) -> int:
        long_values = 2 * (self._members[index].size >= _LIMIT_32)
        long_values += self._offsets[index] >= _LIMIT_32
        more = 4 + 8 * long_values if long_values else 0
        return _CENTRAL.size + len(self._names[index]) + more + _TIME.size

    def _needs_end_64(self) -> bool:
        values = self._directory_length, self._directory_at
        return len(self._members) >= _LIMIT_16 or max(values) >= _LIMIT_32


def _time_extra(moment: datetime) -> bytes:
    """The moment in UTC (extra field 0x5455): what is in the headers has no zone."""
    seconds = int(moment.timestamp())
    seconds = max(-_SECOND_31, min(seconds, _SECOND_31 - 1))
    return _TIME.pack(0x5455, 5, 1, seconds)


def _dos_time(moment: datetime) -> tuple[int, int]:
    """Time and date of MS-DOS (§4.4.6): two seconds fine, from 1980 to 2107."""
    utc = moment.astimezone(UTC)
    if utc.year < _FIRST_YEAR:
        utc = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    elif utc.year > _LAST_YEAR:
        utc = datetime(_LAST_YEAR, 12, 31, 23, 59, 58, tzinfo=UTC)
    clock = utc.hour << 11 | utc.minute << 5 | utc.second // 2
    return clock, (utc.year - _FIRST_YEAR) << 9 | utc.month << 5 | utc.day

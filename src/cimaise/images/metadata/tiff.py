"""The directories of EXIF: TIFF 6.0 §2, Exif 2.32 §4.6. Offsets count from the byte-order mark.

What is broken is passed over: a directory that lies outside, a value of another kind. Nothing here
follows a loop, for only the pointers of fixed tags are followed, each once.
"""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, NamedTuple

ORIENTATION: Final = 0x0112
DATE_TIME: Final = 0x0132
EXIF_IFD: Final = 0x8769
GPS_IFD: Final = 0x8825
DATE_TIME_ORIGINAL: Final = 0x9003
OFFSET_TIME_ORIGINAL: Final = 0x9011
_HEADER_BYTES: Final = 8
_ENTRY_BYTES: Final = 12
_INLINE_BYTES: Final = 4
_KIND_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_SHORT, _LONG, _RATIONAL = 3, 4, 5
_MOST_ENTRIES: Final = 1000
_DATE_CHARS: Final = 19
_ZONE_CHARS: Final = 6
_MOST_ORIENTATION: Final = 8
_DEGREES: Final = 180.0


class Entry(NamedTuple):
    """One entry of a directory.

    Attributes:
        tag: What it is.
        kind: TIFF's number of its type.
        values: How many.
        at: Where the values begin.
        size: Bytes of the values.
        place: Where the entry itself lies, 12 bytes.
    """

    tag: int
    kind: int
    values: int
    at: int
    size: int
    place: int


class ExifFacts(NamedTuple):
    """What an index wants of EXIF. Degrees are signed, north and east positive."""

    orientation: int = 1
    taken_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None


class Tiff:
    """The bytes of an EXIF block. ``ValueError`` where they do not begin like one."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.order = {b"II*\0": "<", b"MM\0*": ">"}.get(body[:4], "")
        if not self.order or len(body) < _HEADER_BYTES:
            raise ValueError("no TIFF header")
        self.first: int = struct.unpack_from(f"{self.order}I", body, 4)[0]

    def entries(self, offset: int) -> Iterator[Entry]:
        """The entries of the directory at ``offset`` whose values lie inside of the block."""
        end = len(self.body)
        if not _HEADER_BYTES <= offset <= end - 2:
            return
        (count,) = struct.unpack_from(f"{self.order}H", self.body, offset)
        count = min(count, _MOST_ENTRIES, (end - offset - 2) // _ENTRY_BYTES)
        table = self.body[offset + 2 : offset + 2 + count * _ENTRY_BYTES]
        place = offset + 2
        for tag, kind, values, at in struct.iter_unpack(f"{self.order}HHII", table):
            size = _KIND_BYTES.get(kind, 0) * values
            at = place + 8 if size <= _INLINE_BYTES else at  # noqa: PLW2901
            if size and at + size <= end:
                yield Entry(tag, kind, values, at, size, place)
            place += _ENTRY_BYTES

    def number(self, entry: Entry) -> int | None:
        """The first value of an entry of whole numbers."""
        if entry.kind == _SHORT:
            return int(struct.unpack_from(f"{self.order}H", self.body, entry.at)[0])
        if entry.kind == _LONG:
            return int(struct.unpack_from(f"{self.order}I", self.body, entry.at)[0])
        return None

    def text(self, entry: Entry) -> str:
        """The value of an entry of characters, up to its NUL."""
        raw = self.body[entry.at : entry.at + entry.size]
        return raw.partition(b"\0")[0].decode("latin-1").strip()

    def degrees(self, entry: Entry) -> float | None:
        """Degrees, minutes and seconds as one number."""
        if entry.kind != _RATIONAL or entry.values != 3:  # noqa: PLR2004
            return None
        parts = struct.unpack_from(f"{self.order}6I", self.body, entry.at)
        if not (parts[1] and parts[3] and parts[5]):
            return None
        found: float = parts[0] / parts[1] + parts[2] / parts[3] / 60 + parts[4] / parts[5] / 3600
        return round(found, 7)


def read_exif(body: bytes) -> ExifFacts:
    """The facts of an EXIF block; what is absent or broken is left out, never an error."""
    try:
        tiff = Tiff(body)
        first = {entry.tag: entry for entry in tiff.entries(tiff.first)}
        exif = _pointed(tiff, first.get(EXIF_IFD))
        latitude, longitude = _place(tiff, _pointed(tiff, first.get(GPS_IFD)))
        return ExifFacts(
            _orientation(tiff, first.get(ORIENTATION)),
            _taken_at(tiff, first, exif),
            latitude,
            longitude,
        )
    except (ValueError, struct.error):
        return ExifFacts()


def _pointed(tiff: Tiff, pointer: Entry | None) -> dict[int, Entry]:
    offset = tiff.number(pointer) if pointer else None
    return {entry.tag: entry for entry in tiff.entries(offset)} if offset else {}


def _orientation(tiff: Tiff, entry: Entry | None) -> int:
    found = tiff.number(entry) if entry else None
    return found if found and 1 <= found <= _MOST_ORIENTATION else 1


def _taken_at(tiff: Tiff, first: dict[int, Entry], exif: dict[int, Entry]) -> datetime | None:
    entry = exif.get(DATE_TIME_ORIGINAL)
    text = tiff.text(entry) if entry else ""
    if not text and (entry := first.get(DATE_TIME)):
        text = tiff.text(entry)
    zone = exif.get(OFFSET_TIME_ORIGINAL)
    return parse_exif_time(text, tiff.text(zone) if zone else "")


def parse_exif_time(text: str, zone: str) -> datetime | None:
    """``2024:05:06 07:08:09`` with ``+02:00`` beside it; UTC where the camera tells no zone."""
    if len(text) != _DATE_CHARS or text[4] != ":" or text[10] != " ":
        return None
    try:
        year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
        hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
        moment = datetime(year, month, day, hour, minute, second, tzinfo=_zone(zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: str) -> timezone:
    if len(text) == _ZONE_CHARS and text[0] in "+-" and text[3] == ":":
        try:
            away = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
            return timezone(-away if text[0] == "-" else away)
        except ValueError:
            return UTC
    return UTC


def _place(tiff: Tiff, gps: dict[int, Entry]) -> tuple[float | None, float | None]:
    found = [
        _signed(tiff, gps.get(value), gps.get(side), negative)
        for value, side, negative in ((2, 1, "S"), (4, 3, "W"))
    ]
    if found[0] is None or found[1] is None or abs(found[0]) > _DEGREES / 2:
        return None, None
    return (found[0], found[1]) if abs(found[1]) <= _DEGREES else (None, None)


def _signed(tiff: Tiff, value: Entry | None, side: Entry | None, negative: str) -> float | None:
    found = tiff.degrees(value) if value else None
    is_negative = side is not None and tiff.text(side).upper() == negative
    return -found if found is not None and is_negative else found

"""Places, serial numbers and names taken out of a file as it is: no pixel is decoded or moved.

Every change replaces bytes by as many others, so lengths, ranges and offsets stay as they were.
What goes: the place (GPS), serial numbers of camera and lens, the owner's name, the picture's
unique number, and the maker's notes, where cameras keep all of these once more. XMP that speaks of
any of them goes whole. Metadata that cannot be understood go whole too.

JPEG (with the further pictures that a Multi-Picture file holds), PNG and WebP are understood.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cimaise.images.metadata import jpeg, png, webp
from cimaise.images.metadata.jpeg import Reads
from cimaise.images.metadata.tiff import EXIF_IFD, GPS_IFD, Tiff

_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_MORE_XMP: Final = b"http://ns.adobe.com/xmp/extension/\0"
_TELLING: Final = re.compile(rb"GPS|Serial|OwnerName|UniqueID|MakerNote", re.IGNORECASE)
_PRIVATE_TAGS: Final = frozenset(
    {
        GPS_IFD,
        0x02BC,  # XMP
        0x927C,  # MakerNote
        0xA420,  # ImageUniqueID
        0xA430,  # CameraOwnerName
        0xA431,  # BodySerialNumber
        0xA435,  # LensSerialNumber
        0xC62F,  # CameraSerialNumber
        0xC634,  # DNGPrivateData
    }
)
_ENTRY_BYTES: Final = 12
_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_DIRECTORIES: Final = 100  # cameras write five
_MOST_REWRITTEN: Final = 2  # times the block's length: some writers let entries share their values
_MULTI_PICTURE: Final = b"MPF\0"
_MP_ENTRY: Final = 0xB002
_MP_ENTRY_BYTES: Final = 16
_MOST_PICTURES: Final = 64
_VOID: Final = b"voId"  # a private, ancillary chunk: every reader passes over it
_PROFILES: Final = (b"XML:com.adobe.xmp\0", b"Raw profile type ")


class CannotClean(ValueError):
    """The file is of a kind, or in a state, in which private things could be overlooked."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Bytes that take the place of as many others from ``start`` on."""

    start: int
    body: bytes

    @property
    def stop(self) -> int:
        """Behind its last byte."""
        return self.start + len(self.body)


def find_patches(source: Reads) -> tuple[Patch, ...]:
    """What has to be replaced in a file, in the order of its bytes. Blocks.

    Raises:
        CannotClean: See there.
    """
    try:
        found = list(_patches(source))
    except (ValueError, struct.error) as fault:
        raise CannotClean("a file that cannot be read to its end, or is not understood") from fault
    return tuple(sorted(found, key=lambda patch: patch.start))


def _patches(source: Reads) -> Iterator[Patch]:
    head = source.get(0, 12)
    if head[:3] == b"\xff\xd8\xff":
        return _of_jpeg(source)
    if head[:8] == png.SIGNATURE:
        return _of_png(source)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return _of_webp(source)
    raise CannotClean("a format whose metadata are not understood")


def apply_patches(chunk: bytes, at: int, patches: Sequence[Patch]) -> bytes:
    """The bytes of a file from ``at`` on, with what has to be replaced in them replaced."""
    touching = [one for one in patches if one.start < at + len(chunk) and one.stop > at]
    if not touching:
        return chunk
    changed = bytearray(chunk)
    for one in touching:
        start, stop = max(one.start, at), min(one.stop, at + len(chunk))
        changed[start - at : stop - at] = one.body[start - one.start : stop - one.start]
    return bytes(changed)


def clean_exif(block: bytes) -> bytes:
    """An EXIF block of the same length without private things; zeros if it is not understood.

    Where directories and values lie over each other, what was overwritten can be read anew, as
    something else. So it is looked at twice, and the second look has to find nothing.
    """
    try:
        cleaned = _Directories(block).cleaned()
        is_clean = _Directories(cleaned).cleaned() == cleaned
    except (ValueError, struct.error):
        is_clean = False
    return cleaned if is_clean else bytes(len(block))


class _Directories:
    """The directories of one EXIF block, as they are rewritten in place."""

    def __init__(self, block: bytes) -> None:
        self._tiff = Tiff(block)
        self._body = bytearray(block)
        self._seen: set[int] = set()
        self._left_bytes = _MOST_REWRITTEN * len(block)

    def cleaned(self) -> bytes:
        self._clean(self._tiff.first)
        return bytes(self._body)

    def _clean(self, offset: int) -> None:
        """Leave out the private entries of a directory; go on to its subordinates and the next."""
        if offset == 0:
            return
        entries, following = self._table(offset)
        kept = []
        for raw in entries:
            tag, _, _, value = self._unpacked(raw)
            if tag in _PRIVATE_TAGS:
                self._wipe(raw)
            else:
                kept.append(raw)
                if tag == EXIF_IFD:
                    self._clean(value)
        table = struct.pack(f"{self._tiff.order}H", len(kept)) + b"".join(kept)
        self._write(offset, 2 + len(entries) * _ENTRY_BYTES + 4, table + following)
        self._clean(int.from_bytes(following, "little" if self._tiff.order == "<" else "big"))

    def _table(self, offset: int) -> tuple[list[bytes], bytes]:
        if offset in self._seen or len(self._seen) >= _MOST_DIRECTORIES:
            raise ValueError("a directory twice, or too many")
        self._seen.add(offset)
        (count,) = struct.unpack_from(f"{self._tiff.order}H", self._body, offset)
        start, stop = offset + 2, offset + 2 + count * _ENTRY_BYTES
        if stop > len(self._body):
            raise ValueError("a directory over the end")
        table = bytes(self._body[start:stop])
        following = bytes(self._body[stop : stop + 4]).ljust(4, b"\0")
        return [table[at : at + _ENTRY_BYTES] for at in range(0, len(table), _ENTRY_BYTES)], following  # fmt: skip

    def _unpacked(self, raw: bytes) -> tuple[int, int, int, int]:
        tag, kind, count, value = struct.unpack(f"{self._tiff.order}HHII", raw)
        return tag, kind, count, value

    def _wipe(self, raw: bytes) -> None:
        """Overwrite the values of an entry; of a directory all of it."""
        tag, _, _, value = self._unpacked(raw)
        if tag == GPS_IFD:
            entries, _ = self._table(value)
            for inner in entries:
                self._wipe_values(inner)
            self._write(value, 2 + len(entries) * _ENTRY_BYTES + 4, b"")
        else:
            self._wipe_values(raw)

    def _wipe_values(self, raw: bytes) -> None:
        _, kind, count, value = self._unpacked(raw)
        size = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}.get(
            kind, 0
        ) * count
        if size > 4:  # noqa: PLR2004 (else they lie in the entry itself)
            self._write(value, size, b"")

    def _write(self, start: int, size: int, body: bytes) -> None:
        stop = min(start + size, len(self._body))
        self._left_bytes -= max(stop - start, 0)
        if self._left_bytes < 0:
            raise ValueError("values that lie over each other")
        self._body[start:stop] = body[: stop - start].ljust(stop - start, b"\0")


def _of_jpeg(source: Reads) -> Iterator[Patch]:
    further: list[int] = []
    yield from _of_one_jpeg(source, 0, further)
    for at in further[:_MOST_PICTURES]:
        yield from _of_one_jpeg(source, at, [])


def _of_one_jpeg(source: Reads, at: int, further: list[int]) -> Iterator[Patch]:
    for segment in jpeg.segments(source, at):
        if segment.marker == jpeg.APP1:
            body = source.get(segment.start, segment.stop - segment.start)
            yield from _changed(segment.start, body, _clean_app1(body))
        elif segment.marker == jpeg.APP2:
            body = source.get(segment.start, segment.stop - segment.start)
            if body.startswith(_MULTI_PICTURE):
                start = segment.start + len(_MULTI_PICTURE)
                further += [start + one for one in _further_pictures(body[len(_MULTI_PICTURE) :])]


def _clean_app1(body: bytes) -> bytes:
    if body.startswith(jpeg.EXIF):
        return jpeg.EXIF + clean_exif(body[len(jpeg.EXIF) :])
    if body.startswith(_MORE_XMP):
        return _MORE_XMP + b" " * (len(body) - len(_MORE_XMP))
    if body.startswith(_XMP):
        return _XMP + _clean_xmp(body[len(_XMP) :])
    return body


def _clean_xmp(packet: bytes) -> bytes:
    """Whole or nothing; a packet that is no plain UTF-8 goes too, for it cannot be searched."""
    if _TELLING.search(packet) or b"\0" in packet:
        return b" " * len(packet)
    return packet


def _further_pictures(block: bytes) -> list[int]:
    """Where the other pictures of a Multi-Picture file begin (CIPA DC-007 §5.2.3.3)."""
    tiff = Tiff(block)
    found: list[int] = []
    for entry in tiff.entries(tiff.first):
        if entry.tag == _MP_ENTRY:
            for at in range(entry.at, entry.at + entry.size - _MP_ENTRY_BYTES + 1, _MP_ENTRY_BYTES):
                (offset,) = struct.unpack_from(f"{tiff.order}I", block, at + 8)
                found += [offset] if offset else []
    return found


def _of_png(source: Reads) -> Iterator[Patch]:
    for chunk in png.chunks(source):
        size = chunk.stop - chunk.start
        if chunk.kind == b"eXIf":
            body = _short(source, chunk)
            cleaned = clean_exif(body)
            crc = zlib.crc32(b"eXIf" + cleaned).to_bytes(4, "big")
            if cleaned != body:
                yield Patch(chunk.start, cleaned + crc)
        elif chunk.kind in (b"iTXt", b"tEXt", b"zTXt"):
            head = source.get(chunk.start, min(size, 40))
            if head.startswith(_PROFILES):
                _short(source, chunk)
                crc = zlib.crc32(_VOID + bytes(size)).to_bytes(4, "big")
                yield Patch(chunk.start - 4, _VOID + bytes(size) + crc)


def _of_webp(source: Reads) -> Iterator[Patch]:
    for chunk in webp.chunks(source):
        if chunk.kind == b"EXIF":
            body = _short(source, chunk)
            prefix = jpeg.EXIF if body.startswith(jpeg.EXIF) else b""
            yield from _changed(chunk.start, body, prefix + clean_exif(body[len(prefix) :]))
        elif chunk.kind == b"XMP ":
            body = _short(source, chunk)
            yield from _changed(chunk.start, body, _clean_xmp(body))


def _short(source: Reads, chunk: png.Chunk) -> bytes:
    if chunk.stop - chunk.start > _MOST_BYTES:
        raise CannotClean("metadata that are too long")
    return source.get(chunk.start, chunk.stop - chunk.start)


def _changed(start: int, before: bytes, after: bytes) -> Iterator[Patch]:
    if before != after:
        yield Patch(start, after)

"""Video: MP4 and QuickTime by brand, Matroska by DocType, streams by their packets."""

from typing import Final

from cimaise.uploads.signatures.base import Head, Signature, begins, number
from cimaise.uploads.signatures.boxes import Brands, brands, is_box
from cimaise.uploads.signatures.riff import is_riff

_MP4: Final = (
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41",
    b"mp42", b"avc1", b"dash", b"mmp4", b"MSNV", b"hvc1", b"av01", b"cmfc", b"cmf2", b"F4V ",
    b"f4v ", b"XAVC", b"NDSC", b"NDSH", b"ndsc", b"msdh", b"msix", b"mp71",
)  # fmt: skip
_QUICKTIME_FIRST: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_EBML: Final = b"\x1a\x45\xdf\xa3"
_DOC_TYPE: Final = 0x4282
_OGG_VIDEO: Final = (b"\x80theora", b"\x01video\0\0\0", b"BBCD\0", b"fishead\0")
_OGG_PAGE_BYTES: Final = 27
_TS_PACKET: Final = 188
_M2TS_PACKET: Final = 192
_TS_PACKETS: Final = 5
_TS_LEAST: Final = 3
_PS_MARK: Final = b"\0\0\1\xba"
_ASF: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


def _has_brand(head: Head, *wanted: bytes) -> bool:
    found = brands(head)
    return found is not None and found.major.startswith(wanted)


def _is_mp4(head: Head) -> bool:
    found = brands(head)
    return found is not None and bool({found.major, *found.compatible} & set(_MP4))


def _is_quicktime(head: Head) -> bool:
    """A brand, or (older than brands) atoms one after another that QuickTime begins with."""
    found: Brands | None = brands(head)
    if found is not None:
        return found.major == b"qt  "
    data = head.data
    size, name = number(data, 0, 4, "big"), data[4:8]
    if name not in _QUICKTIME_FIRST or not 8 <= size <= head.size:  # noqa: PLR2004
        return False
    if size + 8 > len(data):
        return name in {b"moov", b"mdat"}
    return is_box(head, size)


def _doc_type(head: Head) -> bytes:
    """The DocType in the EBML header (RFC 8794 §11.2.4); empty where there is none."""
    data = head.data
    if not data.startswith(_EBML):
        return b""
    size, at = _ebml_number(data, 4)
    stop = min(at + size, len(data)) if size >= 0 else at
    while at < stop:
        name_bytes = _ebml_width(data[at])
        name = number(data, at, name_bytes, "big") if name_bytes else -1
        length, start = _ebml_number(data, at + name_bytes)
        if name < 0 or length < 0 or start + length > stop:
            return b""
        if name == _DOC_TYPE:
            return data[start : start + length].rstrip(b"\0")
        at = start + length
    return b""


def _ebml_width(first: int) -> int:
    return 9 - first.bit_length() if first else 0


def _ebml_number(data: bytes, at: int) -> tuple[int, int]:
    """A number whose first bit set says its width, and where it ends; -1 where it does not."""
    width = _ebml_width(data[at]) if at < len(data) else 0
    value = number(data, at, width, "big") if width else -1
    return (-1, at) if value < 0 else (value & ~(1 << 7 * width), at + width)


def _is_webm(head: Head) -> bool:
    return _doc_type(head) == b"webm"


def _is_matroska(head: Head) -> bool:
    return _doc_type(head) == b"matroska"


def _is_avi(head: Head) -> bool:
    data = head.data
    return is_riff(head, b"AVI ") and data[12:16] == b"LIST" and data[20:24] == b"hdrl"


def _is_transport_stream(head: Head) -> bool:
    """ISO/IEC 13818-1 §2.4.3.2, with or without Blu-ray's four bytes of time before a packet."""
    return _is_packets(head, 0, _TS_PACKET) or _is_packets(head, 4, _M2TS_PACKET)


def _is_packets(head: Head, first: int, step: int) -> bool:
    data = head.data
    starts = [
        at for at in range(first, first + step * _TS_PACKETS, step) if at + _TS_PACKET <= len(data)
    ]
    if len(starts) < _TS_LEAST or any(data[at] != 0x47 for at in starts):  # noqa: PLR2004
        return False
    # Neither damaged nor scrambled, and with a payload or an adaptation field: text has neither.
    return all(not data[at + 1] & 0x80 and 0x10 <= data[at + 3] <= 0x3F for at in starts)  # noqa: PLR2004


def _is_program_stream(head: Head) -> bool:
    """A pack header of MPEG-2 (bits 01) or MPEG-1 (bits 0010), with its marker bits."""
    if not head.data.startswith(_PS_MARK) or len(head.data) < 12:  # noqa: PLR2004
        return False
    first = head.data[4]
    return first & 0xC4 == 0x44 or first & 0xF1 == 0x21  # noqa: PLR2004


def ogg_codec(head: Head) -> bytes | None:
    """The beginning of an Ogg file's first packet (RFC 3533 §6); ``None`` for other files."""
    data = head.data
    if data[:6] != b"OggS\0\x02" or len(data) < _OGG_PAGE_BYTES or not data[26]:
        return None
    start = _OGG_PAGE_BYTES + data[26]
    return data[start : start + 16]


def _is_ogg_video(head: Head) -> bool:
    return (ogg_codec(head) or b"").startswith(_OGG_VIDEO)


WEBM: Final = Signature("video/webm", (".webm",), _is_webm)
MATROSKA: Final = Signature("video/x-matroska", (".mkv", ".mk3d"), _is_matroska)
THREE_GP: Final = Signature("video/3gpp", (".3gp", ".3gpp"), lambda head: _has_brand(head, b"3g"))
M4V: Final = Signature("video/x-m4v", (".m4v",), lambda head: _has_brand(head, b"M4V"))
QUICKTIME: Final = Signature("video/quicktime", (".mov", ".qt"), _is_quicktime)
MP4: Final = Signature("video/mp4", (".mp4", ".mpg4", ".f4v"), _is_mp4)
AVI: Final = Signature("video/x-msvideo", (".avi",), _is_avi)
ASF: Final = Signature("video/x-ms-asf", (".wmv", ".asf", ".wma"), begins(_ASF))
OGG_VIDEO: Final = Signature("video/ogg", (".ogv",), _is_ogg_video)
PROGRAM_STREAM: Final = Signature("video/mpeg", (".mpg", ".mpeg", ".vob"), _is_program_stream)
TRANSPORT_STREAM: Final = Signature("video/mp2t", (".ts", ".m2ts", ".mts"), _is_transport_stream)

"""Archives and compressed streams: whole magics, and the checksums of their first headers."""

import zlib
from typing import Final

from cimaise.uploads.signatures.base import Head, Signature, number
from cimaise.uploads.signatures.zipped import is_zip

_SEVEN_ZIP: Final = b"7z\xbc\xaf\x27\x1c"
_SEVEN_ZIP_HEADER_BYTES: Final = 32
_RAR4: Final = b"Rar!\x1a\x07\x00"
_RAR4_MAIN: Final = 0x73
_RAR4_COMMENT_FLAG: Final = 0x0002
_RAR5: Final = b"Rar!\x1a\x07\x01\x00"
_RAR5_FIRST_HEADERS: Final = frozenset({1, 4})  # main, or encryption
_RAR5_MAX_HEADER_BYTES: Final = 2**21
_TAR_BLOCK: Final = 512
_TAR_TYPES: Final = b"\x0001234567ABDEGKLMNPSVXgx"
_ZST_SKIPPABLE: Final = range(0x184D2A50, 0x184D2A60)
_ZST: Final = b"\x28\xb5\x2f\xfd"


def _is_seven_zip(head: Head) -> bool:
    """The start header has its own CRC and says where the file's end header is."""
    data = head.data
    if not data.startswith(_SEVEN_ZIP) or len(data) < _SEVEN_ZIP_HEADER_BYTES:
        return False
    if zlib.crc32(data[12:32]) != number(data, 8, 4, "little"):
        return False
    offset, length = number(data, 12, 8, "little"), number(data, 20, 8, "little")
    return _SEVEN_ZIP_HEADER_BYTES + offset + length <= head.size


def _is_rar4(head: Head) -> bool:
    """The archive header follows the magic; its CRC covers it from its type on."""
    data = head.data
    if not data.startswith(_RAR4) or number(data, 9, 1, "little") != _RAR4_MAIN:
        return False
    flags, length = number(data, 10, 2, "little"), number(data, 12, 2, "little")
    if length < 13 or 7 + length > len(data):  # noqa: PLR2004
        return False
    covered = 13 if flags & _RAR4_COMMENT_FLAG else length  # an old comment block is left out
    return zlib.crc32(data[9 : 7 + covered]) & 0xFFFF == number(data, 7, 2, "little")


def _is_rar5(head: Head) -> bool:
    """CRC32, then a header whose size and type are variable-length numbers."""
    data = head.data
    if not data.startswith(_RAR5):
        return False
    length, start = _variable(data, 12)
    kind, _ = _variable(data, start)
    if kind not in _RAR5_FIRST_HEADERS or not 1 <= length <= _RAR5_MAX_HEADER_BYTES:
        return False
    stop = start + length
    return stop <= len(data) and zlib.crc32(data[12:stop]) == number(data, 8, 4, "little")


def _variable(data: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, lowest first, and where it ends; -1 where it does not."""
    value = 0
    for place, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004
            return value, at + place + 1
    return -1, at


def _is_tar(head: Head) -> bool:
    """POSIX.1 pax: the header's sum of bytes, its own field counted as blanks."""
    block = head.data[:_TAR_BLOCK]
    if len(block) < _TAR_BLOCK or not block[0] or block[156] not in _TAR_TYPES:
        return False
    field = block[148:156].strip(b" \0")
    if not field or not all(0x30 <= byte <= 0x37 for byte in field):  # noqa: PLR2004
        return False
    return int(field, 8) == sum(block) - sum(block[148:156]) + 8 * 0x20


def _is_gzip(head: Head) -> bool:
    """RFC 1952 §2.3: deflate, no reserved flag, and the stream begins to unpack."""
    if head.data[:3] != b"\x1f\x8b\x08" or number(head.data, 3, 1, "big") & 0xE0:
        return False
    unpacking = zlib.decompressobj(wbits=31)
    try:
        unpacking.decompress(head.data, 1)
    except zlib.error:
        return False
    return not head.is_whole or unpacking.eof or bool(unpacking.unconsumed_tail)


def _is_bzip2(head: Head) -> bool:
    """A block size, then the first block's mark or, in an empty file, the end's."""
    data = head.data
    if data[:3] != b"BZh" or not data[3:4].isdigit() or data[3:4] == b"0":
        return False
    if data[4:10] == b"\x17\x72\x45\x38\x50\x90":
        return True
    return data[4:10] == b"\x31\x41\x59\x26\x53\x59"


def _is_xz(head: Head) -> bool:
    """The stream flags have their own CRC (.xz format §2.1.1)."""
    data = head.data
    if not data.startswith(b"\xfd7zXZ\0"):
        return False
    return zlib.crc32(data[6:8]) == number(data, 8, 4, "little")


def _is_zstandard(head: Head) -> bool:
    """RFC 8878 §3.1.1: the frame header's reserved bit is 0; a skippable frame may be first."""
    data = head.data
    magic, length = number(data, 0, 4, "little"), number(data, 4, 4, "little")
    if magic in _ZST_SKIPPABLE:
        following = data[8 + length : 12 + length]
        return following == _ZST if following else 8 + length < head.size
    return data.startswith(_ZST) and len(data) > 4 and not data[4] & 0x08  # noqa: PLR2004


ZIP: Final = Signature("application/zip", (".zip", ".cbz", ".kmz"), is_zip)
SEVEN_ZIP: Final = Signature("application/x-7z-compressed", (".7z", ".cb7"), _is_seven_zip)
RAR5: Final = Signature("application/vnd.rar", (".rar", ".cbr"), _is_rar5)
RAR4: Final = Signature("application/vnd.rar", (".rar", ".cbr"), _is_rar4)
GZIP: Final = Signature("application/gzip", (".gz", ".tgz"), _is_gzip)
BZIP2: Final = Signature("application/x-bzip2", (".bz2", ".tbz2", ".tbz"), _is_bzip2)
XZ: Final = Signature("application/x-xz", (".xz", ".txz"), _is_xz)
ZSTANDARD: Final = Signature("application/zstd", (".zst", ".tzst"), _is_zstandard)
TAR: Final = Signature("application/x-tar", (".tar",), _is_tar)

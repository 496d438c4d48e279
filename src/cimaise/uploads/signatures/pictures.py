"""Pictures. A magic number alone is never enough: what has to follow it is looked at too."""

import zlib
from typing import Final

from cimaise.uploads.signatures.base import Head, Signature, number
from cimaise.uploads.signatures.boxes import brands
from cimaise.uploads.signatures.markup import SVG, markup_type
from cimaise.uploads.signatures.riff import is_riff

_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SEGMENTS: Final = frozenset(range(0xC0, 0xFF)) - frozenset(range(0xD0, 0xDA))
_JPEG_SCAN: Final = 0xDA
_PNG_DEPTHS: Final = {
    0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16),
}  # fmt: skip
_PNG_LEAST_BYTES: Final = 33
_PNG_MAX_SIDE: Final = 2**31 - 1
_GIF_SEPARATORS: Final = {"image": 0x2C, "extension": 0x21}
_GIF_EXTENSIONS: Final = frozenset({0x01, 0xF9, 0xFE, 0xFF})
_GIF_CODE_SIZES: Final = range(1, 12)
_BMP_HEADERS: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_BMP_OLD_HEADER: Final = 12
_BMP_DEPTHS: Final = frozenset({0, 1, 2, 4, 8, 16, 24, 32})
_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF: Final = frozenset({b"mif1", b"msf1", b"mif2", b"miaf"})
_AVIF: Final = frozenset({b"avif", b"avis"})
_JP2_BOX: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
_JXL_BOX: Final = b"\0\0\0\x0cJXL \r\n\x87\n"
_ICO_ENTRY_BYTES: Final = 16
_PSD_DEPTHS: Final = frozenset({1, 8, 16, 32})
_PSD_MODES: Final = frozenset({0, 1, 2, 3, 4, 7, 8, 9})


def _is_jpeg(head: Head) -> bool:
    """ITU-T T.81 annex B: segments follow one another up to a frame header."""
    data, at = head.data, 2
    if not data.startswith(b"\xff\xd8\xff"):
        return False
    while at + 4 <= len(data):
        if data[at] != 0xFF:  # noqa: PLR2004
            return False
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004
            at += 1  # fill byte
            continue
        length = number(data, at + 2, 2, "big")
        if marker not in _JPEG_SEGMENTS or marker == _JPEG_SCAN or length < 2:  # noqa: PLR2004
            return False
        if marker in _JPEG_FRAMES:
            return at + 2 + length <= head.size
        at += 2 + length
    return at + 4 <= head.size  # the frame header lies behind large metadata


def _is_png(head: Head) -> bool:
    """PNG §11.2.1: IHDR comes first, with values that belong together and its own CRC."""
    data = head.data
    if not data.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") or len(data) < _PNG_LEAST_BYTES:
        return False
    if zlib.crc32(data[12:29]) != number(data, 29, 4, "big"):
        return False
    sides = (number(data, 16, 4, "big"), number(data, 20, 4, "big"))
    is_sized = all(0 < side <= _PNG_MAX_SIDE for side in sides)
    return is_sized and data[24] in _PNG_DEPTHS.get(data[25], ())


def _is_gif(head: Head) -> bool:
    """GIF89a §18 to §24: a screen, its colours, then a block that text cannot imitate."""
    data = head.data
    if not data.startswith((b"GIF87a", b"GIF89a")) or len(data) <= 13:  # noqa: PLR2004
        return False
    at = 13 + _gif_colours(data[10])
    kind, label = number(data, at, 1, "big"), number(data, at + 1, 1, "big")
    if kind == _GIF_SEPARATORS["extension"]:
        return label in _GIF_EXTENSIONS
    if kind != _GIF_SEPARATORS["image"]:
        return False
    code_at = at + 10 + _gif_colours(max(0, number(data, at + 9, 1, "big")))
    return number(data, code_at, 1, "big") in _GIF_CODE_SIZES


def _gif_colours(packed: int) -> int:
    return 3 * 2 ** ((packed & 7) + 1) if packed & 0x80 else 0


def _is_webp(head: Head) -> bool:
    """RFC 9649 §2.4 to §2.7: the whole RIFF is there, and its first chunk is one of three."""
    data = head.data
    if not is_riff(head, b"WEBP", whole=True):
        return False
    kind, length = data[12:16], number(data, 16, 4, "little")
    if kind == b"VP8 ":
        return data[23:26] == b"\x9d\x01\x2a"
    if kind == b"VP8L":
        return data[20:21] == b"\x2f"
    return kind == b"VP8X" and length == 10  # noqa: PLR2004


def _is_bmp(head: Head) -> bool:
    """The sizes in both headers agree with the file's."""
    data = head.data
    header, pixels = number(data, 14, 4, "little"), number(data, 10, 4, "little")
    if not data.startswith(b"BM") or header not in _BMP_HEADERS:
        return False
    planes_at = 22 if header == _BMP_OLD_HEADER else 26
    planes = number(data, planes_at, 2, "little")
    depth = number(data, planes_at + 2, 2, "little")
    return 14 + header <= pixels < head.size and planes == 1 and depth in _BMP_DEPTHS


def _is_avif(head: Head) -> bool:
    found = brands(head)
    if found is None:
        return False
    return found.major in _AVIF or (found.major in _HEIF and bool(found.compatible & _AVIF))


def _is_heic(head: Head) -> bool:
    found = brands(head)
    if found is None:
        return False
    return found.major in _HEIC or (found.major in _HEIF and bool(found.compatible & _HEIC))


def _is_heif(head: Head) -> bool:
    found = brands(head)
    return found is not None and found.major in _HEIF


def _is_cr3(head: Head) -> bool:
    found = brands(head)
    return found is not None and found.major == b"crx "


def _is_svg(head: Head) -> bool:
    return markup_type(head) == SVG


def _is_jp2(head: Head) -> bool:
    found = brands(head, at=12) if head.data.startswith(_JP2_BOX) else None
    return found is not None and b"jp2 " in found.compatible | {found.major}


def _is_jpx(head: Head) -> bool:
    return head.data.startswith(_JP2_BOX) and brands(head, at=12) is not None


def _is_j2c(head: Head) -> bool:
    """ITU-T T.800 A.5.1: start of codestream, then the image size with its own length."""
    data = head.data
    parts = number(data, 40, 2, "big")
    return data.startswith(b"\xff\x4f\xff\x51") and number(data, 4, 2, "big") == 38 + 3 * parts


def _is_jxl(head: Head) -> bool:
    if head.data.startswith(_JXL_BOX):
        found = brands(head, at=12)
        return found is not None and found.major == b"jxl "
    # A bare codestream has no more than two bytes of magic; text never begins with FF.
    return head.data.startswith(b"\xff\x0a") and b"\0" in head.data[2:64]


def _is_ico(head: Head) -> bool:
    """Every entry's picture lies inside the file, behind the directory."""
    data, count = head.data, number(head.data, 4, 2, "little")
    directory_end = 6 + count * _ICO_ENTRY_BYTES
    if data[:4] != b"\0\0\1\0" or count < 1 or directory_end > len(data):
        return False
    for entry in range(6, directory_end, _ICO_ENTRY_BYTES):
        length = number(data, entry + 8, 4, "little")
        start = number(data, entry + 12, 4, "little")
        if data[entry + 3] or start < directory_end or not length or start + length > head.size:
            return False
    return True


def _is_psd(head: Head) -> bool:
    data = head.data
    if data[:4] != b"8BPS" or number(data, 4, 2, "big") not in {1, 2} or any(data[6:12]):
        return False
    depth, mode = number(data, 22, 2, "big"), number(data, 24, 2, "big")
    return 1 <= number(data, 12, 2, "big") <= 56 and depth in _PSD_DEPTHS and mode in _PSD_MODES  # noqa: PLR2004


JPEG: Final = Signature("image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), _is_jpeg)
PNG: Final = Signature("image/png", (".png", ".apng"), _is_png)
GIF: Final = Signature("image/gif", (".gif",), _is_gif)
WEBP: Final = Signature("image/webp", (".webp",), _is_webp)
AVIF: Final = Signature("image/avif", (".avif", ".avifs"), _is_avif)
HEIC: Final = Signature("image/heic", (".heic", ".heics", ".hif"), _is_heic)
HEIF: Final = Signature("image/heif", (".heif", ".heifs"), _is_heif)
CR3: Final = Signature("image/x-canon-cr3", (".cr3",), _is_cr3)
BMP: Final = Signature("image/bmp", (".bmp", ".dib"), _is_bmp)
SVG_PICTURE: Final = Signature(SVG, (".svg",), _is_svg)
JXL: Final = Signature("image/jxl", (".jxl",), _is_jxl)
ICO: Final = Signature("image/vnd.microsoft.icon", (".ico",), _is_ico)
PSD: Final = Signature("image/vnd.adobe.photoshop", (".psd", ".psb"), _is_psd)
JP2: Final = Signature("image/jp2", (".jp2",), _is_jp2)
JPX: Final = Signature("image/jpx", (".jpx", ".jpf"), _is_jpx)
J2C: Final = Signature("image/j2c", (".j2c", ".j2k", ".jpc"), _is_j2c)

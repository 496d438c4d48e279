"""Picture formats: how their files begin, what their media types are, what they can hold."""

from dataclasses import dataclass
from typing import Final

HEAD_BYTES: Final = 32
"""So many first bytes are enough for :func:`sniff`."""


@dataclass(frozen=True, slots=True)
class Format:
    """A picture format.

    Attributes:
        name: As in the parameter ``format``.
        media_type: For ``Content-Type``.
        is_animated: Can move.
        has_alpha: Can be transparent.
        is_isolated: Decoded in a process of its own only: its decoder cannot be stopped, takes
            much memory, or has a history.
    """

    name: str
    media_type: str
    is_animated: bool = False
    has_alpha: bool = True
    is_isolated: bool = False


FORMATS: Final[dict[str, Format]] = {
    known.name: known
    for known in (
        Format("jpeg", "image/jpeg", has_alpha=False),
        Format("png", "image/png"),
        Format("webp", "image/webp", is_animated=True),
        Format("gif", "image/gif", is_animated=True),
        Format("avif", "image/avif", is_animated=True, is_isolated=True),
        Format("heic", "image/heic", is_isolated=True),
        Format("tiff", "image/tiff", is_isolated=True),
        Format("jp2", "image/jp2", is_isolated=True),
        Format("jxl", "image/jxl", is_isolated=True),
        Format("bmp", "image/bmp", is_isolated=True),
        Format("ico", "image/vnd.microsoft.icon", is_isolated=True),
        Format("svg", "image/svg+xml", is_isolated=True),
    )
}

_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),  # BigTIFF
    (b"MM\x00+", "tiff"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"),
    (b"\xff\x0a", "jxl"),
    (b"\x00\x00\x01\x00", "ico"),
)
_BMP_HEADERS: Final = (12, 40, 52, 56, 64, 108, 124)  # bytes of the second header, by version
_TEXT_BEGINNINGS: Final = (b"<svg", b"<?xml", b"<!--", b"<!doctype svg")
"""Of what may be SVG; whether it is one only a parser can tell."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_AVIF_BRANDS: Final = (b"avif", b"avis")
_HEIF_BRANDS: Final = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_BRAND_BYTES: Final = 4


def sniff(head: bytes) -> Format | None:
    """The format that the first :data:`HEAD_BYTES` bytes of a file speak of."""
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return FORMATS[name]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FORMATS["webp"]
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return FORMATS["bmp"]
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip().lower()
    return FORMATS["svg"] if text.startswith(_TEXT_BEGINNINGS) else None


def _by_brand(head: bytes) -> Format | None:
    """ISO/IEC 14496-12 section 4.3: a major brand, then those it is compatible with."""
    brands = [head[8:12], *(head[at : at + _BRAND_BYTES] for at in range(16, len(head), 4))]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return FORMATS["avif"]
        if brand in _HEIF_BRANDS and brand not in (b"mif1", b"msf1"):
            return FORMATS["heic"]
    return FORMATS["heic"] if brands[0] in _HEIF_BRANDS else None

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
        loader: Loader of libvips, without ``_buffer``.
        is_animated: Can move.
        has_alpha: Can be transparent.
    """

    name: str
    media_type: str
    loader: str
    is_animated: bool = False
    has_alpha: bool = True


FORMATS: Final[dict[str, Format]] = {
    known.name: known
    for known in (
        Format("jpeg", "image/jpeg", "jpegload", has_alpha=False),
        Format("png", "image/png", "pngload"),
        Format("webp", "image/webp", "webpload", is_animated=True),
        Format("gif", "image/gif", "gifload", is_animated=True),
        Format("avif", "image/avif", "heifload"),
        Format("heic", "image/heic", "heifload"),
        Format("tiff", "image/tiff", "tiffload"),
    )
}

_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
)
_AVIF_BRANDS: Final = (b"avif", b"avis")
_HEIF_BRANDS: Final = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def sniff(head: bytes) -> Format | None:
    """The format that the first :data:`HEAD_BYTES` bytes of a file speak of."""
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return FORMATS[name]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FORMATS["webp"]
    if head[4:8] != b"ftyp":
        return None
    if head[8:12] in _AVIF_BRANDS:
        return FORMATS["avif"]
    return FORMATS["heic"] if head[8:12] in _HEIF_BRANDS else None

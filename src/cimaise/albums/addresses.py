"""URLs of albums and their pictures, percent-encoded: RFC 3986 §2.1."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from cimaise.albums.model import Picture, Rendition

THUMB_WIDTH_PX: Final = 500
OFFERED_WIDTHS_PX: Final = (260, 360, THUMB_WIDTH_PX, 700, 960, 1340, 1840, 2560)
"""At most two fifths from one to the next, so that no screen asks for twice the pixels that it
shows; the same for every picture and every page, so that one that is kept serves them all."""
_TALLEST_FACTOR: Final = 4  # a height that nobody asked for ends at so many times the widest
_FILES: Final = "/albums/"
_FILE_SEGMENTS: Final = 2


@dataclass(frozen=True, slots=True)
class VariantSizes:
    """Sizes of the variants that albums offer, in pixels.

    Attributes:
        max_width_px: Widest variant that the server makes.
    """

    max_width_px: int = 2560

    @property
    def thumb_px(self) -> int:
        """Width that small pictures are asked for with."""
        return min(THUMB_WIDTH_PX, self.max_width_px)

    def thumb(self, width_px: int, height_px: int) -> tuple[int, int]:
        """What a small picture will measure: asked for by its width, inside, never enlarged."""
        tallest = self.max_width_px * _TALLEST_FACTOR
        scale = min(self.thumb_px / width_px, tallest / height_px, 1.0)
        return max(1, round(width_px * scale)), max(1, round(height_px * scale))

    def widths(self, width_px: int) -> tuple[int, ...]:
        """Widths to offer, ascending: never above the picture's own, which is one of them."""
        widest = min(width_px, OFFERED_WIDTHS_PX[-1], self.max_width_px)
        return (*OFFERED_WIDTHS_PX[: bisect_left(OFFERED_WIDTHS_PX, widest)], widest)


def gallery_url(album: str) -> str:
    """The page for people."""
    return f"/gallery/{_segment(album)}"


def folder_file_url(album: str, file: str) -> str:
    """A file of a folder album, untouched."""
    return f"{_FILES}{_segment(album)}/{_segment(file)}"


def parse_folder_file_url(path: str) -> tuple[str, str] | None:
    """Album and file of what :func:`folder_file_url` made; ``None`` for any other path.

    ``path`` is still percent-encoded, as in ``/resize?url=`` once the query has been decoded.
    """
    segments = path.removeprefix(_FILES).split("/")
    if not path.startswith(_FILES) or len(segments) != _FILE_SEGMENTS:
        return None
    try:
        album, file = (unquote_to_bytes(segment).decode() for segment in segments)
    except UnicodeDecodeError:
        return None
    return (album, file) if album and file else None


def resized_file_url(album: str, file: str, width_px: int) -> str:
    """A variant of a file of a folder album.

    The file's own URL is a value in a query here, so it is percent-encoded once more.
    """
    return f"{variants_of(folder_file_url(album, file))}{width_px}"


def variants_of(file_url: str) -> str:
    """What the URLs of all variants of a folder's file begin with: only the width is wanting."""
    return f"/resize?url={quote(file_url, safe='/')}&width="


def original_url(file_id: str) -> str:
    """A published file, untouched."""
    return f"/images/{_segment(file_id)}/original"


def variant_url(file_id: str, width_px: int) -> str:
    """A variant of a published picture."""
    return f"/images/{_segment(file_id)}?width={width_px}"


def info_url(picture: Picture) -> str | None:
    """Facts of a picture of ours; ``None`` for one that lies on another server."""
    if picture.source_url is not None:
        return None
    if picture.id is not None:
        return f"/images/{_segment(picture.id)}/info"
    return f"{picture.src}/info" if picture.src.startswith(_FILES) else None


def based(url: str, base: str) -> str:
    """One of our URLs below a base, which has no trailing slash; another server's as it is."""
    return base + url if base and url.startswith("/") else url


def format_srcset(renditions: Iterable[Rendition], base: str = "") -> str:
    """The value of ``srcset``: HTML, "srcset attributes". Commas and spaces are encoded in URLs."""
    return ", ".join([f"{based(one.url, base)} {one.width}w" for one in renditions])


def _segment(name: str) -> str:
    return quote(name, safe="")

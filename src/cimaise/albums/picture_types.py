"""Types of pictures that albums hold, and which of them a browser shows by itself."""

from typing import Final

MEDIA_TYPES: Final = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "avif": "image/avif",
    "heic": "image/heic",
    "heif": "image/heic",
    "hif": "image/heic",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "jp2": "image/jp2",
    "jxl": "image/jxl",
    "bmp": "image/bmp",
    "svg": "image/svg+xml",
}
"""By extension."""

_IN_EVERY_BROWSER: Final = frozenset(
    {"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/bmp"}
)
"""SVG is not among them: strangers' SVG is never sent as what it is."""


def media_type_of(name: str) -> str | None:
    """A picture's type by its extension; ``None`` for what is not called a picture."""
    stem, dot, extension = name.rpartition(".")
    return MEDIA_TYPES.get(extension.lower()) if stem and dot else None


def is_in_every_browser(media_type: str) -> bool:
    """Does the original itself do in a page? Of all others a variant has to be shown."""
    return media_type in _IN_EVERY_BROWSER

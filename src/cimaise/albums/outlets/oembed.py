"""oEmbed 1.0: what a page of another site needs to show one of our albums in itself."""

from html import escape
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from cimaise.albums.model import AlbumPage
from cimaise.albums.outlets.places import Places
from cimaise.albums.outlets.xml import child, document

WIDTH_PX: Final = 800
HEIGHT_PX: Final = 600
_LEAST_PX: Final = 100
_CACHE_S: Final = 3600
_GALLERY: Final = "/gallery/"


def album_of(url: str, base: str) -> str | None:
    """Name of the album whose page ``url`` is; ``None`` for any other address."""
    path = url.removeprefix(base)
    if path == url or not path.startswith(_GALLERY):
        return None
    try:
        name = unquote(urlsplit(path).path.removeprefix(_GALLERY), errors="strict")
    except ValueError:
        return None
    return name if name and "/" not in name else None


def fit(width: int | None, height: int | None) -> tuple[int, int]:
    """Our size, no larger than what is wanted, but never too small to see anything."""
    return (
        max(_LEAST_PX, min(width or WIDTH_PX, WIDTH_PX)),
        max(_LEAST_PX, min(height or HEIGHT_PX, HEIGHT_PX)),
    )


def oembed(album: AlbumPage, places: Places, *, width: int, height: int) -> dict[str, Any]:
    """The answer: type ``rich``, an inline frame of the album's page for embedding."""
    html = (
        f'<iframe src="{escape(places.embed)}" width="{width}" height="{height}"'
        f' title="{escape(album.title)}" loading="lazy" style="border:0"></iframe>'
    )
    answer: dict[str, Any] = {
        "version": "1.0",
        "type": "rich",
        "title": album.title,
        "provider_name": "Cimaise",
        "provider_url": places.base,
        "cache_age": _CACHE_S,
        "html": html,
        "width": width,
        "height": height,
    }
    if album.pictures:
        first = album.pictures[0]
        answer |= {
            "thumbnail_url": places.absolute(first.thumb),
            "thumbnail_width": first.thumb_width,
            "thumbnail_height": first.thumb_height,
        }
    return answer


def oembed_xml(answer: dict[str, Any]) -> bytes:
    """The same answer as XML."""
    root = Element("oembed")
    for name, value in answer.items():
        child(root, name, str(value))
    return document(root)

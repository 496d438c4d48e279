"""Which pages there are, for search engines: sitemaps.org 0.9, and robots.txt (RFC 9309)."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from cimaise.albums.dates import format_moment
from cimaise.albums.model import AlbumSummary
from cimaise.albums.outlets.places import Places
from cimaise.albums.outlets.xml import child, document

_NAMESPACE: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
MOST_ALBUMS: Final = 49_000  # a sitemap ends at 50,000 addresses


def sitemap(albums: Sequence[AlbumSummary], base: str) -> bytes:
    """The page of all albums, and the page of each that is given."""
    root = Element("urlset", {"xmlns": _NAMESPACE})
    child(child(root, "url"), "loc", f"{base}/")
    for album in albums[:MOST_ALBUMS]:
        url = child(root, "url")
        child(url, "loc", Places(base, album.name).gallery)
        child(url, "lastmod", format_moment(album.changed_at))
    return document(root)


def robots(base: str, *, is_indexed: bool) -> str:
    """Albums are open to search engines, or nothing is."""
    if not is_indexed:
        return "User-agent: *\nDisallow: /\n"
    below = urlsplit(base).path
    closed = "".join(
        f"Disallow: {below}{path}\n" for path in ("/s/", "/me", "/login", "/upload", "/admin")
    )
    return f"User-agent: *\n{closed}Allow: /\n\nSitemap: {base}/sitemap.xml\n"

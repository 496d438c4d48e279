"""An album's newest pictures as a feed: RSS 2.0 with Media RSS 1.5, and JSON Feed 1.1."""

from datetime import datetime
from email.utils import format_datetime
from html import escape
from typing import Any, Final
from xml.etree.ElementTree import Element

from cimaise.albums.contract import alt_text
from cimaise.albums.dates import format_moment
from cimaise.albums.model import AlbumPage, Picture
from cimaise.albums.outlets.places import Places
from cimaise.albums.outlets.xml import child, document

FEED_PICTURES: Final = 50
_MEDIA: Final = "http://search.yahoo.com/mrss/"
_ATOM: Final = "http://www.w3.org/2005/Atom"


def rss(album: AlbumPage, places: Places) -> bytes:
    """RSS 2.0."""
    root = Element("rss", {"version": "2.0"})
    channel = child(root, "channel")
    child(channel, "title", album.title)
    child(channel, "link", places.gallery)
    child(channel, "description", f"Pictures of {album.title}")
    child(channel, f"{{{_ATOM}}}link", None, {
        "href": places.rss, "rel": "self", "type": "application/rss+xml",
    })  # fmt: skip
    if album.pictures:
        child(channel, "lastBuildDate", _rfc822(max(one.dated_at for one in album.pictures)))
    for picture in album.pictures:
        _add_item(channel, picture, album.title, places)
    return document(root, {"media": _MEDIA, "atom": _ATOM})


def _add_item(channel: Element, picture: Picture, title: str, places: Places) -> None:
    item = child(channel, "item")
    child(item, "title", picture.caption or picture.name)
    child(item, "link", picture.source_url or places.gallery)
    child(item, "guid", places.absolute(picture.src), {"isPermaLink": "false"})
    child(item, "pubDate", _rfc822(picture.dated_at))
    child(item, "description", _html(picture, title, places))
    child(item, f"{{{_MEDIA}}}content", None, {
        "url": places.absolute(picture.src), "medium": "image", "width": str(picture.width),
        "height": str(picture.height),
    })  # fmt: skip
    child(item, f"{{{_MEDIA}}}thumbnail", None, {
        "url": places.absolute(picture.thumb), "width": str(picture.thumb_width),
        "height": str(picture.thumb_height),
    })  # fmt: skip
    if picture.attribution:
        child(item, f"{{{_MEDIA}}}credit", picture.attribution)


def json_feed(album: AlbumPage, places: Places) -> dict[str, Any]:
    """JSON Feed 1.1."""
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": album.title,
        "home_page_url": places.gallery,
        "feed_url": places.json_feed,
        "items": [_item(picture, album.title, places) for picture in album.pictures],
    }


def _item(picture: Picture, title: str, places: Places) -> dict[str, Any]:
    item = {
        "id": places.absolute(picture.src),
        "url": picture.source_url or places.gallery,
        "title": picture.caption or picture.name,
        "content_html": _html(picture, title, places),
        "image": places.absolute(picture.thumb),
        "date_published": format_moment(picture.dated_at),
    }
    return item | ({"authors": [{"name": picture.attribution}]} if picture.attribution else {})


def _html(picture: Picture, title: str, places: Places) -> str:
    return (
        f'<img src="{escape(places.absolute(picture.thumb))}" width="{picture.thumb_width}"'
        f' height="{picture.thumb_height}" alt="{escape(alt_text(picture, title))}">'
    )


def _rfc822(moment: datetime) -> str:
    return format_datetime(moment)

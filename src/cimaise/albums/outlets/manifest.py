"""An album as a manifest of the IIIF Presentation API 3.0: one canvas a picture."""

import re
from collections.abc import Callable
from typing import Any, Final

from cimaise.albums.dates import format_long_date, format_moment
from cimaise.albums.model import AlbumPage, Picture
from cimaise.albums.outlets.places import Places

CONTEXT: Final = "http://iiif.io/api/presentation/3/context.json"
MEDIA_TYPE: Final = f'application/ld+json;profile="{CONTEXT}"'
_RIGHTS: Final = re.compile(r"https?://(creativecommons\.org|rightsstatements\.org)/(.+)")
_STATIC_TYPE: Final = "image/jpeg"  # of what lies on other servers
_OUR_TYPE: Final = "image/webp"  # of what is made here where nothing else is asked for

Service = Callable[[Picture], str | None]
"""URL of a picture's image service, where it has one."""


def manifest(album: AlbumPage, places: Places, service: Service) -> dict[str, Any]:
    """The manifest of an album with the pictures that ``album`` has.

    Args:
        album: All of it, in one page.
        places: Where it is found.
        service: Finds the IIIF image service of a picture.
    """
    canvases = [
        _canvas(picture, f"{places.manifest}/canvas/{number}", places, service)
        for number, picture in enumerate(album.pictures, 1)
    ]
    facts = {
        "@context": CONTEXT,
        "id": places.manifest,
        "type": "Manifest",
        "label": {"none": [album.title]},
        "behavior": ["individuals"],
        "homepage": [
            {
                "id": places.gallery,
                "type": "Text",
                "label": {"none": [album.title]},
                "format": "text/html",
            }
        ],
        "seeAlso": [{"id": places.json_feed, "type": "Dataset", "format": "application/feed+json"}],
    }
    first = {"thumbnail": canvases[0]["thumbnail"]} if canvases else {}
    return facts | first | {"items": canvases}


def _canvas(picture: Picture, url: str, places: Places, service: Service) -> dict[str, Any]:
    canvas: dict[str, Any] = {
        "id": url,
        "type": "Canvas",
        "label": {"none": [picture.caption or picture.name]},
        "width": picture.width,
        "height": picture.height,
        "thumbnail": [_thumbnail(picture, places)],
        "metadata": [_line("Date", format_long_date(picture.taken_at or picture.dated_at))],
    }
    if picture.taken_at:
        canvas["navDate"] = format_moment(picture.taken_at)
    return canvas | _rights(picture) | {"items": [_page(picture, url, places, service)]}


def _page(picture: Picture, canvas: str, places: Places, service: Service) -> dict[str, Any]:
    return {
        "id": f"{canvas}/page",
        "type": "AnnotationPage",
        "items": [
            {
                "id": f"{canvas}/picture",
                "type": "Annotation",
                "motivation": "painting",
                "body": _body(picture, places, service(picture)),
                "target": canvas,
            }
        ],
    }


def _body(picture: Picture, places: Places, service: str | None) -> dict[str, Any]:
    """The widest file there is of it, and the service that gives all others."""
    url, width = picture.src, picture.width
    if picture.renditions:
        url, width = picture.renditions[-1].url, picture.renditions[-1].width
    body: dict[str, Any] = {
        "id": places.absolute(url),
        "type": "Image",
        "format": _OUR_TYPE if url.startswith("/") else _STATIC_TYPE,
        "width": width,
        "height": max(1, round(picture.height * width / picture.width)),
    }
    if service is not None:
        body["service"] = [
            {"id": places.absolute(service), "type": "ImageService3", "profile": "level2"}
        ]
    return body


def _thumbnail(picture: Picture, places: Places) -> dict[str, Any]:
    return {
        "id": places.absolute(picture.thumb),
        "type": "Image",
        "format": _OUR_TYPE if picture.thumb.startswith(("/resize", "/images")) else _STATIC_TYPE,
        "width": picture.thumb_width,
        "height": picture.thumb_height,
    }


def _rights(picture: Picture) -> dict[str, Any]:
    """``rights`` takes two vocabularies only, in their http form; all else is said in words."""
    found: dict[str, Any] = {}
    known = _RIGHTS.fullmatch(picture.rights or "")
    if known:
        found["rights"] = f"http://{known[1]}/{known[2]}"
    words = [text for text in (picture.attribution, None if known else picture.rights) if text]
    if words:
        found["requiredStatement"] = _line("Attribution", " · ".join(words))
    if picture.source_url:
        found["homepage"] = [
            {
                "id": picture.source_url,
                "type": "Text",
                "label": {"none": [picture.caption or picture.name]},
                "format": "text/html",
            }
        ]
    return found


def _line(label: str, value: str) -> dict[str, Any]:
    return {"label": {"en": [label]}, "value": {"none": [value]}}

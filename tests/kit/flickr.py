"""A server that speaks Flickr's REST API as far as albums ask: its JSON, its errors, its limits.

Field names, types (numbers as text here and as numbers there, titles in ``_content``) and error
codes are those of the real API's documentation.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

KEY, USER = "0123456789abcdef", "12345678@N00"
STATIC = "https://live.staticflickr.com"
_ERRORS = {
    1: "Photoset not found",
    2: "User not found",
    100: "Invalid API Key (Key has invalid format)",
    105: "Service currently unavailable",
}
_SUFFIXES = {"o": 4000, "k": 2048, "h": 1600, "l": 1024, "c": 800, "z": 640, "m": 500, "n": 320,
             "s": 240, "q": 150, "t": 100}  # fmt: skip


@dataclass
class Photo:
    """A picture as its owner uploaded it; ``sizes`` are the suffixes that the API gives out."""

    id: str
    title: str = ""
    uploaded: datetime = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)
    taken: datetime | None = None
    licence: str = "4"
    sizes: str = "klczmnsqt"
    width: int = 4000
    height: int = 3000
    media: str = "photo"
    is_public: bool = True
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class PhotoSet:
    """A set with its pictures."""

    id: str
    title: str
    photos: list[Photo] = field(default_factory=list)
    updated: int = 1_773_051_072


class Flickr:
    """What the server holds, how it behaves, and which methods were called.

    ``fault`` is a number of Flickr's, or ``500``, ``cut``, ``garbage``, ``slow``, ``other``.
    """

    def __init__(self) -> None:
        self.sets: list[PhotoSet] = []
        self.calls: list[dict[str, str]] = []
        self.fault: int | str | None = None
        self.gate = asyncio.Event()
        self.url = ""

    def methods(self) -> list[str]:
        """Methods in the order in which they were called."""
        return [call["method"].removeprefix("flickr.") for call in self.calls]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        query = dict(request.query)
        self.calls.append(query)
        if self.fault == "slow":
            await self.gate.wait()
        if self.fault == "cut":
            response = web.StreamResponse(headers={"content-length": "1000"})
            await response.prepare(request)
            await response.write(b'{"photosets": {')
            assert request.transport is not None
            request.transport.close()
            return response
        if self.fault == "500":
            return web.Response(status=500, text="Internal Server Error")
        if self.fault == "garbage":
            return web.Response(body=b"\xff<html>")
        if self.fault == "other":
            return web.json_response({"stat": "ok", "photosets": [], "photoset": None})
        return web.json_response(self._told(query))

    def _told(self, query: dict[str, str]) -> dict[str, Any]:
        if isinstance(self.fault, int):
            return _fail(self.fault)
        if query.get("api_key") != KEY:
            return _fail(100)
        method = query["method"]
        if method == "flickr.photos.licenses.getInfo":
            return {"licenses": {"license": _LICENCES}, "stat": "ok"}
        if query.get("user_id") != USER:
            return _fail(2)
        if method == "flickr.photosets.getList":
            return {"photosets": self._list(query), "stat": "ok"}
        assert method == "flickr.photosets.getPhotos"
        found = next((one for one in self.sets if one.id == query["photoset_id"]), None)
        return {"photoset": _photos(found, query), "stat": "ok"} if found else _fail(1)

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        shown, pages = _page(self.sets, query)
        return {
            "cancreate": 0, "page": int(query["page"]), "pages": pages,
            "perpage": query["per_page"], "total": len(self.sets),
            "photoset": [
                {
                    "id": one.id, "owner": USER, "username": "anna", "primary": "1",
                    "secret": "a", "server": "65535", "farm": 66, "count_views": "12",
                    "count_photos": len(one.photos), "count_videos": 0,
                    "title": {"_content": one.title}, "description": {"_content": ""},
                    "photos": len(one.photos), "videos": 0, "date_create": "1700000000",
                    "date_update": str(one.updated), "visibility_can_see_set": 1,
                    "primary_photo_extras": _extras(one.photos[0], query["primary_photo_extras"])
                    if one.photos else {},
                }
                for one in shown
            ],
        }  # fmt: skip


def _photos(found: PhotoSet, query: dict[str, str]) -> dict[str, Any]:
    seen = [one for one in found.photos if one.is_public or query.get("privacy_filter") != "1"]
    if query.get("media") == "photos":
        seen = [one for one in seen if one.media == "photo"]
    shown, pages = _page(seen, query)
    return {
        "id": found.id, "primary": "1", "owner": USER, "ownername": "anna",
        "page": int(query["page"]), "per_page": query["per_page"], "perpage": query["per_page"],
        "pages": pages, "title": found.title, "total": len(seen),
        "photo": [
            {"id": one.id, "secret": "abc", "server": "65535", "farm": 66, "title": one.title,
             "isprimary": "0", "ispublic": 1, "isfriend": 0, "isfamily": 0,
             **_extras(one, query["extras"]), **one.more}
            for one in shown
        ],
    }  # fmt: skip


def _extras(photo: Photo, wanted: str) -> dict[str, Any]:
    names = wanted.split(",")
    found: dict[str, Any] = {}
    if "license" in names:
        found["license"] = photo.licence
    if "date_upload" in names:
        found["dateupload"] = str(int(photo.uploaded.timestamp()))
    if "date_taken" in names:
        taken = photo.taken or photo.uploaded
        found |= {
            "datetaken": taken.strftime("%Y-%m-%d %H:%M:%S"), "datetakengranularity": "0",
            "datetakenunknown": "0" if photo.taken else "1",
        }  # fmt: skip
    if "owner_name" in names:
        found["ownername"] = "Anna of Lakes"
    if "path_alias" in names:
        found["pathalias"] = "anna"
    if "media" in names:
        found |= {"media": photo.media, "media_status": "ready"}
    for suffix in photo.sizes:
        if f"url_{suffix}" in names:
            width = min(_SUFFIXES[suffix], photo.width)
            found[f"url_{suffix}"] = f"{STATIC}/65535/{photo.id}_abc_{suffix}.jpg"
            found[f"width_{suffix}"] = width
            found[f"height_{suffix}"] = str(round(width * photo.height / photo.width))
    return found


def _page(things: list[Any], query: dict[str, str]) -> tuple[list[Any], int]:
    page, size = int(query["page"]), min(int(query["per_page"]), 500)
    return things[(page - 1) * size : page * size], -(-len(things) // size)


def _fail(number: int) -> dict[str, Any]:
    return {"stat": "fail", "code": number, "message": _ERRORS.get(number, "?")}


_LICENCES = [
    {"id": "0", "name": "All Rights Reserved", "url": ""},
    {"id": "4", "name": "Attribution License", "url": "https://creativecommons.org/licenses/by/2.0/"},
    {"id": "11", "name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"},
]  # fmt: skip


@asynccontextmanager
async def flickr_server() -> AsyncIterator[Flickr]:
    """One that listens on this machine, for as long as the context lasts."""
    flickr = Flickr()
    application = web.Application()
    application.router.add_get("/services/rest/", flickr.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    flickr.url = f"http://127.0.0.1:{port}/services/rest/"
    try:
        yield flickr
    finally:
        flickr.gate.set()
        await runner.cleanup()

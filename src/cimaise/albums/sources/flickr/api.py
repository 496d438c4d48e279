"""Flickr's REST API: the three methods that albums need, read strictly.

https://www.flickr.com/services/api/: ``flickr.photosets.getList``, ``flickr.photosets.getPhotos``,
``flickr.photos.licenses.getInfo``; JSON without a callback. Only what everybody may see is asked
for, so nothing here is signed.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from cimaise.albums.sources.base import no_such_album
from cimaise.errors import UpstreamFailed, UpstreamTimedOut

PAGE_PICTURES: Final = 500  # the API's own limit
SIZES: Final = ("o", "k", "h", "l", "c", "z", "m", "n", "s", "q", "t")  # the largest first
_PICTURE_EXTRAS: Final = "date_taken,date_upload,owner_name,license,media,path_alias," + ",".join(
    f"url_{size}" for size in SIZES
)
_COVER_EXTRAS: Final = "url_m,url_n,url_z,url_s,url_q"
_PUBLIC: Final = "1"
_SET_MISSING: Final = 1
_CALL_S: Final = 10.0
_MOST_BYTES: Final = 16 * 1024 * 1024
_OK: Final = 200


class Refused(UpstreamFailed):
    """Flickr answered ``stat: fail``; ``number`` is its code, such as 2, 100 or 105."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__("Flickr refused the request.")
        self.number = number
        self.words = words


class FlickrApi:
    """Calls of one account's photosets; :meth:`close` it.

    Every method raises ``UpstreamFailed``, ``UpstreamTimedOut``, or ``NotFound`` for a photoset
    that is not there.
    """

    def __init__(self, *, url: str, api_key: str, user_id: str, call_s: float = _CALL_S) -> None:
        self._url = url
        self._api_key = api_key
        self._user_id = user_id
        self._call_s = call_s
        self._session: aiohttp.ClientSession | None = None

    async def sets(self, page: int) -> Mapping[str, Any]:
        """Up to 500 photosets: ``{"photoset": [...], "pages": …}``."""
        answer = await self._call(
            "photosets.getList",
            user_id=self._user_id,
            page=str(page),
            per_page=str(PAGE_PICTURES),
            primary_photo_extras=_COVER_EXTRAS,
        )
        return _member(answer, "photosets")

    async def photos(self, photoset: str, page: int) -> Mapping[str, Any]:
        """Up to 500 pictures of a set, with all that an album shows of them."""
        answer = await self._call(
            "photosets.getPhotos",
            photoset_id=photoset,
            user_id=self._user_id,
            page=str(page),
            per_page=str(PAGE_PICTURES),
            media="photos",
            privacy_filter=_PUBLIC,
            extras=_PICTURE_EXTRAS,
        )
        return _member(answer, "photoset")

    async def licences(self) -> Mapping[str, Any]:
        """Every licence: ``{"license": [{"id", "name", "url"}]}``."""
        return _member(await self._call("photos.licenses.getInfo"), "licenses")

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()

    async def _call(self, method: str, **arguments: str) -> Mapping[str, Any]:
        query = {
            "method": f"flickr.{method}", "api_key": self._api_key, "format": "json",
            "nojsoncallback": "1", **arguments,
        }  # fmt: skip
        try:
            async with asyncio.timeout(self._call_s):
                body = await self._body(query)
            answer = msgspec.json.decode(body, type=dict[str, Any])
        except TimeoutError as fault:
            raise UpstreamTimedOut("Flickr did not answer in time.") from fault
        except (aiohttp.ClientError, OSError, ValueError, RecursionError) as fault:
            # without the cause's text: it holds the address, and that the key
            raise UpstreamFailed(f"Flickr failed: {type(fault).__name__}.") from None
        _require_ok(answer)
        return answer

    async def _body(self, query: Mapping[str, str]) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        async with self._session.get(self._url, params=query, allow_redirects=False) as response:
            if response.status != _OK:
                raise ValueError(f"status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise ValueError("too long")
            return bytes(body)


def _require_ok(answer: Mapping[str, Any]) -> None:
    if answer.get("stat") == "ok":
        return
    number, words = answer.get("code"), str(answer.get("message", ""))[:200]
    if number == _SET_MISSING:
        raise no_such_album()
    raise Refused(number if isinstance(number, int) else 0, words)


def _member(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = answer.get(name)
    if not isinstance(found, dict):
        raise UpstreamFailed("Flickr answered in another form.")
    return found

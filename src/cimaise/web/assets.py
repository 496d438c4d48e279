"""Styles, modules and icons of the pages: where they are, and how they are sent.

The package's build puts what it made into ``static/dist`` under names with a hash of the content,
which browsers may keep for ever. Where it was not run, pages use the style sheets as they lie,
and no script: they work without. What was built lies there packed.
"""

import gzip
import json
import mimetypes
from functools import cache
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from cimaise import telemetry
from cimaise.errors import CimaiseError, MethodNotAllowed, NotFound
from cimaise.rfc.negotiation import accepts_coding
from cimaise.web.replies.problems import problem_reply

FOLDER: Final = Path(__file__).parent / "static"
_BASE: Final = "/static"
_BUILT: Final = "dist"
_PACKED: Final = ".gz"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_AN_HOUR: Final = "public, max-age=3600"
_WITH_BYTES: Final = (200, 206)
_NOT_ALLOWED: Final = 405
_MOST_BYTES: Final = 200
"""Of a path below ``static``; longer ones are no name that a file system knows."""


@cache
def _built_names() -> dict[str, str]:
    """Plain names to names in ``dist``; empty where nothing was built."""
    try:
        names = json.loads((FOLDER / _BUILT / "manifest.json").read_bytes())
    except FileNotFoundError:
        return {}
    return {str(plain): str(hashed) for plain, hashed in names.items()}


def asset_url(name: str) -> str | None:
    """URL of a style sheet, module or icon by its plain name; ``None`` where there is none."""
    built = _built_names().get(name)
    if built is not None:
        return f"{_BASE}/{_BUILT}/{built}"
    return f"{_BASE}/{name}" if (FOLDER / name).is_file() else None


def assets_mount() -> Mount:
    """The route that sends them."""
    return Mount(_BASE, app=_Assets(FOLDER))


class _Assets:
    def __init__(self, folder: Path) -> None:
        self._files = StaticFiles(directory=folder, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(scope)
        await reply(scope, receive, send)

    async def _reply(self, scope: Scope) -> ASGIApp:
        path = self._files.get_path(scope)
        if len(path.encode()) > _MOST_BYTES or path.startswith(("/", "..")):
            return problem_reply(NotFound("Not found"), telemetry.request_id.get())
        packed = FOLDER / f"{path}{_PACKED}"
        is_packed = packed.is_file()  # of each text that was built there is nothing else
        wants_packed = accepts_coding(Headers(scope=scope).get("accept-encoding"), "gzip")
        try:
            found = await self._files.get_response(path + _PACKED * is_packed, scope)
        except HTTPException as fault:
            return problem_reply(_ours(fault), telemetry.request_id.get())
        if is_packed and not wants_packed and found.status_code in _WITH_BYTES:
            tag = f'{found.headers["etag"][:-1]}-plain"'
            found = Response(gzip.decompress(packed.read_bytes()), headers={"etag": tag})
        elif is_packed:
            found.headers["content-encoding"] = "gzip"
        if is_packed:
            kind = mimetypes.guess_type(path)[0] or "text/plain"
            found.headers["vary"] = "Accept-Encoding"
            found.headers["content-type"] = f"{kind}; charset=utf-8"
        found.headers["cache-control"] = (
            _FOR_EVER if path.startswith(f"{_BUILT}/") and "-" in path else _AN_HOUR
        )
        found.headers["x-content-type-options"] = "nosniff"
        # Pages of others load the element's module; nothing here is anybody's secret.
        found.headers["access-control-allow-origin"] = "*"
        return found


def _ours(fault: HTTPException) -> CimaiseError:
    if fault.status_code == _NOT_ALLOWED:
        return MethodNotAllowed("This address does not do that.", allowed=("GET", "HEAD"))
    return NotFound("Not found")

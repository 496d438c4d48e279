"""The interface, described by the server itself."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Final

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise.web.call import Call
from cimaise.web.lines import Line
from cimaise.web.pages.page import page, shown
from cimaise.web.reference.openapi import document

_WHOM: Final = {
    "public": "everybody",
    "holder": "whoever holds the address",
    "account": "accounts",
    "admin": "administrators",
}
_made: Final[dict[str, tuple[Sequence[Line], bytes]]] = {}


async def openapi(call: Call) -> ASGIApp:
    """The OpenAPI document of this server."""
    body = described(call.services.operation.lines, call.services.settings.public_url)
    headers = {"content-type": "application/json", "cache-control": "public, max-age=300"}
    return Response(body, headers=headers)


def described(lines: Sequence[Line], server: str) -> bytes:
    """The document as it is sent; made once, for that costs as much as a hundred other answers.

    Args:
        lines: The URL map; it does not change while the server runs.
        server: Base URL.
    """
    made = _made.get(server)
    if made is None or made[0] is not lines:
        body = msgspec.json.encode(document(lines, version=_version(), server=server))
        made = _made[server] = (lines, body)
    return made[1]


@cache
def _version() -> str:
    return version("cimaise")


@shown
async def docs(call: Call) -> ASGIApp:
    """The same for people."""
    return page(
        call,
        "docs.html",
        chapters=_chapters(call.services.operation.lines),
        version=_version(),
        whom=_WHOM,
    )


def _chapters(lines: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    chapters: dict[str, list[Line]] = {}
    for line in lines:
        chapters.setdefault(line.tag, []).append(line)
    return list(chapters.items())

"""The interface, described by the server itself."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from starlette.types import ASGIApp

from cimaise.web.call import Call
from cimaise.web.openapi import document
from cimaise.web.pages.page import page, shown
from cimaise.web.reply import json_reply
from cimaise.web.router import Line

_WHOM: Final = {
    "public": "everybody",
    "holder": "whoever holds the address",
    "account": "accounts",
    "admin": "administrators",
}


async def openapi(call: Call) -> ASGIApp:
    """The OpenAPI document of this server."""
    server = call.services.settings.public_url
    body = document(call.services.lines, version=version("cimaise"), server=server)
    return json_reply(body, headers={"cache-control": "public, max-age=300"})


@shown
async def docs(call: Call) -> ASGIApp:
    """The same for people."""
    return page(
        call,
        "docs.html",
        chapters=_chapters(call.services.lines),
        version=version("cimaise"),
        whom=_WHOM,
    )


def _chapters(lines: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    chapters: dict[str, list[Line]] = {}
    for line in lines:
        chapters.setdefault(line.tag, []).append(line)
    return list(chapters.items())

"""Answers to what went wrong at any address: a page for people, JSON for programs."""

from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise.errors import CimaiseError, NotFound
from cimaise.rfc.negotiation import prefers_html
from cimaise.web.call import Call
from cimaise.web.pages.page import error_page
from cimaise.web.segments import first_segment

_OF_PROGRAMS: Final = frozenset(
    {
        "api", "companion", "embed.js", "healthz", "iiif", "metrics", "oembed", "openapi.json",
        "readyz", "resize", "robots.txt", "sitemap.xml", "static", "storage", "tus",
    }
)  # fmt: skip
"""First segments of paths that answer in JSON, whoever asks."""


def is_for_people(path: str, accept: str | None) -> bool:
    """Whoever asks reads pages, and the address is none of an interface's."""
    return first_segment(path) not in _OF_PROGRAMS and prefers_html(accept)


def failure_page(call: Call, error: CimaiseError) -> Response | None:
    """The error as a page with its status and headers; ``None`` where JSON is wanted."""
    if not is_for_people(call.request.scope["path"], call.header("accept")):
        return None
    return error_page(call, error)


async def no_page(_: Call) -> ASGIApp:
    """What stands at an address that no line of the URL map names."""
    raise NotFound("There is no page at this address.")

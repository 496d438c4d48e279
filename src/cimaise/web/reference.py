"""The interface, described by the server itself."""

from importlib.metadata import version

from starlette.types import ASGIApp

from cimaise.web.call import Call
from cimaise.web.openapi import document
from cimaise.web.reply import json_reply


async def openapi(call: Call) -> ASGIApp:
    """The OpenAPI document of this server."""
    server = call.services.settings.public_url
    body = document(call.services.lines, version=version("cimaise"), server=server)
    return json_reply(body, headers={"cache-control": "public, max-age=300"})

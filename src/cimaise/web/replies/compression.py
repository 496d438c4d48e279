"""Texts that are written for one request, packed: ``Content-Encoding: gzip`` (RFC 9110 §8.4.1.3).

Only what answers a ``GET`` or ``HEAD`` and is text. The answers that tell a secret are those of ``POST``, so
that no length of a packed answer lets anybody guess one; and a browser sends our cookie with no
request that another site's page makes by itself (``SameSite``).
"""

import gzip
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise.rfc.negotiation import accepts_coding

LEAST_BYTES: Final = 1024
"""Shorter texts fit into a packet or two as they are."""

_LEVEL: Final = 5
_READING: Final = ("GET", "HEAD")
_PACKED: Final = ("text/html", "application/json", "application/ld+json", "image/svg+xml")


def pack(reply: ASGIApp, *, method: str, accept_encoding: str | None) -> None:
    """Pack the body of a reply that is held in memory, in place; leave all others alone.

    A reply with a validator of its own stays as it is: two codings would need two ETags
    (RFC 9110 §8.8.3.3).
    """
    if not isinstance(reply, Response) or method not in _READING or "etag" in reply.headers:
        return
    kind = reply.headers.get("content-type", "").partition(";")[0]
    if kind not in _PACKED or len(getattr(reply, "body", b"")) < LEAST_BYTES:
        return
    reply.headers.add_vary_header("Accept-Encoding")
    if not accepts_coding(accept_encoding, "gzip"):
        return
    reply.body = gzip.compress(reply.body, _LEVEL, mtime=0)
    reply.headers["content-encoding"] = "gzip"
    reply.headers["content-length"] = str(len(reply.body))

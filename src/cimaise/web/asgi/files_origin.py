"""A second origin for what strangers uploaded, so that even a hole in a browser finds nothing there.

With ``CIMAISE_DELIVERY_FILES_URL`` set, originals and album files are answered at that origin
only. Nobody is signed in there: no cookie and no key is looked at, and nothing but bytes is
served. Whoever may see a file is sent over; where the file is not public, with a grant that is
signed, good for that file and for five minutes.
"""

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cimaise import telemetry
from cimaise.access.policy import Principal, Role
from cimaise.access.policy import Scope as KeyScope
from cimaise.errors import Gone, NotFound
from cimaise.web.call import Call
from cimaise.web.replies.problems import problem_reply

PURPOSE: Final = "files origin"
GRANT_TTL_S: Final = 300
GRANTEE: Final = Principal("", "", Role.ADMIN, (KeyScope.READ,))
"""Whoever holds a grant, for what it names and for nothing else: somebody who may see it asked."""

_BYTES: Final = re.compile(r"/(?:files/[^/]+|images/[^/]+/original|albums/[^/]+/[^/]+)")
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CREDENTIALS: Final = frozenset({b"cookie", b"authorization"})


def with_files_origin(app: ASGIApp, files_url: str) -> ASGIApp:
    """The application, closed at the second origin to all but bytes; as it is where there is none."""
    host = _host(files_url)
    if host is None:
        return app

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _host_of(scope) != host:
            await app(scope, receive, send)
            return
        if scope["method"] not in _READING or not _BYTES.fullmatch(scope["path"]):
            reply = problem_reply(NotFound("Not found"), telemetry.request_id.get())
            await reply(scope, receive, send)
            return
        headers = [pair for pair in scope["headers"] if pair[0] not in _CREDENTIALS]
        await app({**scope, "headers": headers}, receive, send)

    return door


def sent_over(call: Call, subject: str, *, is_public: bool) -> ASGIApp | None:
    """The way to the second origin, or ``None`` where there is none or the request is there.

    Args:
        call: The request; whoever it comes from may see the bytes.
        subject: Names them, for the grant.
        is_public: No grant is needed.
    """
    files_url = call.services.settings.delivery.files_url
    if not files_url or _host_of(call.request.scope) == _host(files_url):
        return None
    query = [pair for pair in call.request.query_params.multi_items() if pair[0] != "grant"]
    if not is_public and call.query("link") is None:
        expires_at = int(call.now.timestamp()) + GRANT_TTL_S
        payload = f"{expires_at} {subject}".encode()
        query.append(("grant", call.services.access.links.signer.sign(PURPOSE, payload)))
    scope = call.request.scope
    raw_path = scope["raw_path"] or quote(scope["path"]).encode()
    path = raw_path.decode("ascii").partition("?")[0]
    tail = f"?{urlencode(query)}" if query else ""
    return RedirectResponse(
        f"{files_url}{path}{tail}",
        302,
        {"cache-control": "no-store", "referrer-policy": "no-referrer"},
    )


def is_granted(call: Call, subject: str) -> bool:
    """The request carries a grant for these very bytes, from the other origin.

    Raises:
        Forbidden: ``bad_signature``: it carries one that was altered.
        Gone: ``expired``.
    """
    token = call.query("grant")
    if token is None:
        return False
    payload = call.services.access.links.signer.open(PURPOSE, token).decode()
    expires_at, _, granted = payload.partition(" ")
    if call.now >= datetime.fromtimestamp(int(expires_at), UTC):
        raise Gone("The grant is past its time: begin again.", code="expired")
    return granted == subject


def _host(url: str) -> str | None:
    return urlsplit(url).netloc.lower() or None


def _host_of(scope: Scope) -> str | None:
    return next(
        (value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"),
        None,
    )

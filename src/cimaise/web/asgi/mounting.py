"""Below a path of somebody else's: everything inside sees addresses as if it were at the root.

Whoever is around us (a framework that mounts us, uvicorn's ``root_path``, a proxy that leaves the
path as it is) has put a prefix before it. It is taken off on the way in and put before what leads
back here (``Location``) on the way out; what pages and records say is made with
``Settings.base_path`` from the start.
"""

from typing import Final
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ARRIVED: Final = "cimaise.arrived"
"""Where the scope is kept as the server, or the application around us, handed it over."""

_LOCATION: Final = b"location"


def at_the_root(app: ASGIApp, base_path: str) -> ASGIApp:
    """The application without what it is below.

    Args:
        app: Knows addresses from the root.
        base_path: Path of the public URL, without a slash at its end; empty: the root.
    """
    base = base_path.encode("ascii")

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        inner = {**_without_prefix(scope, base_path), ARRIVED: scope}

        async def answer(message: Message) -> None:
            if base and message["type"] == "http.response.start":
                headers = [(name, _below(base, name, text)) for name, text in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        await app(inner, receive, answer if base else send)

    return door


def _below(base: bytes, name: bytes, text: bytes) -> bytes:
    leads_here = name.lower() == _LOCATION and text[:1] == b"/" and text[:2] != b"//"
    return base + text if leads_here else text


def _without_prefix(scope: Scope, base_path: str) -> Scope:
    """ASGI's ``root_path`` is part of ``path``; without one, a proxy may have left our own."""
    path, raw_path = scope["path"], scope.get("raw_path")
    root = scope.get("root_path", "").rstrip("/")
    if not base_path.endswith(root):  # longer where a proxy further out takes a part of it off
        raise ValueError(
            f"mounted at {root}, but the public URL (server.public_url) ends elsewhere"
        )
    root = root or base_path
    if not root or not (path == root or path.startswith(f"{root}/")):
        return {**scope, "root_path": ""}
    before = quote(root).encode("ascii")
    if raw_path is not None and raw_path.startswith(before):
        raw_path = raw_path[len(before) :] or b"/"
    else:
        raw_path = None  # written in another way: routes go by what it means
    return {**scope, "path": path[len(root) :] or "/", "raw_path": raw_path, "root_path": ""}

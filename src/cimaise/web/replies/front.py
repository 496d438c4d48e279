"""A server in front that sends the files itself: here it is only decided whether it may.

The answer names the file instead of holding it: nginx calls the header ``X-Accel-Redirect``, Apache
and lighttpd ``X-Sendfile``. Whoever is in front sees to ranges; conditions were looked at already.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from cimaise.settings import Settings

EXTENSION: Final = "cimaise.front"
PREFIX: Final = "/_files/"
"""Where nginx shows the data folder, to itself only."""

_ACCEL: Final = "x-accel-redirect"
_NOT_PLAIN: Final = re.compile("[%\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Front:
    """How files are named to the server in front.

    Attributes:
        header: ``x-accel-redirect`` or ``x-sendfile``.
        root: Absolute; files elsewhere are sent by ourselves.
    """

    header: str
    root: Path

    def name_of(self, file: Path) -> str | None:
        """What the header says of a file; ``None``: it is out of reach, and sent by ourselves.

        nginx wants it percent-encoded. lighttpd and newer versions of Apache's module decode it,
        the older ones do not: all are given the bytes of the path as they are. What would be two
        things to them (``%``), or what a header cannot hold, is not named.
        """
        if not file.is_relative_to(self.root):
            return None
        if self.header == _ACCEL:
            return quote(f"{PREFIX}{file.relative_to(self.root).as_posix()}")
        plain = file.as_posix()
        return (
            None
            if _NOT_PLAIN.search(plain)
            else plain.encode("utf-8", "surrogateescape").decode("latin-1")
        )


class OfferFront:
    """Lets every answer of ``app`` name files instead of sending them (``scope["extensions"]``)."""

    def __init__(self, app: ASGIApp, front: Front) -> None:
        self._app = app
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the offer."""
        if scope["type"] == "http":
            scope = {**scope, "extensions": {**scope.get("extensions", {}), EXTENSION: self._front}}
        await self._app(scope, receive, send)


def with_front(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The application, with the offer where the settings name a server in front."""
    header = settings.server.send_files_by
    if header == "self":
        return app
    return OfferFront(app, Front(header, settings.data.dir.absolute()))

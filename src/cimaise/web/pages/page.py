"""Templates to answers, with the headers that keep a page ours: CSP 3 and its neighbours."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise import telemetry
from cimaise.access.challenge.base import Widget
from cimaise.albums.dates import format_long_date, format_moment
from cimaise.errors import CimaiseError, NotFound, NotSignedIn
from cimaise.rfc.negotiation import prefers_html
from cimaise.storage.base import Storage
from cimaise.web.assets import asset_url
from cimaise.web.call import Call
from cimaise.web.pages.words import (
    format_browser,
    format_count,
    format_lasting,
    format_minute,
    format_percent,
    format_size,
)
from cimaise.web.replies.problems import problem_headers, status_of

PageHandler = Callable[[Call], Awaitable[ASGIApp]]
SERVER_FAULT: Final = 500
_TEMPLATES: Final = Path(__file__).parents[1] / "templates"
_LOCAL_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)


def page(
    call: Call,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> Response:
    """An HTML answer.

    Args:
        call: Whose request it answers; what every page shows (who is signed in) comes from it.
        template: File name in ``templates/``.
        status: HTTP status.
        headers: Further ones.
        facts: What the template asks for; an absent one is an error, not an empty text.
    """
    shown = _environment().get_template(template)
    body = shown.render(
        principal=call.principal,
        path=call.request.url.path,
        base=call.services.settings.base_path,
        at=call.at,
        sign_in_url=_sign_in_url(call),
        signs_in=call.services.host is None,
        asset=partial(_asset, call),
        request_id=call.request_id,
        **facts,
    )
    policy = content_policy(
        _storage_origin(call.services.storage), _shown_from(call), facts.get("widget")
    )
    own = {
        "content-security-policy": policy,
        # What is nobody's own may stay in the browser for its back button.
        "cache-control": f"private, {'no-cache' if call.principal.is_guest else 'no-store'}",
    }
    return Response(body, status, _HEADERS | own | dict(headers or {}))


_HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    # Forms have to say where they come from, other sites need not know.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def _sign_in_url(call: Call) -> str:
    """Where people sign in; empty where the application around us has told of no place."""
    host = call.services.host
    return call.at("/login") if host is None else host.sign_in_url


def _asset(call: Call, name: str) -> str | None:
    url = asset_url(name)
    return None if url is None else call.at(url)


def content_policy(
    storage_origin: str | None, others: Sequence[str] = (), widget: Widget | None = None
) -> str:
    """The Content-Security-Policy: all from here, bytes also to and from the storage.

    Pictures and films come from ``others`` as well: origins that files are served from. Where the
    page shows the ``widget`` of a service, what that needs is let in.
    """
    storage = (storage_origin,) if storage_origin else ()
    scripts, styles, frames = (
        (widget.scripts, widget.styles, widget.frames) if widget else ((), (), ())
    )
    own = "'self'"
    directives: dict[str, tuple[str, ...]] = {
        "default-src": ("'none'",),
        "script-src": (own, *scripts),
        "style-src": (own, *styles),
        "img-src": (own, "data:", "blob:", *storage, *others),
        "media-src": (own, *storage, *others),
        "connect-src": (own, *storage, *frames),
        "frame-src": frames or ("'none'",),
        "manifest-src": (own,),
        "form-action": (own,),
        "base-uri": ("'none'",),
        "frame-ancestors": ("'none'",),
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def _shown_from(call: Call) -> list[str]:
    """Origins besides this one that files are served from."""
    settings = call.services.settings
    urls = (urlsplit(url) for url in (settings.delivery.files_url, settings.edge.url) if url)
    return [f"{url.scheme}://{url.netloc}" for url in urls]


def _storage_origin(storage: Storage) -> str | None:
    """Where signed URLs lead; ``None`` where that is this server."""
    if storage.presigner is None or storage.signed_door is not None:
        return None
    return storage.presigner.origin


def shown(handler: PageHandler) -> PageHandler:
    """A handler whose errors are pages too, for those who would rather read a page than JSON."""

    @wraps(handler)
    async def answered(call: Call) -> ASGIApp:
        try:
            return await handler(call)
        except CimaiseError as error:
            if not prefers_html(call.header("accept")):
                raise
            return error_page(call, error)
        except Exception as fault:
            if not prefers_html(call.header("accept")):
                raise
            telemetry.log("request_failed", level="error", fault=fault, path=call.request.url.path)
            message = "The server made a mistake. It has been written down."
            return page(call, "error.html", status=SERVER_FAULT, code="internal", message=message, sign_in="")  # fmt: skip

    return answered


def headers_with(error: CimaiseError | None) -> dict[str, str]:
    """What an error asks for beside a form that is shown again; the page says who may keep it."""
    headers = {} if error is None else problem_headers(error)
    headers.pop("cache-control", None)
    return headers


def error_page(call: Call, error: CimaiseError) -> Response:
    """What went wrong, as a page; the sign-in where an account is all that is missing.

    What is absent to a guest may be there for others, so the way to sign in is shown beside it.
    """
    status, headers = status_of(error), problem_headers(error)
    needs_account = isinstance(error, NotSignedIn) and call.principal.is_guest
    if needs_account and call.services.host is None:
        return sign_in_page(call, status=status, headers=headers, message=error.message)
    may_help = needs_account or (isinstance(error, NotFound) and call.principal.is_guest)
    return page(
        call, "error.html", status=status, headers=headers, code=error.code, message=error.message,
        sign_in=_sign_in_and_back(call) if may_help else "",
    )  # fmt: skip


def _sign_in_and_back(call: Call) -> str:
    """Where people sign in to see this page; another application's sign-in knows its own way."""
    if call.services.host is not None:
        return _sign_in_url(call)
    return f"{_sign_in_url(call)}?{urlencode({'next': local_path(_wanted(call))})}"


def _wanted(call: Call) -> str:
    """Where the request wanted to go."""
    asked = call.request.url
    is_page = call.request.method in ("GET", "HEAD") and asked.path != "/login"
    where = f"{asked.path}?{asked.query}" if asked.query else asked.path
    return where if is_page else "/"


def sign_in_page(
    call: Call,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    message: str = "",
    following: str | None = None,
    by_key: bool = False,
    by_link: bool = False,
    widget: Widget | None = None,
) -> Response:
    """The form that asks for name and password, or for a key, or for a one-time link's one click.

    Args:
        call: The request.
        status: HTTP status.
        headers: Further ones.
        token: Of a one-time link, not yet used.
        message: Why the form is shown, or what was wrong with what came.
        following: Where to go afterwards; ``None``: where the request wanted to go.
        by_key: Ask for a key.
        by_link: A one-time link has failed: say how another one is made.
        widget: Of a challenge that is asked for as well.
    """
    return page(
        call,
        "login.html",
        status=status,
        headers=headers,
        token=token,
        by_key=by_key,
        by_link=by_link,
        is_open=call.services.access.registration.is_open,
        provider=call.services.settings.oidc.label if call.services.access.oidc else "",
        widget=widget,
        message=message,
        following=local_path(_wanted(call) if following is None else following),
    )


def local_path(text: str | None) -> str:
    """A path on this server to send a browser to: never another site, whatever came in."""
    return text if text and _LOCAL_PATH.fullmatch(text) else "/"


@cache
def _environment() -> Environment:
    """Templates, compiled once; every value is escaped, an unknown name is an error."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "size": format_size,
        "day": format_long_date,
        "moment": format_moment,
        "minute": format_minute,
        "counted": format_count,
        "percent": format_percent,
        "lasting": format_lasting,
        "browser": format_browser,
    }
    return environment

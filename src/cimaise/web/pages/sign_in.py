"""Signing in and out with a browser's own forms."""

from typing import Final

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from cimaise.errors import CimaiseError, Gone, Invalid, NotSignedIn
from cimaise.rfc.negotiation import prefers_html
from cimaise.web.accounts import require_own_page, set_cookie
from cimaise.web.accounts import sign_in as signed_in
from cimaise.web.call import Call
from cimaise.web.pages.forms import read_form
from cimaise.web.pages.page import local_path, page, shown, sign_in_page
from cimaise.web.problems import problem_headers, status_of
from cimaise.web.services import COOKIE

_SEE_OTHER: Final = 303


@shown
async def login_page(call: Call) -> ASGIApp:
    """Asks for a key; of a one-time link only for a click.

    Links are opened by whatever looks for previews, too: only the form that this page shows
    spends the token.
    """
    token = call.query("token")
    if token is None and not call.principal.is_guest:
        return page(call, "signed_in.html")
    return sign_in_page(call, token=token, following=call.query("next") or "/")


@shown
async def sign_in(call: Call) -> ASGIApp:
    """Take the form: start a session, go on to the page that was wanted."""
    require_own_page(call)
    form = await read_form(call)
    token, key = form.get("token"), form.get("key", "").strip()
    following = local_path(form.get("next"))
    if not token and not key:
        raise Invalid("Enter a key.", field="key")
    try:
        account = await signed_in(call, token=token or None, key=key or None)
    except (NotSignedIn, Gone) as error:
        return _again(call, error, following)
    reply = RedirectResponse(following, _SEE_OTHER, {"cache-control": "no-store"})
    await set_cookie(call, reply, account.id)
    return reply


def _again(call: Call, error: CimaiseError, following: str) -> ASGIApp:
    if not prefers_html(call.header("accept")):
        raise error
    headers = problem_headers(error)
    headers.pop("cache-control", None)
    return sign_in_page(
        call,
        status=status_of(error),
        headers=headers,
        message=error.message,
        following=following,
    )


@shown
async def sign_out(call: Call) -> ASGIApp:
    """End the session, and go to the albums."""
    require_own_page(call)
    if call.principal.session_id is not None:
        await call.services.sessions.end(call.principal)
    reply = RedirectResponse("/", _SEE_OTHER, {"cache-control": "no-store"})
    reply.delete_cookie(COOKIE)
    return reply

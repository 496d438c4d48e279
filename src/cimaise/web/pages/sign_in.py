"""Signing in and out with a browser's own forms."""

from typing import Final

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from cimaise.access.challenge.asking import CODE as CHALLENGE_NEEDED
from cimaise.access.challenge.base import Widget
from cimaise.errors import (
    CimaiseError,
    Forbidden,
    Gone,
    Invalid,
    NotSignedIn,
    TooMany,
    UpstreamFailed,
)
from cimaise.rfc.negotiation import prefers_html
from cimaise.web.accounts.own import SignIn, drop_cookie, require_own_page, set_cookie
from cimaise.web.accounts.own import sign_in as signed_in
from cimaise.web.call import Call
from cimaise.web.limits.challenging import is_suspected, widget_of
from cimaise.web.pages.forms import read_form
from cimaise.web.pages.page import headers_with, local_path, page, shown, sign_in_page
from cimaise.web.replies.problems import status_of

_SEE_OTHER: Final = 303


@shown
async def login_page(call: Call) -> ASGIApp:
    """Asks for name and password, or a key (``?by=key``); of a one-time link only for a click.

    Links are opened by whatever looks for previews, too: only the form that this page shows
    spends the token.
    """
    token = call.query("token")
    if token is None and not call.principal.is_guest:
        return page(call, "signed_in.html")
    return sign_in_page(
        call,
        token=token,
        following=call.query("next") or "/",
        by_key=call.query("by") == "key",
        widget=await _widget(call, ""),
    )


@shown
async def sign_in(call: Call) -> ASGIApp:
    """Take the form: start a session, go on to the page that was wanted."""
    require_own_page(call)
    form = await read_form(call)
    given = _given(form)
    following = local_path(form.get("next"))
    try:
        account = await signed_in(call, given, form)
    except (NotSignedIn, Gone, TooMany, UpstreamFailed) as error:
        return await _again(call, error, following, given)
    except Forbidden as error:
        if error.code != CHALLENGE_NEEDED:
            raise
        return await _again(call, error, following, given)
    reply = RedirectResponse(following, _SEE_OTHER, {"cache-control": "no-store"})
    await set_cookie(call, reply, account.id)
    return reply


def _given(form: dict[str, str]) -> SignIn:
    """What the form was filled in with; the fields of the others are not in it, or empty."""
    if form.get("token"):
        return SignIn(token=form["token"])
    if form.get("key", "").strip():
        return SignIn(key=form["key"].strip())
    if form.get("name", "").strip() and form.get("password"):
        return SignIn(name=form["name"], password=form["password"])
    if "key" in form:
        raise Invalid("Enter a key.", field="key")
    raise Invalid("Enter a name and a password.", field="name")


async def _again(call: Call, error: CimaiseError, following: str, given: SignIn) -> ASGIApp:
    """The page once more, with a challenge where the next try needs one."""
    if not prefers_html(call.header("accept")):
        raise error
    return sign_in_page(
        call,
        status=status_of(error),
        headers=headers_with(error),
        message=error.message,
        following=following,
        by_key=given.key is not None,
        by_link=given.token is not None,
        widget=await _widget(call, given.name or ""),
    )


async def _widget(call: Call, login: str) -> Widget | None:
    challenges = call.services.access.challenges
    is_needed = await challenges.is_needed_to_sign_in(address=call.address, login=login)
    return widget_of(call) if is_needed or is_suspected(call) else None


@shown
async def sign_out(call: Call) -> ASGIApp:
    """End the session, and go to the albums."""
    require_own_page(call)
    services, provider = call.services, ""
    if call.principal.session_id is not None:
        provider = await services.access.sessions.end(call.principal)
    following = (
        "/signed-out" if services.access.oidc and provider == services.access.oidc.issuer else "/"
    )
    reply = RedirectResponse(following, _SEE_OTHER, {"cache-control": "no-store"})
    drop_cookie(call, reply)
    return reply

"""How one signs in oneself, for people: password, browsers that are signed in, API keys."""

import asyncio
from typing import Final

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.access.policy import Scope
from cimaise.errors import CimaiseError, Forbidden, Invalid, TooMany, WrongState
from cimaise.rfc.negotiation import prefers_html
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import headers_with, page, shown
from cimaise.web.replies.problems import status_of

_PAGE: Final = "/me/access"
_DONE: Final = {
    "password": "Saved. All other browsers are signed out.",
    "email": "Saved.",
    "sessions": "Signed out.",
    "revoked": "Revoked.",
}
_SCOPES: Final = {
    Scope.READ: "See and fetch",
    Scope.UPLOAD: "Upload and publish",
    Scope.MANAGE: "Change and delete",
    Scope.ADMIN: "Administer",
}


@shown
async def show(call: Call) -> ASGIApp:
    """Password, sessions, keys."""
    return await _page(call)


async def _page(
    call: Call, *, error: CimaiseError | None = None, made: str = "", key: str = ""
) -> ASGIApp:
    rights.require_account(call.principal)
    services, principal = call.services, call.principal
    account, has_password, sessions, keys = await asyncio.gather(
        services.access.accounts.find(principal.account_id),
        services.access.account_passwords.has_password(principal.account_id),
        services.access.sessions.list_sessions(principal),
        services.access.keys.list_keys(principal),
    )
    return page(
        call,
        "own_access.html",
        status=200 if error is None else status_of(error),
        headers=headers_with(error),
        account=account,
        has_password=has_password,
        provider=services.settings.oidc.label if services.access.oidc else "",
        least_chars=services.access.account_passwords.least_chars,
        sessions=sessions,
        keys=keys,
        scopes=[(one.value, text) for one, text in _SCOPES.items() if _may_give(call, one)],
        did=_DONE.get(call.query("did") or "", ""),
        message="" if error is None else error.message,
        made=made,
        key=key,
    )


def _may_give(call: Call, scope: Scope) -> bool:
    return scope is not Scope.ADMIN or call.principal.is_admin


@shown
async def change_password(call: Call) -> ASGIApp:
    """Take the form of the password."""
    require_own_page(call)
    form = await read_form(call)
    try:
        await call.services.access.account_passwords.change(
            call.principal,
            current=form.get("current", ""),
            new=form.get("new", ""),
            address=call.address,
        )
    except (Forbidden, Invalid, TooMany) as error:
        return await _refused(call, error)
    return go_on(f"{_PAGE}?did=password")


@shown
async def change_email(call: Call) -> ASGIApp:
    """Take the form of the e-mail address."""
    require_own_page(call)
    form = await read_form(call)
    try:
        await call.services.access.account_passwords.change_email(
            call.principal, form.get("email", "")
        )
    except (Invalid, WrongState) as error:
        return await _refused(call, error)
    return go_on(f"{_PAGE}?did=email")


@shown
async def end_sessions(call: Call) -> ASGIApp:
    """Take the form of one session, or of all others (without ``id``)."""
    require_own_page(call)
    form = await read_form(call)
    if "id" in form:
        await call.services.access.sessions.end_one(call.principal, form["id"])
    else:
        await call.services.access.sessions.end_others(call.principal)
    return go_on(f"{_PAGE}?did=sessions")


@shown
async def create_key(call: Call) -> ASGIApp:
    """Take the form of a new key; its text is on the page that answers, and only there."""
    require_own_page(call)
    form = await read_form(call)
    try:
        made, text = await call.services.access.keys.create_key(
            call.principal,
            name=form.get("name", "").strip(),
            scopes=tuple(one.value for one in Scope if one.value in form),
        )
    except Invalid as error:
        return await _refused(call, error)
    return await _page(call, made=made.name, key=text)


@shown
async def revoke_key(call: Call) -> ASGIApp:
    """Take the form of a key."""
    require_own_page(call)
    await call.services.access.keys.revoke_key(call.principal, call.path("id"))
    return go_on(f"{_PAGE}?did=revoked")


async def _refused(call: Call, error: CimaiseError) -> ASGIApp:
    """The page again, with what was wrong."""
    if not prefers_html(call.header("accept")):
        raise error
    return await _page(call, error=error)

"""Signing in with a provider, for browsers: there, back, and out."""

from typing import Final

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from cimaise.access.oidc.sign_in import TTL_S, Answer, require_set
from cimaise.access.policy import require_account
from cimaise.errors import CimaiseError
from cimaise.rfc.negotiation import prefers_html
from cimaise.web.accounts.own import require_own_page, set_cookie
from cimaise.web.call import Call
from cimaise.web.pages.page import headers_with, local_path, page, shown, sign_in_page
from cimaise.web.replies.problems import status_of

_FOUND: Final = 302
_COOKIE: Final = "cimaise_oidc"


@shown
async def start(call: Call) -> ASGIApp:
    """Off to the provider."""
    door = require_set(call.services.access.oidc)
    url, cookie = await door.begin(local_path(call.query("next")))
    reply = RedirectResponse(url, _FOUND, {"cache-control": "no-store"})
    _keep(call, reply, cookie)
    return reply


@shown
async def connect(call: Call) -> ASGIApp:
    """A page with the way to the provider, to link its identity to the account that asks.

    The form can't redirect there: the policy of our pages lets no form lead to others.
    """
    require_own_page(call)
    require_account(call.principal)
    door = require_set(call.services.access.oidc)
    url, cookie = await door.begin("/me/access", link_to=call.principal.account_id)
    reply = page(call, "oidc_connect.html", url=url, label=call.services.settings.oidc.label)
    _keep(call, reply, cookie)
    return reply


@shown
async def finish(call: Call) -> ASGIApp:
    """Back from the provider: a session, and on to where they wanted to go."""
    door = require_set(call.services.access.oidc)
    answer = Answer(
        call.query("code") or "", call.query("state") or "", call.query("iss"),
        call.query("error") or "",
    )  # fmt: skip
    cookie = call.request.cookies.get(_name(call))
    try:
        account, following = await door.finish(answer, cookie, call.principal)
    except CimaiseError as error:
        return _failed(call, error)
    reply = RedirectResponse(local_path(following), _FOUND, {"cache-control": "no-store"})
    await set_cookie(call, reply, account.id, provider=door.issuer)
    _forget(call, reply)
    return reply


def _failed(call: Call, error: CimaiseError) -> ASGIApp:
    """The sign-in page, with what was wrong."""
    if not prefers_html(call.header("accept")):
        raise error
    reply = sign_in_page(
        call,
        status=status_of(error),
        headers=headers_with(error),
        message=error.message,
        following="/",
    )
    _forget(call, reply)
    return reply


def _name(call: Call) -> str:
    return f"__Host-{_COOKIE}" if call.services.is_secure else _COOKIE


def _keep(call: Call, reply: Response, cookie: str) -> None:
    """Lax: the provider's answer is a visit from another site."""
    reply.set_cookie(
        _name(call), cookie, max_age=int(TTL_S), httponly=True, samesite="lax",
        secure=call.services.is_secure,
    )  # fmt: skip


def _forget(call: Call, reply: Response) -> None:
    reply.delete_cookie(_name(call), httponly=True, samesite="lax", secure=call.services.is_secure)


@shown
async def signed_out(call: Call) -> ASGIApp:
    """After the end of a session that the provider began: the way to end that one as well."""
    door = require_set(call.services.access.oidc)
    url = await door.leave_url()
    return page(call, "signed_out.html", url=url, label=call.services.settings.oidc.label)

"""Making an account by oneself, for people: by invitation, or where registration is open."""

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp

from cimaise.access.accounts.registration import Wanted
from cimaise.access.accounts.rows import Account
from cimaise.errors import CimaiseError, Forbidden, Invalid, UpstreamFailed, WrongState
from cimaise.rfc.negotiation import prefers_html
from cimaise.web.accounts.own import require_own_page, set_cookie
from cimaise.web.call import Call
from cimaise.web.limits.challenging import require_solved, widget_of
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import headers_with, page, shown
from cimaise.web.replies.problems import status_of


@shown
async def join_page(call: Call) -> ASGIApp:
    """The form of an invitation, if that is open."""
    await call.services.access.invitations.check(call.path("token"))
    return _form(call)


@shown
async def join(call: Call) -> ASGIApp:
    """Take it: an account, a session, and on to the account's page."""
    token = call.path("token")
    return await _take(call, lambda wanted: call.services.access.invitations.accept(token, wanted))


@shown
async def register_page(call: Call) -> ASGIApp:
    """The form of those who were not invited, where registration is open."""
    call.services.access.registration.require_open()
    return _form(call)


@shown
async def register(call: Call) -> ASGIApp:
    """Take it, for a solved challenge."""
    call.services.access.registration.require_open()
    return await _take(call, call.services.access.registration.register, is_asked=True)


async def _take(
    call: Call, make: Callable[[Wanted], Awaitable[Account]], *, is_asked: bool = False
) -> ASGIApp:
    require_own_page(call)
    form = await read_form(call, max_bytes=32 * 1024)
    try:
        if is_asked:
            await require_solved(call, form)
        account = await make(_wanted(form))
    except (Forbidden, Invalid, WrongState, UpstreamFailed) as error:
        if not prefers_html(call.header("accept")):
            raise
        return _form(call, error, form)
    reply = go_on("/me")
    await set_cookie(call, reply, account.id)
    return reply


def _wanted(form: dict[str, str]) -> Wanted:
    return Wanted(form.get("name", ""), form.get("password", ""), form.get("email", ""))


def _form(
    call: Call, error: CimaiseError | None = None, form: dict[str, str] | None = None
) -> ASGIApp:
    """The form, filled in as it came but for the password."""
    given = form or {}
    is_invited = "token" in call.request.path_params
    return page(
        call,
        "join.html",
        status=200 if error is None else status_of(error),
        headers=headers_with(error),
        widget=None if is_invited else widget_of(call),
        is_invited=is_invited,
        action=call.request.url.path,
        least_chars=call.services.access.account_passwords.least_chars,
        message="" if error is None else error.message,
        name=given.get("name", ""),
        email=given.get("email", ""),
    )

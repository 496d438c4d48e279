"""Accounts as administrators see them: what they hold, their limits, whether they may act."""

from typing import Final

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.access.accounts.changes import LIMITS, AccountChanges
from cimaise.access.accounts.invitations import Terms
from cimaise.access.policy import Role
from cimaise.errors import Invalid
from cimaise.settings.parsing import parse_bytes, parse_count
from cimaise.uploads.holdings import Holding, holdings
from cimaise.web.accounts.invitations import join_url
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import page, shown

_NOTHING: Final = Holding(0, 0, 0)


@shown
async def accounts(call: Call) -> ASGIApp:
    """All of them, by name."""
    return await _listed(call)


async def _listed(call: Call, *, made: str = "", key: str = "", invitation: str = "") -> ASGIApp:
    rights.require_admin(call.principal)
    services = call.services
    found = await services.access.accounts.list_accounts(call.principal)
    held = await holdings(services.database, call.principal, now=call.now)
    rows = [(one, held.by_account.get(one.id, _NOTHING)) for one in found]
    return page(
        call,
        "admin/accounts.html",
        rows=rows,
        invitations=await services.access.invitations.list_invitations(call.principal),
        made=made,
        key=key,
        invitation=invitation,
        saved=call.query("saved"),
        now=call.now,
    )


@shown
async def create(call: Call) -> ASGIApp:
    """Take the form of a new account; its first key is on the page that answers, and only there."""
    require_own_page(call)
    form = await read_form(call)
    role = form.get("role", Role.MEMBER)
    if role not in (Role.ADMIN, Role.MEMBER):
        raise Invalid("The role is admin or member.", field="role")
    made, key = await call.services.access.accounts.create(
        call.principal, name=form.get("name", "").strip(), role=Role(role)
    )
    return await _listed(call, made=made.name, key=key)


@shown
async def invite(call: Call) -> ASGIApp:
    """Take the form of an invitation; its address is on the page that answers, and only there."""
    require_own_page(call)
    form = await read_form(call)
    role = form.get("role", Role.MEMBER)
    if role not in (Role.ADMIN, Role.MEMBER):
        raise Invalid("The role is admin or member.", field="role")
    limits = {name: _limit(name, form.get(name, "")) for name in LIMITS}
    terms = Terms(form.get("note", "").strip(), Role(role), limits)
    _, token = await call.services.access.invitations.create(call.principal, terms)
    return await _listed(call, invitation=join_url(call, token))


@shown
async def revoke_invitation(call: Call) -> ASGIApp:
    """Take an invitation back."""
    require_own_page(call)
    await call.services.access.invitations.revoke(call.principal, call.path("id"))
    return go_on("/admin/accounts?saved=1")


@shown
async def change(call: Call) -> ASGIApp:
    """Take the form of one account: its limits, or whether it may act."""
    require_own_page(call)
    form = await read_form(call)
    name = call.path("name")
    await call.services.access.accounts.change(call.principal, name, _changes(form))
    return go_on("/admin/accounts?saved=1")


def _changes(form: dict[str, str]) -> AccountChanges:
    action = form.get("action")
    if action in ("disable", "enable"):
        return AccountChanges(is_disabled=action == "disable")
    if action != "save":
        raise Invalid("action is save, disable or enable.", field="action")
    return AccountChanges(limits={name: _limit(name, form.get(name, "")) for name in LIMITS})


def _limit(name: str, text: str) -> int | None:
    """``10 GB``, a number, or nothing for the setting's."""
    if not text.strip():
        return None
    try:
        return parse_count(text.strip()) if name == "daily_files" else parse_bytes(text.strip())
    except ValueError as fault:
        raise Invalid(f"{name}: {fault}", field=name) from fault

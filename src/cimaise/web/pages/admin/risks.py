"""Scores and bans as administrators see them."""

from datetime import timedelta

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.errors import Invalid
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.operation.risk import risks_json
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import page, shown

_MAX_DAYS = 3650
_WORDS = {
    "failed_upload": "uploads that failed",
    "refused_type": "types that were refused",
    "abandoned": "uploads left unfinished",
}


@shown
async def show(call: Call) -> ASGIApp:
    """Who has a score and why, and every ban."""
    rights.require_admin(call.principal)
    return page(
        call,
        "admin/risks.html",
        risks=await risks_json(call),
        words=_WORDS,
        bans=await call.services.access.bans.list(call.principal),
        now=call.now,
        saved=call.query("saved"),
    )


@shown
async def change(call: Call) -> ASGIApp:
    """Take the form: a new ban, or one that ends."""
    require_own_page(call)
    form = await read_form(call)
    bans = call.services.access.bans
    if form.get("lift"):
        await bans.lift(call.principal, form["lift"])
    else:
        days = _days(form.get("days", ""))
        await bans.create(
            call.principal,
            account=form.get("account", "").strip() or None,
            network=form.get("network", "").strip() or None,
            reason=form.get("reason", ""),
            until=call.now + timedelta(days=days) if days else None,
        )
    await call.services.access.watch.read()
    return go_on("/admin/risks?saved=1")


def _days(text: str) -> int:
    """Nothing is for good."""
    if not text.strip():
        return 0
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _MAX_DAYS):
        raise Invalid(f"days is a whole number up to {_MAX_DAYS}, or nothing.", field="days")
    return int(text)

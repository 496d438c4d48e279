"""One's own files that were removed for legal reasons: why, and how to object."""

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.library.takedowns.rows import OPEN
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import page, shown


@shown
async def show(call: Call) -> ASGIApp:
    """The newest first."""
    rights.require_account(call.principal)
    found = await call.services.library.takedowns.list_own(call.principal)
    return page(
        call,
        "removed_files.html",
        rows=[(one, one.state in OPEN) for one in found],
        did="Your objection is with the operator." if call.query("did") == "objected" else "",
    )


@shown
async def counter(call: Call) -> ASGIApp:
    """Take the form of one take-down."""
    require_own_page(call)
    form = await read_form(call)
    await call.services.library.takedowns.counter(
        call.principal, call.path("id"), form.get("statement", "")
    )
    return go_on("/me/removed?did=objected")

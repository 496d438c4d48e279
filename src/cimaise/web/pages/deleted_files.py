"""Deleted files as a page: brought back, or given up."""

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.errors import Invalid
from cimaise.library.tags import PURGE_JOB
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import page, shown

_DID = {"restored": "It is back.", "purged": "Gone for good."}


@shown
async def show(call: Call) -> ASGIApp:
    """The caller's own, the last deleted first."""
    rights.require_account(call.principal)
    return page(
        call,
        "deleted_files.html",
        rows=await call.services.library.deleted.list(call.principal),
        days=call.services.settings.library.undelete_days,
        did=_DID.get(call.query("did") or "", ""),
    )


@shown
async def change(call: Call) -> ASGIApp:
    """Take the form of one file."""
    require_own_page(call)
    form = await read_form(call)
    file_id, action = call.path("id"), form.get("action")
    if action == "restore":
        await call.services.library.deleted.restore(call.principal, file_id)
        call.services.operation.hurry(PURGE_JOB)
        return go_on("/me/deleted?did=restored")
    if action == "purge":
        await call.services.library.deleted.purge(call.principal, file_id)
        call.services.operation.hurry("discarded-objects")
        return go_on("/me/deleted?did=purged")
    raise Invalid("action is restore or purge.", field="action")

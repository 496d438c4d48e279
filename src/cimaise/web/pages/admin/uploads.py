"""Every upload, whoever began it."""

from typing import Final
from urllib.parse import urlencode

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.uploads.session import ENDED, State, UploadSession, shown_state
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import local_path, page, shown
from cimaise.web.uploads.direct import page_of_uploads

_METHODS: Final = {"direct": "signed URL", "raw": "plain PUT", "companion": "Companion"}
"""Ways of sending as people know them; the others are called as they are."""


@shown
async def uploads(call: Call) -> ASGIApp:
    """The newest first, of one state or of all."""
    rights.require_admin(call.principal)
    found, following = await page_of_uploads(call, of_all=True)
    names = {
        one.id: one.name
        for one in await call.services.access.accounts.list_accounts(call.principal)
    }
    kept = {"state": state} if (state := call.query("state")) else {}
    more = f"/admin/uploads?{urlencode(kept | {'cursor': following})}" if following else ""
    return page(
        call,
        "admin/uploads.html",
        rows=[_row(one, names) for one in found],
        states=[one.value for one in State if one is not State.COMPLETING],
        state=state or "",
        is_first=call.query("cursor") is None,
        next_url=more,
        here=f"/admin/uploads?{urlencode(dict(call.request.query_params))}",
    )


def _row(session: UploadSession, names: dict[str, str]) -> dict[str, object]:
    return {
        "id": session.id,
        "filename": session.filename,
        "account": names.get(session.account_id, ""),
        "collection": session.collection_name or "",
        "method": _METHODS.get(session.door, session.door),
        "size": session.declared_size if session.size is None else session.size,
        "state": shown_state(session),
        "reason": session.reason,
        "created_at": session.created_at,
        "url": f"/files/{session.file_id}" if session.file_id else None,
        "is_open": session.state not in ENDED and session.state is not State.PUBLISHED,
    }


@shown
async def abort(call: Call) -> ASGIApp:
    """Take the form of one upload: end it, free its bytes, give its quota back."""
    require_own_page(call)
    form = await read_form(call)
    await call.services.uploads.direct.abort(call.principal, call.path("id"))
    return go_on(local_path(form.get("next") or "/admin/uploads"))

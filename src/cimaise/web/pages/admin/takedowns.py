"""Take-downs as administrators see them: what was removed and why, and bringing it back."""

import re
from typing import Final

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.errors import Invalid
from cimaise.library.tags import PURGE_JOB
from cimaise.library.takedowns.rows import OPEN, Notice, Takedown, TakedownState
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import page, shown

_HERE: Final = "/admin/takedowns"
_MAX_FORM_BYTES: Final = 128 * 1024  # reasons of several languages, percent-encoded
_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_ADDRESS: Final = re.compile(r"(?:.*/)?(?:files|images)/([\w-]{1,64})(?:[/?#].*)?", re.ASCII)
_ID: Final = re.compile(r"[\w-]{1,64}", re.ASCII)


@shown
async def takedowns(call: Call) -> ASGIApp:
    """The newest first, of one state or of all."""
    rights.require_admin(call.principal)
    state = call.query("state")
    if state is not None and state not in set(TakedownState):
        raise Invalid("state is " + ", ".join(TakedownState) + ".", field="state")
    found = await call.services.library.takedowns.list(
        call.principal, state=TakedownState(state) if state else None
    )
    names = {
        one.id: one.name
        for one in await call.services.access.accounts.list_accounts(call.principal)
    }
    return page(
        call,
        "admin/takedowns.html",
        rows=[_row(one, names) for one in found],
        states=[one.value for one in TakedownState],
        state=state or "",
        file=call.query("file") or "",
        did=call.query("did"),
    )


def _row(takedown: Takedown, names: dict[str, str]) -> dict[str, object]:
    by = "the operator" if takedown.made_by is None else names.get(takedown.made_by, "")
    objectors = {one.account_id: names.get(one.account_id, "") for one in takedown.objections}
    return {
        "takedown": takedown, "by": by, "is_open": takedown.state in OPEN, "names": objectors,
    }  # fmt: skip


@shown
async def take_down(call: Call) -> ASGIApp:
    """Take the form: a file by its id or address, or a content by its SHA-256."""
    require_own_page(call)
    form = await read_form(call, max_bytes=_MAX_FORM_BYTES)
    what = form.get("what", "").strip()
    notice = Notice(form.get("reason", ""), form.get("reference", "").strip() or None)
    acts = call.services.library.takedowns
    if _DIGEST.fullmatch(what):
        await acts.take_down_content(
            call.principal, what.lower(), notice, size=_size(form.get("size", ""))
        )
    else:
        await acts.take_down_file(call.principal, _file_id(what), notice)
    call.services.operation.hurry(PURGE_JOB)
    return go_on(f"{_HERE}?did=taken")


def _file_id(text: str) -> str:
    """Of an address of ours, or the id itself."""
    address = _ADDRESS.fullmatch(text)
    if address:
        return address[1]
    if not _ID.fullmatch(text):
        raise Invalid("Enter a file's address or id, or a SHA-256.", field="what")
    return text


def _size(text: str) -> int | None:
    if not text.strip():
        return None
    if not (text.strip().isascii() and text.strip().isdigit() and len(text) <= 18):  # noqa: PLR2004
        raise Invalid("size is a number of bytes.", field="size")
    return int(text)


@shown
async def restore(call: Call) -> ASGIApp:
    """Take the form of one take-down: bring back what it removed."""
    require_own_page(call)
    form = await read_form(call, max_bytes=_MAX_FORM_BYTES)
    await call.services.library.takedowns.restore(
        call.principal, call.path("id"), reason=form.get("reason", "")
    )
    return go_on(f"{_HERE}?did=restored")

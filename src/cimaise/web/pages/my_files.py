"""One's own files as a page: looked through, named, hidden, shown, deleted."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.access.policy import Visibility
from cimaise.albums.addresses import THUMB_WIDTH_PX, variant_url
from cimaise.errors import Invalid
from cimaise.library.files import FileChanges
from cimaise.library.model import File
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.files.library import alter_file, remove_file
from cimaise.web.pages.albums import links_url, shares_url
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import page, shown
from cimaise.web.shapes.public import MAX_NOTE, MAX_TITLE

FILES_A_PAGE: Final = 24
_MOST_ENDING: Final = 5
MAX_FORM_BYTES: Final = 12 * MAX_NOTE + 16 * 1024
"""Of a form with a note: a character is up to twelve in a form."""


@shown
async def my_files(call: Call) -> ASGIApp:
    """What the caller has published, newest first."""
    rights.require_account(call.principal)
    listed = await call.services.library.files.list_own(
        call.principal, cursor=call.query("cursor"), limit=FILES_A_PAGE
    )
    cursor = call.query("cursor") or ""
    return page(
        call,
        "my_files.html",
        rows=[_row(call, file) for file in listed.files],
        cursor=cursor,
        next_url=f"/me/files?{urlencode({'cursor': listed.next_cursor})}"
        if listed.next_cursor
        else "",
        visibilities=[one.value for one in Visibility],
        max_title=MAX_TITLE,
        max_note=MAX_NOTE,
        did=call.query("did"),
        undelete_days=call.services.settings.library.undelete_days,
    )


def _row(call: Call, file: File) -> dict[str, object]:
    is_managed = rights.may_manage(call.principal, file.collection.facts)
    share = shares_url(file.collection.name) if is_managed else ""
    is_broken = file.is_undrawable and not file.is_taken_down
    return {
        "file": file,
        "thumb": _thumb(file),
        "is_broken": is_broken,
        "kind": _kind(file),
        "share": share,
        "links": links_url(file.id),
    }


def _kind(file: File) -> str:
    """``PDF``: what stands in the place of a picture; empty where the name does not say."""
    ending = file.filename.rpartition(".")[2] if "." in file.filename else ""
    return ending.upper() if len(ending) <= _MOST_ENDING else ""


def _thumb(file: File) -> str | None:
    """A small picture of it; ``None`` for what is none, or is not with us."""
    if not file.is_picture or file.storage_key is None or file.is_taken_down:
        return None
    return variant_url(file.id, min(THUMB_WIDTH_PX, file.width or THUMB_WIDTH_PX))


@shown
async def change_my_file(call: Call) -> ASGIApp:
    """Take the form of one file: save what was written, or delete it."""
    require_own_page(call)
    form = await read_form(call, max_bytes=MAX_FORM_BYTES)
    file_id, action = call.path("id"), form.get("action")
    if action == "delete":
        await remove_file(call, file_id)
        return _back(form, "deleted")
    if action == "save":
        await alter_file(call, file_id, changes_of(form))
        return _back(form, "saved")
    raise Invalid("action is save or delete.", field="action")


def changes_of(form: Mapping[str, str]) -> FileChanges:
    """What the fields ``title``, ``note`` and ``visibility`` say; ``Invalid`` names the field."""
    title, note = form.get("title"), form.get("note")
    if title is not None and len(title) > MAX_TITLE:
        raise Invalid(f"A title has at most {MAX_TITLE} characters.", field="title")
    if note is not None and len(note) > MAX_NOTE:
        raise Invalid(f"A note has at most {MAX_NOTE} characters.", field="note")
    visibility = form.get("visibility")
    if visibility and visibility not in set(Visibility):
        raise Invalid("visibility is public, unlisted or private.", field="visibility")
    return FileChanges(
        title=title,
        # browsers end lines with CR LF; the text has LF
        note=None if note is None else note.replace("\r\n", "\n"),
        visibility=Visibility(visibility) if visibility else None,
    )


def _back(form: dict[str, str], did: str) -> ASGIApp:
    query = {"did": did} | ({"cursor": form["cursor"]} if form.get("cursor") else {})
    return go_on(f"/me/files?{urlencode(query)}")

"""A collection's pictures on one page to be hung: order, cover, titles, other walls, deletion.

Everything is a plain form. With script pictures can be dragged as well, and stay in sight.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.access.policy import Visibility
from cimaise.albums.addresses import THUMB_WIDTH_PX, gallery_url, variant_url
from cimaise.albums.model import Pagination, Sort
from cimaise.albums.paging import parse_page
from cimaise.errors import Invalid, NotFound
from cimaise.library.arrangement import MOST_PLACED
from cimaise.library.collections import Changes
from cimaise.library.files import FileChanges
from cimaise.library.model import File
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.files.library import alter_collection, alter_file, remove_file
from cimaise.web.pages.albums import arrange_url, links_url, pager_of
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.my_files import MAX_FORM_BYTES, changes_of
from cimaise.web.pages.page import page, shown
from cimaise.web.shapes.public import MAX_NOTE, MAX_TITLE

PICTURES_A_PAGE: Final = 60
_STEPS: Final = {"first": -MOST_PLACED, "earlier": -1, "later": 1, "last": MOST_PLACED}
_SORTS: Final = {
    Sort.DATE: "Newest first",
    Sort.NAME: "By name",
    Sort.TAKEN: "By date taken",
    Sort.PLACED: "As hung here",
}
_TOLD: Final = {
    "saved": "Saved.",
    "cover": "It is the cover now.",
    "moved": "Moved.",
    "deleted": "Deleted.",
}


@shown
async def arrange(call: Call) -> ASGIApp:
    """The pictures as they hang, for whoever manages the collection."""
    rights.require_account(call.principal)
    name, number = call.path("album"), parse_page(call.query("page"))
    hung = await call.services.library.arrangement.hung(
        call.principal, name, start=(number - 1) * PICTURES_A_PAGE, limit=PICTURES_A_PAGE
    )
    listed = await call.services.library.collections.list(call.principal)
    walls = [
        one
        for one in listed
        if one.name != name and rights.may_contribute(call.principal, one.facts)
    ]
    pagination = Pagination(number, PICTURES_A_PAGE, hung.total)
    return page(
        call,
        "arrange.html",
        headers={"x-robots-tag": "noindex"},
        collection=hung.collection,
        rows=[_row(file) for file in hung.pictures],
        total=hung.total,
        start=pagination.page * pagination.limit - pagination.limit,
        walls=walls,
        sorts=_SORTS,
        undelete_days=call.services.settings.library.undelete_days,
        sort=hung.collection.sort or Sort.DATE.value,
        visibilities=[one.value for one in Visibility],
        here=arrange_url(name),
        gallery=gallery_url(name),
        pager=pager_of(arrange_url(name), pagination, {}),
        max_title=MAX_TITLE,
        max_note=MAX_NOTE,
        told=_TOLD.get(call.query("did") or "", ""),
    )


def _row(file: File) -> dict[str, object]:
    thumb = variant_url(file.id, min(THUMB_WIDTH_PX, file.width or THUMB_WIDTH_PX))
    name = file.title or file.filename
    return {"file": file, "name": name, "thumb": thumb, "links": links_url(file.id)}


@shown
async def change_wall(call: Call) -> ASGIApp:
    """Take the form of the collection itself: its title, who may see it, its order."""
    require_own_page(call)
    form, name = await read_form(call), call.path("album")
    title, visibility, sort = (
        form.get("title", "").strip(),
        form.get("visibility"),
        form.get("sort"),
    )
    if not title or len(title) > MAX_TITLE:
        raise Invalid(f"A title has 1 to {MAX_TITLE} characters.", field="title")
    if visibility not in set(Visibility):
        raise Invalid("visibility is public, unlisted or private.", field="visibility")
    if sort not in _SORTS:
        raise Invalid("sort is date, name, taken or placed.", field="sort")
    changes = Changes(title=title, visibility=Visibility(visibility), sort=sort)
    await alter_collection(call, name, changes)
    return _back(name, form, "saved")


@shown
async def change_picture(call: Call) -> ASGIApp:
    """Take the form of one picture: where it hangs, what it is called, or that it goes."""
    require_own_page(call)
    form = await read_form(call, max_bytes=MAX_FORM_BYTES)
    name, file_id, action = call.path("album"), call.path("id"), form.get("action", "")
    if action in _STEPS:
        await call.services.library.arrangement.shift(call.principal, name, file_id, _STEPS[action])
        return _back(name, form, "", file_id)
    if action in ("before", "behind"):
        await call.services.library.arrangement.put_beside(
            call.principal, name, file_id, form.get("other", ""), is_behind=action == "behind"
        )
        return _back(name, form, "", file_id)
    if action == "cover":
        await alter_collection(call, name, Changes(cover=file_id))
        return _back(name, form, "cover", file_id)
    return await _change_file(call, name, file_id, form)


async def _change_file(call: Call, name: str, file_id: str, form: Mapping[str, str]) -> ASGIApp:
    action = form.get("action")
    found = await call.services.library.files.find(call.principal, file_id)
    if found.collection.name != name:
        raise NotFound("There is no such picture here.")
    if action == "save":
        await alter_file(call, file_id, changes_of(form))
        return _back(name, form, "saved", file_id)
    if action == "move":
        if not form.get("to"):
            raise Invalid("Choose where to.", field="to")
        await alter_file(call, file_id, FileChanges(), to=form["to"])
        return _back(name, form, "moved")
    if action == "delete":
        await remove_file(call, file_id)
        return _back(name, form, "deleted")
    raise Invalid("action is first, earlier, later, last, before, behind, cover, save, move or delete.", field="action")  # fmt: skip


def _back(name: str, form: Mapping[str, str], did: str, file_id: str = "") -> ASGIApp:
    """The same page again, at the picture."""
    asked = form.get("page") or "1"
    query = {"page": asked} if asked != "1" else {}
    query |= {"did": did} if did else {}
    where = arrange_url(name) + (f"?{urlencode(query)}" if query else "")
    return go_on(where + (f"#file-{quote(file_id, safe='')}" if file_id else ""))

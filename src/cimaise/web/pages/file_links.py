"""Signed links to one file on one page: made, copied, taken back. Everything is a plain form."""

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.access.links.links import MAX_TTL_S, MAX_USES, Link
from cimaise.access.policy import Scope, Visibility
from cimaise.albums.addresses import gallery_url
from cimaise.errors import CimaiseError, Invalid
from cimaise.rfc.negotiation import prefers_html
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.files.links import address_of, managed_file
from cimaise.web.pages.albums import links_url
from cimaise.web.pages.forms import go_on, read_form, whole_number
from cimaise.web.pages.page import headers_with, page, shown
from cimaise.web.replies.problems import status_of

_UNITS_S: Final = {"minutes": 60, "hours": 3600, "days": 86400}
_BLANK: Final = {"lasts": "", "unit": "days", "max_uses": ""}
_TOLD: Final = {
    "made": "The link is made.",
    "revoked": "Taken back. It opens nothing any more.",
    "all": "All are taken back. They open nothing any more.",
}


@shown
async def links(call: Call) -> ASGIApp:
    """The links to a file, for whoever may change it."""
    return await _page(call)


@shown
async def make(call: Call) -> ASGIApp:
    """Take the form of a new link, or the one that takes all back."""
    require_own_page(call)
    form = await read_form(call)
    try:
        return await _done(call, form)
    except Invalid as error:
        if not prefers_html(call.header("accept")):
            raise
        return await _page(call, error, form)


async def _done(call: Call, form: Mapping[str, str]) -> ASGIApp:
    file, given = await managed_file(call), call.services.access.links
    action = form.get("action")
    if action == "revoke":
        await given.revoke_of_file(call.principal, file.id)
        return go_on(f"{links_url(file.id)}?did=all")
    if action:
        raise Invalid("action is revoke, or nothing for a new link.", field="action")
    made, _ = await given.create(
        call.principal,
        file.id,
        expires_in_s=_seconds(form),
        download="download" in form,
        max_uses=whole_number(
            form, "max_uses", MAX_USES, f"A link may be used 1 to {MAX_USES:,} times."
        ),
    )
    return go_on(f"{links_url(file.id)}?did=made#link-{made.id}")


@shown
async def change(call: Call) -> ASGIApp:
    """Take the form of one link: it is taken back, whoever made it."""
    require_own_page(call)
    form, file = await read_form(call), await managed_file(call)
    if form.get("action") != "revoke":
        raise Invalid("action is revoke.", field="action")
    await call.services.access.links.revoke_one_of_file(call.principal, file.id, call.path("link"))
    return go_on(f"{links_url(file.id)}?did=revoked")


def _seconds(form: Mapping[str, str]) -> float | None:
    unit = form.get("unit", "days")
    unit_s = _UNITS_S.get(unit)
    if unit_s is None:
        raise Invalid("unit is minutes, hours or days.", field="unit")
    most = MAX_TTL_S // unit_s
    number = whole_number(form, "lasts", most, f"A link lasts 1 to {most:,} {unit}.")
    return None if number is None else float(number * unit_s)


async def _page(
    call: Call, error: CimaiseError | None = None, form: Mapping[str, str] | None = None
) -> ASGIApp:
    """The page, filled in as it came where something was wrong with it."""
    rights.require_account(call.principal)
    rights.require_scope(call.principal, Scope.MANAGE)
    file = await managed_file(call)
    found = await call.services.access.links.of_file(call.principal, file.id)
    makers = await _makers(call, found)
    return page(
        call,
        "file_links.html",
        status=200 if error is None else status_of(error),
        headers=headers_with(error) | {"x-robots-tag": "noindex"},
        file=file,
        name=file.title or file.filename,
        is_public=file.shown_visibility is Visibility.PUBLIC,
        visibility=file.shown_visibility.value,
        gallery=gallery_url(file.collection.name),
        here=links_url(file.id),
        rows=[(link, address_of(call, link), makers[link.account_id]) for link in found],
        units=list(_UNITS_S),
        usual_s=call.services.settings.links.ttl,
        given=_BLANK | {"download": ""} | dict(form or {}),
        most_uses=MAX_USES,
        told=_TOLD.get(call.query("did") or "", "") if error is None else "",
        message="" if error is None else error.message,
    )


async def _makers(call: Call, found: Sequence[Link]) -> dict[str, str]:
    """Names of those who made the links; of the reader's own links there is nothing to tell."""
    names = {call.principal.account_id: ""}
    for link in found:
        if link.account_id not in names:
            account = await call.services.access.accounts.find(link.account_id)
            names[link.account_id] = account.name
    return names

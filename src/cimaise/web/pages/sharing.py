"""Share links of an album on one page: made, copied, taken back. Everything is a plain form."""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.access.links.shares import MAX_NAME, Downloads, Share, Terms
from cimaise.access.policy import Visibility
from cimaise.albums.addresses import gallery_url
from cimaise.errors import CimaiseError, Invalid
from cimaise.rfc.negotiation import prefers_html
from cimaise.web.accounts.own import require_own_page
from cimaise.web.albums.share_links import address_of, list_shares, make_share, state_of
from cimaise.web.call import Call
from cimaise.web.pages.albums import shares_url
from cimaise.web.pages.forms import go_on, read_form, whole_number
from cimaise.web.pages.page import headers_with, page, shown
from cimaise.web.replies.problems import status_of

_DAY_S: Final = 86400
_MOST_DAYS: Final = 3650
_FORM_BYTES: Final = 32 * 1024  # a password of a thousand characters is up to twelve thousand bytes
_KEPT: Final = {
    Downloads.NONE: "nothing",
    Downloads.WEB: "web size",
    Downloads.ORIGINAL: "originals",
}
_BLANK: Final = {"name": "", "days": "", "downloads": Downloads.WEB.value, "watermark": ""}
_TOLD: Final = {"made": "The link is made.", "revoked": "Taken back. It opens nothing any more."}


@shown
async def shares(call: Call) -> ASGIApp:
    """The links of an album, for whoever manages it."""
    return await _page(call)


@shown
async def make(call: Call) -> ASGIApp:
    """Take the form of a new link."""
    require_own_page(call)
    form, album = await read_form(call, max_bytes=_FORM_BYTES), call.path("album")
    try:
        made = await make_share(call, album, _terms(form))
    except Invalid as error:
        if not prefers_html(call.header("accept")):
            raise
        return await _page(call, error, form)
    return go_on(f"{shares_url(album)}?did=made#share-{made.id}")


@shown
async def change(call: Call) -> ASGIApp:
    """Take the form of one link: it is taken back."""
    require_own_page(call)
    form = await read_form(call)
    if form.get("action") != "revoke":
        raise Invalid("action is revoke.", field="action")
    album = await call.services.access.shares.revoke(call.principal, call.path("id"))
    return go_on(f"{shares_url(album)}?did=revoked")


def _terms(form: Mapping[str, str]) -> Terms:
    downloads = form.get("downloads", Downloads.WEB)
    if downloads not in set(Downloads):
        raise Invalid("downloads is none, web or original.", field="downloads")
    return Terms(
        password=form.get("password", ""),
        expires_in_s=_seconds(form),
        downloads=Downloads(downloads),
        watermark=form.get("watermark") or None,
        name=form.get("name", "").strip(),
    )


def _seconds(form: Mapping[str, str]) -> float | None:
    refusal = f"A link ends after 1 to {_MOST_DAYS} days, or never."
    number = whole_number(form, "days", _MOST_DAYS, refusal)
    return None if number is None else float(number * _DAY_S)


async def _page(
    call: Call, error: CimaiseError | None = None, form: Mapping[str, str] | None = None
) -> ASGIApp:
    """The page, filled in as it came but for the password where something was wrong with it."""
    rights.require_account(call.principal)
    name = call.path("album")
    found = await list_shares(call, name)
    album = await call.services.catalogue.open_album(call.principal, name, limit=1)
    return page(
        call,
        "shares.html",
        status=200 if error is None else status_of(error),
        headers=headers_with(error) | {"x-robots-tag": "noindex"},
        title=album.title,
        is_private=album.visibility is Visibility.PRIVATE,
        visibility=album.visibility.value,
        here=shares_url(name),
        gallery=gallery_url(name),
        rows=[_row(call, share) for share in found],
        choices=[(one.value, text) for one, text in _KEPT.items()],
        watermarks=sorted(call.services.images.spec_limits.watermarks),
        cleans=call.services.settings.shares.clean_originals,
        given=_BLANK | dict(form or {}),
        max_name=MAX_NAME,
        most_days=_MOST_DAYS,
        told=_TOLD.get(call.query("did") or "", "") if error is None else "",
        message="" if error is None else error.message,
    )


def _row(call: Call, share: Share) -> dict[str, object]:
    return {
        "share": share,
        "address": address_of(call, share),
        "kept": _KEPT[share.downloads],
        "state": state_of(share, call.now),
    }

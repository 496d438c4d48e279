"""Collections on pages: made, described, opened to others, deleted. Everything is a plain form."""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.access.policy import MemberRole, Visibility
from cimaise.albums.addresses import gallery_url
from cimaise.errors import CimaiseError, Invalid, NotFound, WrongState
from cimaise.library.collections import Changes
from cimaise.library.model import Policy
from cimaise.rfc.negotiation import prefers_html
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.files.library import alter_collection
from cimaise.web.pages.albums import settings_url
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import headers_with, page, shown
from cimaise.web.pages.policy_form import policy_fields, policy_of, written_policy
from cimaise.web.pages.words import format_slug
from cimaise.web.replies.problems import status_of
from cimaise.web.shapes.public import MAX_TITLE

_ACTIONS: Final = ("set", "remove")
_FORM_BYTES: Final = 32 * 1024
_TOLD: Final = {
    "made": "The collection is made.",
    "saved": "Saved.",
    "member": "Saved. It holds at once.",
    "removed": "Removed. It holds at once.",
}
_BLANK: Final = {"title": "", "name": "", "visibility": Visibility.PRIVATE.value}
_REFUSALS: Final = (Invalid, NotFound, WrongState)


@shown
async def new(call: Call) -> ASGIApp:
    """The form of a new collection."""
    return _new_page(call)


@shown
async def create(call: Call) -> ASGIApp:
    """Take it: whoever sends it owns the collection."""
    require_own_page(call)
    form = await read_form(call, max_bytes=_FORM_BYTES)
    try:
        title = _title(form)
        made = await call.services.library.collections.create(
            call.principal,
            form.get("name", "").strip() or _name_of(title),
            title=title,
            visibility=_visibility(form),
            policy=policy_of(form, Policy()),
        )
    except _REFUSALS as error:
        if not prefers_html(call.header("accept")):
            raise
        return _new_page(call, error, form)
    return go_on(f"{settings_url(made.name)}?did=made")


def _new_page(
    call: Call, error: CimaiseError | None = None, form: Mapping[str, str] | None = None
) -> ASGIApp:
    rights.require_account(call.principal)
    given = form or {}
    written = written_policy(given)
    return page(
        call,
        "new_collection.html",
        status=200 if error is None else status_of(error),
        headers=headers_with(error),
        given=_BLANK | policy_fields(Policy()) | dict(given) | written,
        has_written_policy=bool(written),
        visibilities=[one.value for one in Visibility],
        max_title=MAX_TITLE,
        message="" if error is None else error.message,
    )


@shown
async def settings(call: Call) -> ASGIApp:
    """What can be changed of a collection, for whoever manages it."""
    return await _settings_page(call)


@shown
async def change(call: Call) -> ASGIApp:
    """Take the form of title, visibility and policy."""
    require_own_page(call)
    form, name = await read_form(call, max_bytes=_FORM_BYTES), call.path("album")
    try:
        before = await call.services.library.collections.find(call.principal, name)
        changes = Changes(_title(form), _visibility(form), policy_of(form, before.policy))
        await alter_collection(call, name, changes)
    except Invalid as error:
        return await _refused(call, error, form)
    return go_on(f"{settings_url(name)}?did=saved")


@shown
async def change_member(call: Call) -> ASGIApp:
    """Take the form of one account: the role that it has from now on, or none."""
    require_own_page(call)
    form, name = await read_form(call), call.path("album")
    account = form.get("account", "").strip()
    try:
        if _action(form) == "remove":
            await call.services.library.collections.remove_member(call.principal, name, account)
            return go_on(f"{settings_url(name)}?did=removed#people")
        await call.services.library.collections.set_member(
            call.principal, name, account, _role(form)
        )
    except (Invalid, NotFound) as error:
        return await _refused(call, error, {"account": account})
    return go_on(f"{settings_url(name)}?did=member#people")


async def _refused(call: Call, error: CimaiseError, form: Mapping[str, str]) -> ASGIApp:
    """The page again, with what was wrong and what was written."""
    if not prefers_html(call.header("accept")):
        raise error
    return await _settings_page(call, error, form)


async def _settings_page(
    call: Call, error: CimaiseError | None = None, form: Mapping[str, str] | None = None
) -> ASGIApp:
    rights.require_account(call.principal)
    name, given = call.path("album"), form or {}
    written = written_policy(given)
    belonging = await call.services.library.collections.members(call.principal, name)
    collection = await call.services.library.collections.find(call.principal, name)
    saved = {"title": collection.title, "visibility": collection.visibility.value, "account": ""}
    return page(
        call,
        "collection.html",
        status=200 if error is None else status_of(error),
        headers=headers_with(error) | {"x-robots-tag": "noindex"},
        collection=collection,
        belonging=belonging,
        here=settings_url(name),
        gallery=gallery_url(name),
        given=saved | policy_fields(collection.policy) | dict(given) | written,
        has_written_policy=bool(written),
        visibilities=[one.value for one in Visibility],
        roles=[one.value for one in MemberRole],
        max_title=MAX_TITLE,
        told=_TOLD.get(call.query("did") or "", "") if error is None else "",
        message="" if error is None else error.message,
    )


@shown
async def deletion(call: Call) -> ASGIApp:
    """Ask once more."""
    return await _deletion_page(call)


@shown
async def delete(call: Call) -> ASGIApp:
    """Take the answer: an empty collection is deleted."""
    require_own_page(call)
    await read_form(call)
    try:
        await call.services.library.collections.delete(call.principal, call.path("album"))
    except WrongState as error:
        if not prefers_html(call.header("accept")):
            raise
        return await _deletion_page(call, error)
    return go_on("/me?did=collection")


async def _deletion_page(call: Call, error: CimaiseError | None = None) -> ASGIApp:
    rights.require_account(call.principal)
    name = call.path("album")
    found = await call.services.library.collections.find(call.principal, name)
    rights.require_manage(call.principal, found.facts)
    listed = await call.services.library.files.list(call.principal, name, cursor=None, limit=1)
    return page(
        call,
        "delete_collection.html",
        status=200 if error is None else status_of(error),
        headers=headers_with(error) | {"x-robots-tag": "noindex"},
        collection=found,
        is_empty=not listed.files,
        here=settings_url(name),
        gallery=gallery_url(name),
        message="" if error is None else error.message,
    )


def _title(form: Mapping[str, str]) -> str:
    title = form.get("title", "").strip()
    if not title or len(title) > MAX_TITLE:
        raise Invalid(f"A title has 1 to {MAX_TITLE} characters.", field="title")
    return title


def _visibility(form: Mapping[str, str]) -> Visibility:
    visibility = form.get("visibility")
    if visibility not in set(Visibility):
        raise Invalid("visibility is public, unlisted or private.", field="visibility")
    return Visibility(visibility)


def _action(form: Mapping[str, str]) -> str:
    action = form.get("action", "")
    if action not in _ACTIONS:
        raise Invalid("action is set or remove.", field="action")
    return action


def _role(form: Mapping[str, str]) -> MemberRole:
    role = form.get("role")
    if role not in set(MemberRole):
        raise Invalid("role is viewer, contributor or manager.", field="role")
    return MemberRole(role)


def _name_of(title: str) -> str:
    name = format_slug(title)
    if not name:
        raise Invalid("Give it a name of a-z, 0-9, - and _ for its address.", field="name")
    return name

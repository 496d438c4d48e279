"""Where people choose files to send, signed in or with an upload token."""

from typing import Final

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.web.call import Call
from cimaise.web.limits.challenging import must_solve
from cimaise.web.pages.albums import contributable
from cimaise.web.pages.page import page, shown
from cimaise.web.pages.proving import proving_page
from cimaise.web.uploads.token_access import right_of

_DIGITS: Final = 7


@shown
async def upload_page(call: Call) -> ASGIApp:
    """Where files are chosen or dropped; and, after a plain form was sent, what became of them."""
    rights.require_account(call.principal)
    if await must_solve(call):
        return proving_page(call, _here(call))
    listed = await call.services.library.collections.list(call.principal)
    into = [one for one in listed if rights.may_contribute(call.principal, one.facts)]
    wanted = call.query("collection")
    if wanted and wanted not in {one.name for one in into}:
        unlisted = await contributable(call, wanted)
        into += [unlisted] if unlisted else []
    return page(
        call,
        "upload.html",
        collections=into,
        wanted=wanted,
        done=_count_done(call.query("done")),
        public_url=call.services.settings.public_url,
    )


@shown
async def token_page(call: Call) -> ASGIApp:
    """Where somebody without an account, but with an upload token, chooses files."""
    right = await right_of(call)
    if await must_solve(call):
        return proving_page(call, _here(call))
    return page(
        call,
        "upload_by_token.html",
        title=right.collection,
        expires_at=right.token.expires_at,
        done=_count_done(call.query("done")),
    )


def _here(call: Call) -> str:
    asked = call.request.url
    return f"{asked.path}?{asked.query}" if asked.query else asked.path


def _count_done(text: str | None) -> int:
    """How many files a plain form has brought; 0 for whatever is no such number."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < _DIGITS else 0

"""One's own account, for people: points, quota, uploads, collections."""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.access.policy import MemberRole
from cimaise.uploads.quota import QuotaState
from cimaise.uploads.session import UploadSession, shown_state
from cimaise.web.call import Call
from cimaise.web.pages.page import page, shown

_UPLOADS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class _Bar:
    """A limit and what is used of it; ``limit`` is 0 where there is none."""

    name: str
    used: int
    limit: int
    in_bytes: bool


@shown
async def me(call: Call) -> ASGIApp:
    """The caller's account: points, quota, uploads, collections."""
    rights.require_account(call.principal)
    services, principal = call.services, call.principal
    account, quota, uploads, listed = await asyncio.gather(
        services.access.accounts.find(principal.account_id),
        services.quota_of(principal.account_id),
        services.uploads.direct.list(principal, state=None, before=None, limit=_UPLOADS_SHOWN),
        services.library.collections.list(principal),
    )
    return page(
        call,
        "me.html",
        account=account,
        quota=quota,
        bars=_bars(quota),
        uploads=[_upload_row(session) for session in uploads],
        collections=[
            one
            for one in listed
            if principal.account_id == one.owner_id or one.member_role is MemberRole.MANAGER
        ],
        deleted=call.query("did") == "collection",
    )


def _bars(quota: QuotaState) -> list[_Bar]:
    return [
        _Bar("Today", quota.daily_used, quota.daily_bytes, in_bytes=True),
        _Bar("Files today", quota.daily_files_used, quota.daily_files, in_bytes=False),
        _Bar("In total", quota.total_used, quota.total_bytes, in_bytes=True),
    ]


def _upload_row(session: UploadSession) -> dict[str, object]:
    size = session.size if session.size is not None else session.declared_size
    return {
        "filename": session.filename,
        "collection": session.collection_name,
        "size": size,
        "state": shown_state(session),
        "reason": session.reason,
        "created_at": session.created_at,
        "url": f"/files/{session.file_id}" if session.file_id else None,
    }

"""What administrators ask of the installation as a whole."""

from datetime import timedelta
from typing import Any

from msgspec import UNSET
from starlette.types import ASGIApp

from cimaise.access.accounts.changes import LIMITS, AccountChanges
from cimaise.access.accounts.rows import Account
from cimaise.access.policy import Role
from cimaise.uploads.holdings import Holding, holdings
from cimaise.uploads.statistics import Question, statistics_json
from cimaise.web.call import Call
from cimaise.web.replies.reply import json_reply
from cimaise.web.shapes.public import ChangeAccount, CleanUp, CreateAccount, session_json, time_text
from cimaise.web.uploads.direct import page_of_uploads


async def list_accounts(call: Call) -> ASGIApp:
    """Every account, with its limits and what it holds."""
    services = call.services
    accounts = await services.access.accounts.list_accounts(call.principal)
    held = await holdings(services.database, call.principal, now=call.now)
    nothing = Holding(0, 0, 0)
    listed = [_account_json(one, held.by_account.get(one.id, nothing)) for one in accounts]
    return json_reply({"accounts": listed})


async def create_account(call: Call) -> ASGIApp:
    """An account, and its first API key, which is shown this once."""
    body = await call.json(CreateAccount)
    made, key = await call.services.access.accounts.create(
        call.principal,
        name=body.name,
        role=Role(body.role),
        daily_bytes=body.daily_bytes,
        daily_files=body.daily_files,
        total_bytes=body.total_bytes,
    )
    return json_reply(_account_json(made, Holding(0, 0, 0)) | {"key": key}, status=201)


async def change_account(call: Call) -> ASGIApp:
    """Limits and role; disable or enable."""
    body = await call.json(ChangeAccount)
    given = {name: getattr(body, name) for name in LIMITS}
    changes = AccountChanges(
        limits={name: value for name, value in given.items() if value is not UNSET},
        role=Role(body.role) if body.role else None,
        is_disabled=body.disabled,
    )
    changed = await call.services.access.accounts.change(call.principal, call.path("name"), changes)
    held = await holdings(call.services.database, call.principal, now=call.now)
    return json_reply(_account_json(changed, held.by_account[changed.id]))


def _account_json(account: Account, held: Holding) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "role": account.role.value,
        "points": account.points,
        "created_at": time_text(account.created_at),
        "disabled_at": time_text(account.disabled_at) if account.disabled_at else None,
        "daily_bytes": account.daily_bytes,
        "daily_files": account.daily_files,
        "total_bytes": account.total_bytes,
        "daily_used": held.daily_bytes,
        "daily_files_used": held.daily_files,
        "total_used": held.total_bytes,
    }


async def list_uploads(call: Call) -> ASGIApp:
    """The uploads of all accounts, newest first."""
    page, following = await page_of_uploads(call, of_all=True)
    listed = [session_json(one) | {"account": one.account_id} for one in page]
    return json_reply({"uploads": listed, "next_cursor": following})


async def clean_up(call: Call) -> ASGIApp:
    """One run of the clean-up, now, or what it would free."""
    body = await call.json(CleanUp)
    report = await call.services.uploads.cleanup.run(
        dry_run=body.dry_run or call.flag("dry_run"),
        older_than=None if body.older_than is None else timedelta(seconds=body.older_than),
        account_id=call.principal.account_id,
    )
    freed = {
        name: {"count": one.count, "bytes": one.bytes, "refused": one.refused}
        for name, one in report.freed.items()
    }
    answer = {"dry_run": report.is_dry_run, "bytes_freed": report.bytes, "freed": freed}
    return json_reply(answer)


async def upload_statistics(call: Call) -> ASGIApp:
    """Uploads by day and account: how many, how well, how long, how much."""
    question = Question(
        first=call.query("from"),
        last=call.query("to"),
        account=call.query("account"),
        cursor=call.query("cursor"),
        limit=call.number("limit", 100),
    )
    told = await call.services.uploads.statistics.ask(call.principal, question)
    return json_reply(statistics_json(told))

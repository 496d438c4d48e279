"""What administrators ask of the installation as a whole."""

from datetime import timedelta

from starlette.types import ASGIApp

from cimaise.uploads.statistics import Question, statistics_json
from cimaise.web.call import Call
from cimaise.web.reply import json_reply
from cimaise.web.shapes import CleanUp


async def clean_up(call: Call) -> ASGIApp:
    """One run of the clean-up, now, or what it would free."""
    body = await call.json(CleanUp)
    report = await call.services.cleanup.run(
        dry_run=body.dry_run or call.flag("dry_run"),
        older_than=None if body.older_than is None else timedelta(seconds=body.older_than),
        account_id=call.principal.account_id,
    )
    freed = {name: {"count": one.count, "bytes": one.bytes} for name, one in report.freed.items()}
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
    told = await call.services.upload_statistics.ask(call.principal, question)
    return json_reply(statistics_json(told))

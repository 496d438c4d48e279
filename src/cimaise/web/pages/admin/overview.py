"""The installation at a glance: what is kept, what comes and goes, what could be freed."""

import asyncio
from collections import Counter
from typing import Final, Literal
from urllib.parse import urlencode

from starlette.types import ASGIApp

from cimaise.access import policy as rights
from cimaise.albums.addresses import gallery_url
from cimaise.delivery.statistics import Delivered, delivered
from cimaise.errors import Invalid
from cimaise.uploads.holdings import holdings
from cimaise.uploads.statistics import Question
from cimaise.web.accounts.own import require_own_page
from cimaise.web.call import Call
from cimaise.web.pages.charts import DAYS, by_day
from cimaise.web.pages.forms import go_on, read_form
from cimaise.web.pages.page import page, shown

_DIGITS: Final = 18
_FILES_SHOWN: Final = 10


@shown
async def overview(call: Call) -> ASGIApp:
    """Numbers and plots of the last thirty days."""
    rights.require_admin(call.principal)
    services = call.services
    await services.delivery.tally.flush()
    held, told, sent, accounts, faults = await asyncio.gather(
        holdings(services.database, call.principal, now=call.now),
        services.uploads.statistics.ask(call.principal, Question(limit=1)),
        delivered(services.database, call.principal, days=DAYS, now=call.now),
        services.access.accounts.list_accounts(call.principal),
        services.catalogue.faults(call.principal),
    )
    today = call.now.date()
    return page(
        call,
        "admin/overview.html",
        held=held,
        uploads=told.total,
        cached=services.images.cached_bytes(),
        cache_limit=services.settings.images.cache_bytes,
        active=sum(one.disabled_at is None for one in accounts),
        charts=[
            (
                "Bytes received",
                by_day({d: one.bytes for d, one in told.days}, today=today, in_bytes=True),
            ),
            ("Uploads begun", by_day({d: one.begun for d, one in told.days}, today=today)),
            ("Bytes delivered", by_day(_days(sent, "bytes"), today=today, in_bytes=True)),
            ("Transfers", by_day(_days(sent, "requests"), today=today)),
        ],
        fetched=[one for one in sent.files if one.filename][:_FILES_SHOWN],
        programs=sent.crawlers_share,
        freed=_freed(call),
        faults=[(name, gallery_url(name), fault) for name, fault in sorted(faults.items())],
    )


def _days(sent: Delivered, what: Literal["bytes", "requests"]) -> dict[str, int]:
    """Of all who fetched, guests among them, by day."""
    sums: Counter[str] = Counter()
    for one in sent.readers:
        sums[one.day or ""] += one.bytes if what == "bytes" else one.requests
    return sums


def _freed(call: Call) -> tuple[str, int, int] | None:
    """What the last clean-up said, by the address that its form led to."""
    kind, count, size = (call.query(name) or "" for name in ("cleaned", "count", "bytes"))
    if kind not in ("would", "did") or not all(_is_number(text) for text in (count, size)):
        return None
    return kind, int(count), int(size)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


@shown
async def clean_up(call: Call) -> ASGIApp:
    """Take the form: clean up now, or only say what that would free."""
    require_own_page(call)
    action = (await read_form(call)).get("action")
    if action not in ("try", "clean"):
        raise Invalid("action is try or clean.", field="action")
    report = await call.services.uploads.cleanup.run(
        dry_run=action == "try", account_id=call.principal.account_id
    )
    told = {
        "cleaned": "would" if report.is_dry_run else "did",
        "count": sum(one.count for one in report.freed.values()),
        "bytes": report.bytes,
    }
    return go_on(f"/admin?{urlencode(told)}")

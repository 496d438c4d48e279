"""``/metrics``: counters of all processes of this machine, and levels read from the database."""

import asyncio
import hmac
from collections.abc import Callable, Mapping

from sqlalchemy import ColumnElement, Connection, Table, func, select
from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise import telemetry
from cimaise.database.engine import Database
from cimaise.database.schema import (
    discarded_objects,
    purges,
    uploads,
    usage_totals,
    webhook_deliveries,
)
from cimaise.errors import CimaiseError, NotSignedIn
from cimaise.telemetry.metrics import CONTENT_TYPE
from cimaise.uploads.session import LIVING
from cimaise.web.asgi.ready_access_log import AnsweredAtOnce
from cimaise.web.call import Call
from cimaise.web.operation.kept_text import KeptText

LEVELS: Mapping[str, str] = {
    "discarded_objects": "Objects that nothing needs and that wait to be deleted.",
    "discarded_bytes": "Bytes of these, as far as they are known.",
    "refused_objects": "Of these, how many the storage refused to delete.",
    "deliveries_waiting": "Deliveries to webhooks that wait, for their first or next attempt.",
    "purges_waiting": "What a cache in front has yet to be told to forget.",
    "open_uploads": "Uploads that have begun and not ended.",
    "stored_bytes": "Bytes that accounts keep here.",
}
"""What is read from the database when somebody asks, by name, with its meaning."""


async def metrics(call: Call) -> ASGIApp:
    """Everything in Prometheus' text form. Where the database is away, all but its levels."""
    _require_token(call)
    text = await call.services.operation.metrics_text.get()
    return Response(text, headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"})


def metrics_text(
    database: Database,
    at_once: AnsweredAtOnce,
    waiting: Callable[[], int],
    cached_bytes: Callable[[], int],
    keep_s: float,
) -> KeptText:
    """What is answered; it costs tens of milliseconds, most of them in a thread.

    Args:
        database: Levels are read from it.
        at_once: What it has added up is counted first.
        waiting: How many pictures wait to be made.
        cached_bytes: Of pictures that are kept on disk.
        keep_s: See :class:`KeptText`.
    """

    async def make() -> bytes:
        at_once.settle()
        telemetry.level("pictures_waiting", waiting())
        telemetry.level("variant_cache_bytes", cached_bytes())
        try:
            values = await database.read(_levels)
        except CimaiseError:
            values = {}
        facts = {name: (LEVELS[name], value) for name, value in values.items()}
        return await asyncio.to_thread(telemetry.expose, facts)

    return KeptText(make, keep_s)


def _require_token(call: Call) -> None:
    wanted = call.services.settings.metrics.token
    shown = call.request.headers.get("authorization", "")
    if wanted and not hmac.compare_digest(shown.encode(), f"Bearer {wanted}".encode()):
        raise NotSignedIn("The metrics are for whoever has their token.")


def _levels(connection: Connection) -> dict[str, float]:
    discarded = discarded_objects.c
    waiting, size, refused = connection.execute(
        select(func.count(), func.sum(discarded.size), func.count(discarded.refused_at))
    ).one()
    return {
        "discarded_objects": waiting,
        "discarded_bytes": size or 0,
        "deliveries_waiting": _count(
            connection, webhook_deliveries, webhook_deliveries.c.state == "waiting"
        ),
        "purges_waiting": _count(connection, purges),
        "refused_objects": refused,
        "open_uploads": _count(connection, uploads, uploads.c.state.in_(LIVING)),
        "stored_bytes": connection.execute(select(func.sum(usage_totals.c.used_bytes))).scalar()
        or 0,
    }


def _count(connection: Connection, table: Table, *wanted: ColumnElement[bool]) -> int:
    counted = select(func.count()).select_from(table).where(*wanted)
    return int(connection.execute(counted).scalar_one())

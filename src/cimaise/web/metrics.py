"""``/metrics``: counters of all processes of this machine, and levels read from the database."""

import hmac
from collections.abc import Mapping

from sqlalchemy import Connection, func, select
from starlette.responses import Response
from starlette.types import ASGIApp

from cimaise import telemetry
from cimaise.database.schema import discarded_objects, uploads, usage_totals
from cimaise.errors import CimaiseError, NotSignedIn
from cimaise.telemetry.metrics import CONTENT_TYPE
from cimaise.web.call import Call

_OPEN_STATES = ("pending", "uploading", "completing", "uploaded")

LEVELS: Mapping[str, str] = {
    "discarded_objects": "Objects that nothing needs and that wait to be deleted.",
    "open_uploads": "Uploads that have begun and not ended.",
    "stored_bytes": "Bytes that accounts keep here.",
}
"""What is read from the database when somebody asks, by name, with its meaning."""


async def metrics(call: Call) -> ASGIApp:
    """Everything in Prometheus' text form. Where the database is away, all but its levels."""
    _require_token(call)
    call.services.at_once.settle()
    telemetry.level("pictures_waiting", call.services.variants.waiting)
    try:
        values = await call.services.database.read(_levels)
    except CimaiseError:
        values = {}
    facts = {name: (LEVELS[name], value) for name, value in values.items()}
    headers = {"content-type": CONTENT_TYPE, "cache-control": "no-store"}
    return Response(telemetry.expose(facts), headers=headers)


def _require_token(call: Call) -> None:
    wanted = call.services.settings.metrics.token
    shown = call.request.headers.get("authorization", "")
    if wanted and not hmac.compare_digest(shown.encode(), f"Bearer {wanted}".encode()):
        raise NotSignedIn("The metrics are for whoever has their token.")


def _levels(connection: Connection) -> dict[str, float]:
    open_uploads = select(func.count()).where(uploads.c.state.in_(_OPEN_STATES))
    return {
        "discarded_objects": connection.execute(
            select(func.count()).select_from(discarded_objects)
        ).scalar_one(),
        "open_uploads": connection.execute(open_uploads).scalar_one(),
        "stored_bytes": connection.execute(select(func.sum(usage_totals.c.used_bytes))).scalar()
        or 0,
    }

"""Writing an entry, in the transaction that does what it tells."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert

from cimaise import telemetry
from cimaise.database.prepared import Prepared
from cimaise.database.schema import audit

ACTIONS: Final = "actions"
"""Where a connection keeps what its transaction has recorded; counted once that is committed."""

_INSERT: Final = Prepared(insert(audit))


def record(
    connection: Connection,
    *,
    at: datetime,
    account_id: str | None,
    action: str,
    subject: str,
    details: Mapping[str, Any],
) -> None:
    """Add one row; it stays or goes with the rest of the transaction.

    From where and by which request is known by itself.

    Args:
        connection: Of the transaction that makes the change.
        at: When, aware UTC.
        account_id: Who; ``None`` for the server itself or its operator at the machine.
        action: ``thing.happened``, at most 40 characters.
        subject: Id of the thing, at most 100 characters.
        details: Facts that JSON can carry. Never secrets.
    """
    connection.info.setdefault(ACTIONS, []).append(action)
    _INSERT.run(
        connection,
        {
            "at": at,
            "account_id": account_id,
            "action": action,
            "subject": subject,
            "details": dict(details),
            "origin": telemetry.client_address.get() or None,
            "request_id": telemetry.request_id.get() or None,
        },
    )

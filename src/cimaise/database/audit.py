"""The record of who did what, written in the transaction that does it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from cimaise.database.schema import audit


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

    Args:
        connection: Of the transaction that makes the change.
        at: When, aware UTC.
        account_id: Who; ``None`` for the server itself or its operator at the machine.
        action: ``thing.happened``, at most 40 characters.
        subject: Id of the thing, at most 100 characters.
        details: Facts that JSON can carry. Never secrets.
    """
    connection.execute(
        insert(audit).values(
            at=at,
            account_id=account_id,
            action=action,
            subject=subject,
            details=dict(details),
        )
    )

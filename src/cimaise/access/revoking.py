"""Taking a right back that an account has given out: a row with ``account_id`` and ``revoked_at``."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select, update

from cimaise.access.accounts.names import is_id
from cimaise.access.policy import Principal
from cimaise.database.audit import record
from cimaise.errors import NotFound


def revoke(
    connection: Connection,
    table: Table,
    principal: Principal,
    row_id: str,
    *,
    action: str,
    absent: str,
    now: datetime,
    may: Callable[[Row[Any]], bool] = lambda _: False,
    details: Callable[[Row[Any]], dict[str, str]] = lambda row: {"owner": row.account_id},
) -> Row[Any]:
    """A step of a transaction. Again: nothing happens.

    Args:
        connection: Of the caller's transaction.
        table: Where the row is.
        principal: Who takes it back: its maker or an admin.
        row_id: Whatever text was given.
        action: What the audit calls it.
        absent: The sentence of ``NotFound``: no such row, or another's and no admin asks.
        now: The time.
        may: Asked of the row where neither its maker nor an admin takes it back.
        details: What the audit keeps of the row.

    Returns:
        The row as it was before.
    """
    asked = select(table).where(table.c.id == row_id)
    row = connection.execute(asked).one_or_none() if is_id(row_id) else None
    if row is None:
        raise NotFound(absent)
    if not (principal.is_admin or row.account_id == principal.account_id or may(row)):
        raise NotFound(absent)
    revoked = connection.execute(
        update(table)
        .where(table.c.id == row_id, table.c.revoked_at.is_(None))
        .values(revoked_at=now)
    ).rowcount
    if revoked:
        record(
            connection,
            at=now,
            account_id=principal.account_id,
            action=action,
            subject=row_id,
            details=details(row),
        )
    return row

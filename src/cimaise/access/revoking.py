"""Taking a right back that an account has given out: a row with ``account_id`` and ``revoked_at``."""

from datetime import datetime

from sqlalchemy import Connection, Table, select, update

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
) -> None:
    """A step of a transaction. Again: nothing happens.

    Args:
        connection: Of the caller's transaction.
        table: Where the row is.
        principal: Who takes it back: its maker or an admin.
        row_id: Whatever text was given.
        action: What the audit calls it.
        absent: The sentence of ``NotFound``: no such row, or another's and no admin asks.
        now: The time.
    """
    maker = select(table.c.account_id).where(table.c.id == row_id)
    maker_id = connection.execute(maker).scalar_one_or_none() if is_id(row_id) else None
    if maker_id is None or not (principal.is_admin or maker_id == principal.account_id):
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
            details={"owner": maker_id},
        )

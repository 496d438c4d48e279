"""What an administrator changes of an account: its limits, its role, whether it may act."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, update

from cimaise.access.accounts.rows import Account, account_by_name
from cimaise.access.policy import Principal, Role
from cimaise.database.audit import record
from cimaise.database.schema import accounts
from cimaise.errors import Invalid, NotFound, WrongState

LIMITS: Final = {
    "daily_bytes": 2**63 - 1,
    "daily_files": 2**31 - 1,
    "total_bytes": 2**63 - 1,
}
"""The limits an account may have of its own, and the greatest number each can hold."""


@dataclass(frozen=True, slots=True)
class AccountChanges:
    """What to change; what is not named stays.

    Attributes:
        limits: By name, see :data:`LIMITS`; ``None``: the setting's again, 0: no limit.
        role: ``None`` leaves it.
        is_disabled: ``None`` leaves it.
    """

    limits: Mapping[str, int | None] = field(default_factory=dict)
    role: Role | None = None
    is_disabled: bool | None = None


def require_limits(limits: Mapping[str, int | None]) -> None:
    """``Invalid`` for an unknown limit, or a number that none can be."""
    for name, value in limits.items():
        if name not in LIMITS or (value is not None and not 0 <= value <= LIMITS[name]):
            raise Invalid("A limit is 0 (none) or a number above.", field=name)


def change_row(
    connection: Connection, by: Principal | None, name: str, changes: AccountChanges, now: datetime
) -> Account:
    """A step of a transaction: limits and role of the account, with an audit row.

    Raises:
        NotFound: No such account.
        Invalid: A limit that cannot be.
        WrongState: It would leave no administrator, and not the operator at the machine asks.
    """
    require_limits(changes.limits)
    account = account_by_name(connection, name)
    if account is None:
        raise NotFound("There is no such account.")
    if by is not None and changes.role is Role.MEMBER and account.role is Role.ADMIN:
        require_other_admin(connection, name)
    values: dict[str, Any] = dict(changes.limits)
    if changes.role is not None:
        values["role"] = changes.role.value
    if values:
        connection.execute(update(accounts).where(accounts.c.id == account.id).values(**values))
        record(
            connection, at=now, account_id=by.account_id if by else None,
            action="account.changed", subject=account.id, details={"name": name} | values,
        )  # fmt: skip
    return account


def enable_row(
    connection: Connection, by: Principal | None, account: Account, now: datetime
) -> None:
    """A step of a transaction: let a disabled account act again. Its old sessions stay ended."""
    enabled = connection.execute(
        update(accounts)
        .where(accounts.c.id == account.id, accounts.c.disabled_at.is_not(None))
        .values(disabled_at=None)
    ).rowcount
    if enabled:
        record(
            connection, at=now, account_id=by.account_id if by else None,
            action="account.enabled", subject=account.id, details={"name": account.name},
        )  # fmt: skip


def require_other_admin(connection: Connection, name: str) -> None:
    """Somebody must be left to let others in. The rows stay locked: two at once can't slip by."""
    names = connection.scalars(
        select(accounts.c.name)
        .where(accounts.c.role == Role.ADMIN.value, accounts.c.disabled_at.is_(None))
        .order_by(accounts.c.id)
        .with_for_update()
    ).all()
    if list(names) == [name]:
        raise WrongState("The last administrator can't be disabled.")

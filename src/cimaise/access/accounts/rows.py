"""An account, and the steps of a transaction that read and add one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from cimaise.access.accounts.emails import is_email
from cimaise.access.accounts.names import is_id, is_name
from cimaise.access.policy import Principal, Role
from cimaise.database.audit import record
from cimaise.database.prepared import PreparedRow
from cimaise.database.schema import accounts


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody known here.

    Attributes:
        id: Opaque, never changes.
        name: Unique, lower case.
        role: Admin or member.
        points: Earned by publishing.
        daily_bytes: Own limit; ``None``: the setting's, 0: none.
        daily_files: Own limit, likewise.
        total_bytes: Own limit, likewise.
        created_at: When it was made.
        disabled_at: Since when it may do nothing; ``None``: it is not disabled.
        email: Another name to sign in by, lower case; nobody has proved that it is theirs.
        is_self_named: Whoever it is for chose its name, so the name says nothing of who they are.
    """

    id: str
    name: str
    role: Role
    points: int
    daily_bytes: int | None
    daily_files: int | None
    total_bytes: int | None
    created_at: datetime
    disabled_at: datetime | None = None
    email: str | None = None
    is_self_named: bool = False

    @property
    def principal(self) -> Principal:
        """The account as who asks, without limits of a key."""
        return Principal(self.id, self.name, self.role)


_ONE: Final = PreparedRow(select(accounts).where(accounts.c.id == bindparam("of_id")))


def account_by_id(connection: Connection, account_id: str) -> Account | None:
    """The account with the id, disabled or not; whatever text is given."""
    if not is_id(account_id):
        return None
    row = _ONE.first(connection, {"of_id": account_id})
    return None if row is None else account_of(row)


def account_by_name(connection: Connection, name: str) -> Account | None:
    """The account with the name, disabled or not; whatever text is given."""
    if not is_name(name):
        return None
    row = connection.execute(select(accounts).where(accounts.c.name == name)).one_or_none()
    return None if row is None else account_of(row)


def account_by_email(connection: Connection, email: str) -> Account | None:
    """The account with the address, disabled or not; whatever text is given."""
    statement = select(accounts).where(accounts.c.email == email.lower())
    row = connection.execute(statement).one_or_none() if is_email(email) else None
    return None if row is None else account_of(row)


def add_account(connection: Connection, account: Account, *, by: str | None) -> bool:
    """A step of a transaction: the row and its audit row. False, and no change, if it is taken.

    It: the name, or the e-mail address.
    Of two transactions that add the same name at the same time, the second waits for the first.
    """
    try:
        with connection.begin_nested():
            connection.execute(
                insert(accounts).values(
                    id=account.id,
                    name=account.name,
                    role=account.role.value,
                    daily_bytes=account.daily_bytes,
                    daily_files=account.daily_files,
                    total_bytes=account.total_bytes,
                    created_at=account.created_at,
                    email=account.email,
                    is_self_named=account.is_self_named,
                )
            )
    except IntegrityError:
        return False
    record(
        connection,
        at=account.created_at,
        account_id=by,
        action="account.created",
        subject=account.id,
        details={"name": account.name, "role": account.role.value},
    )
    return True


def account_of(row: Row[Any]) -> Account:
    """From a whole row of the table."""
    return Account(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        points=row.points,
        daily_bytes=row.daily_bytes,
        daily_files=row.daily_files,
        total_bytes=row.total_bytes,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        email=row.email,
        is_self_named=row.is_self_named,
    )

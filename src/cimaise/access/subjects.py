"""From the subject of a verified token to an account, which is made if there is none yet.

Whoever issues the tokens says who somebody is: a ``sub`` that is the id or the name of an account
means that account, admins' included. Any other subject gets a member's account of its own. A name
that somebody chose for themselves means nobody: or who registers under a name before its subject
comes would share an account with them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, update

from cimaise.access.accounts.first_start import HOSTED_FIRST_NAME
from cimaise.access.accounts.names import distinct_name, name_of_subject
from cimaise.access.accounts.rows import Account, account_by_id, account_by_name, add_account
from cimaise.access.policy import Role
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import accounts


@dataclass(frozen=True, slots=True)
class Subjects:
    """Accounts of tokens' subjects."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    async def account(self, subject: str) -> Account:
        """The account with this id, else with this name, else a new member.

        The new member's name is the subject if that is a name and nobody took it for themselves,
        otherwise the cleaned subject with a digest of it: see :func:`~cimaise.access.accounts.names.name_of_subject`. The same subject always
        finds the same account, disabled or not.
        """
        known = await self.database.read(lambda connection: _find(connection, subject))
        if known is not None:
            return known
        new_id, now = self.new_id(), self.clock()
        return await self.database.write(
            lambda connection: _find_or_add(connection, subject, new_id, now)
        )

    async def account_as(self, subject: str, role: Role) -> Account:
        """The same, for an application that also says what somebody may do: the role is kept.

        The account that an installation begins with is nobody's there, whatever people are called.
        """
        account = await self.account(f"{subject}!" if subject == HOSTED_FIRST_NAME else subject)
        if account.role is role:
            return account
        now = self.clock()
        return await self.database.write(
            lambda connection: _with_role(connection, account, role, now)
        )


def _with_role(connection: Connection, account: Account, role: Role, now: datetime) -> Account:
    mine = accounts.c.id == account.id
    connection.execute(update(accounts).where(mine).values(role=role.value))
    record(
        connection,
        at=now,
        account_id=None,
        action="account.changed",
        subject=account.id,
        details={"role": role.value},
    )
    return replace(account, role=role)


def _find(connection: Connection, subject: str) -> Account | None:
    by_id = account_by_id(connection, subject)
    if by_id is not None:
        return by_id
    for name in _names(subject):
        account = account_by_name(connection, name)
        if account is not None and not account.is_self_named:
            return account
    return None


def _names(subject: str) -> tuple[str, str]:
    """What its account may be called: the second is what nobody can have chosen."""
    return name_of_subject(subject), distinct_name(subject, subject)


def _find_or_add(connection: Connection, subject: str, new_id: str, now: datetime) -> Account:
    known = _find(connection, subject)
    for name in () if known is not None else _names(subject):
        new = Account(new_id, name, Role.MEMBER, 0, None, None, None, now)
        if add_account(connection, new, by=None):
            return new
        known = _find(connection, subject)
        if known is not None:
            break
    assert known is not None, "the name was taken a moment ago, and accounts are never deleted"
    return known

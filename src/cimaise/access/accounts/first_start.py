"""The first account of an installation, made once, and the link that its owner signs in with."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from cimaise.access.accounts.rows import Account, account_by_id, add_account
from cimaise.access.policy import Role
from cimaise.access.secret_texts import RandomBytes, new_opaque
from cimaise.access.sessions.sessions import add_sign_in
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, facts

FIRST_NAME: Final = "admin"
HOSTED_FIRST_NAME: Final = "cimaise"
"""Where another application signs people in: 'admin' would be whoever has that name there."""
_FACT: Final = "first_account"


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """What the first start left, or has just made.

    Attributes:
        account: The first admin.
        sign_in_token: Of a one-time link; ``None`` in every start but the one that made it.
    """

    account: Account
    sign_in_token: str | None


async def prepare_first_account(
    database: Database,
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
    sign_in_ttl_s: float,
    name: str = FIRST_NAME,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> FirstAccount:
    """See to it that there is an admin. Of processes that start at once, one makes it.

    An admin who was made before the first start (with the command line) is taken as the first
    one, and gets no link: their key was shown to them. The account is named ``name``; where a
    member has that name already, ``admin-2`` and so on.
    """
    account_id, token = new_id(), new_opaque(random_bytes)

    def work(connection: Connection) -> FirstAccount:
        return _prepare(connection, account_id, token, name, now=clock(), ttl_s=sign_in_ttl_s)

    return await database.write(work)


def _prepare(
    connection: Connection, account_id: str, token: str, name: str, *, now: datetime, ttl_s: float
) -> FirstAccount:
    if not _claim(connection, account_id):
        return FirstAccount(_remembered(connection), None)
    earlier = connection.scalars(
        select(accounts.c.id)
        .where(accounts.c.role == Role.ADMIN.value, accounts.c.disabled_at.is_(None))
        .order_by(accounts.c.created_at, accounts.c.id)
    ).first()
    if earlier is not None:
        connection.execute(update(facts).where(facts.c.name == _FACT).values(value=earlier))
        return FirstAccount(_remembered(connection), None)
    account = _make(connection, account_id, name, now)
    add_sign_in(connection, account.id, token, now=now, ttl_s=ttl_s)
    return FirstAccount(account, token)


def _claim(connection: Connection, account_id: str) -> bool:
    """Only one transaction can insert the fact; a second one waits for the first to end."""
    try:
        with connection.begin_nested():
            connection.execute(insert(facts).values(name=_FACT, value=account_id))
    except IntegrityError:
        return False
    return True


def _remembered(connection: Connection) -> Account:
    account_id = connection.execute(select(facts.c.value).where(facts.c.name == _FACT)).scalar_one()
    account = account_by_id(connection, account_id)
    assert account is not None, "accounts are never deleted"
    return account


def _make(connection: Connection, account_id: str, wanted: str, now: datetime) -> Account:
    name, number = wanted, 1
    while True:
        account = Account(account_id, name, Role.ADMIN, 0, None, None, None, created_at=now)
        if add_account(connection, account, by=None):
            return account
        number += 1
        name = f"{wanted}-{number}"

"""Accounts: made, listed, found, disabled. An account is never deleted: rows speak of it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, update

from cimaise.access import policy
from cimaise.access.accounts.changes import (
    AccountChanges,
    change_row,
    enable_row,
    require_limits,
    require_other_admin,
)
from cimaise.access.accounts.names import require_name
from cimaise.access.accounts.rows import (
    Account,
    account_by_id,
    account_by_name,
    account_of,
    add_account,
)
from cimaise.access.keys.cache import KeyCache
from cimaise.access.keys.keys import add_key
from cimaise.access.policy import Principal, Role
from cimaise.access.secret_texts import RandomBytes, new_key
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, browser_sessions
from cimaise.errors import Invalid, NotFound, WrongState

FIRST_KEY_NAME: Final = "first"


@dataclass(frozen=True, slots=True)
class Accounts:
    """All accounts. A principal of ``None`` is the operator at the machine, who may everything."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    cache: KeyCache
    random_bytes: RandomBytes = secrets.token_bytes

    async def create(
        self,
        principal: Principal | None,
        *,
        name: str,
        role: Role = Role.MEMBER,
        daily_bytes: int | None = None,
        daily_files: int | None = None,
        total_bytes: int | None = None,
    ) -> tuple[Account, str]:
        """An account, and the text of its first API key, which is not limited.

        Raises:
            Invalid: The name, the role or a limit is refused.
            WrongState: ``already_exists``.
        """
        _require_operator(principal)
        require_name(name)
        if role not in (Role.ADMIN, Role.MEMBER):
            raise Invalid("The role is admin or member.", field="role")
        require_limits(
            {"daily_bytes": daily_bytes, "daily_files": daily_files, "total_bytes": total_bytes}
        )
        account = Account(
            self.new_id(), name, role, 0, daily_bytes, daily_files, total_bytes, self.clock()
        )
        key_id, text = self.new_id(), new_key(self.random_bytes)
        by = principal.account_id if principal else None

        def work(connection: Connection) -> None:
            if not add_account(connection, account, by=by):
                raise WrongState(f"The name {name} is taken.", code="already_exists")
            add_key(
                connection,
                key_id=key_id,
                text=text,
                account_id=account.id,
                name=FIRST_KEY_NAME,
                scopes=(),
                expires_at=None,
                by=by,
                now=account.created_at,
            )

        await self.database.write(work)
        return account, text

    async def list_accounts(self, principal: Principal | None) -> list[Account]:
        """Every account, disabled ones too, by name."""
        _require_operator(principal)
        statement = select(accounts).order_by(accounts.c.name)
        rows = await self.database.read(lambda connection: connection.execute(statement).all())
        return [account_of(row) for row in rows]

    async def disable(self, principal: Principal | None, name: str) -> Account:
        """Let the account do nothing from now on: its keys, sessions and links stop working.

        Again: nothing happens.

        Raises:
            NotFound: No such account.
            WrongState: It is the last admin, and not the operator at the machine asks.
        """
        _require_operator(principal)
        now = self.clock()

        def work(connection: Connection) -> Account:
            return _disable(connection, principal, name, now)

        return await self.cache.emptied_by(self.database.write(work))

    async def change(
        self, principal: Principal | None, name: str, changes: AccountChanges
    ) -> Account:
        """Change limits or role, disable or enable; what is not named stays.

        Raises:
            Invalid: A limit that cannot be.
            NotFound: No such account.
            WrongState: It would leave no administrator, and not the operator at the machine asks.
        """
        _require_operator(principal)
        now = self.clock()

        def work(connection: Connection) -> Account:
            account = change_row(connection, principal, name, changes, now)
            if changes.is_disabled is False:
                enable_row(connection, principal, account, now)
            if changes.is_disabled:
                return _disable(connection, principal, name, now)
            return _found(account_by_id(connection, account.id))

        return await self.cache.emptied_by(self.database.write(work))

    async def find(self, account_id: str) -> Account:
        """The account with the id, or ``NotFound``. Asks for no right: others have checked."""
        return await self.database.read(
            lambda connection: _found(account_by_id(connection, account_id))
        )

    async def find_by_name(self, name: str) -> Account:
        """The account with the name, or ``NotFound``. Asks for no right: others have checked."""
        return await self.database.read(
            lambda connection: _found(account_by_name(connection, name))
        )


def _disable(
    connection: Connection, principal: Principal | None, name: str, now: datetime
) -> Account:
    if principal is not None:
        require_other_admin(connection, name)
    account = _found(account_by_name(connection, name))
    disabled = connection.execute(
        update(accounts)
        .where(accounts.c.id == account.id, accounts.c.disabled_at.is_(None))
        .values(disabled_at=now)
    ).rowcount
    if disabled:
        connection.execute(
            update(browser_sessions)
            .where(
                browser_sessions.c.account_id == account.id,
                browser_sessions.c.ended_at.is_(None),
            )
            .values(ended_at=now)
        )
        record(
            connection,
            at=now,
            account_id=principal.account_id if principal else None,
            action="account.disabled",
            subject=account.id,
            details={"name": account.name},
        )
    return _found(account_by_id(connection, account.id))


def _require_operator(principal: Principal | None) -> None:
    if principal is not None:
        policy.require_admin(principal)


def _found(account: Account | None) -> Account:
    if account is None:
        raise NotFound("There is no such account.")
    return account

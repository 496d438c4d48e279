"""Signing in by name and password, and changing that. One who is wrong learns nothing else.

An unknown name, an account without a password, one that is disabled and a wrong password are
answered alike, after the same work.
"""

import asyncio
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from cimaise.access import policy
from cimaise.access.accounts.emails import is_email, require_email
from cimaise.access.accounts.password_rules import require_hard_to_guess
from cimaise.access.accounts.passwords import Passwords, require_size
from cimaise.access.accounts.rows import Account, account_by_email, account_by_id, account_by_name
from cimaise.access.policy import Principal, Scope
from cimaise.access.sessions.rows import end_sessions
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import account_passwords, accounts, sign_in_links
from cimaise.database.upsert import upsert
from cimaise.errors import Forbidden, NotFound, NotSignedIn, TooMany, WrongState
from cimaise.state.base import State

_KEEP: Final = upsert(account_passwords, ("account_id",), replace=("hash", "changed_at"))

TRIES: Final = ((10, 60.0), (30, 3600.0))
"""Tries at one account from one address: how many within how many seconds. Waits grow with them."""

ALL_TRIES: Final = (100, 86_400.0)
"""Tries at one account from anywhere (NIST SP 800-63B allows 100 in a row)."""


@dataclass(frozen=True, slots=True)
class AccountPasswords:
    """The passwords of accounts.

    Attributes:
        least_chars: What a new password has at least.
    """

    database: Database
    clock: Callable[[], datetime]
    state: State
    passwords: Passwords
    least_chars: int

    async def sign_in(self, login: str, password: str, *, address: str) -> Account:
        """Whose name (or e-mail address) and password these are.

        A password that was hashed at other costs than today's is hashed again.

        Raises:
            NotSignedIn: ``bad_credentials``, whatever was wrong.
            TooMany: Too many tries, see :data:`TRIES`.
            Unavailable: ``busy``.
        """
        account, kept = await self.database.read(lambda connection: _find(connection, login))
        await self._count(account.id if account else _digest(login), address)
        is_it = await self.passwords.verify(kept, password)
        if account is None or kept is None or not is_it or account.disabled_at is not None:
            raise NotSignedIn("The name or the password is wrong.", code="bad_credentials")
        if self.passwords.is_outgrown(kept):
            renewed = await self.passwords.hash(password, least_chars=1)
            await self.database.write(partial(_renew, account.id, kept, renewed))
        return account

    async def has_password(self, account_id: str) -> bool:
        """Whether the account can sign in by one. Asks for no right: others have checked."""
        statement = select(account_passwords.c.changed_at).where(
            account_passwords.c.account_id == account_id
        )
        return await self.database.read(
            lambda connection: connection.execute(statement).first() is not None
        )

    async def change(self, principal: Principal, *, current: str, new: str, address: str) -> None:
        """Set one's own password; every other session of the account ends.

        Args:
            principal: Whose; not somebody with a limited key.
            current: The password until now; not looked at where there is none.
            new: From now on.
            address: That the request came from; tries at ``current`` are counted as sign-ins.

        Raises:
            Forbidden: ``current`` is wrong, or the key is limited.
            Invalid: The new one is refused.
            TooMany: Too many tries.
        """
        require_person(principal)
        account, kept = await self.database.read(
            lambda connection: _find_by_id(connection, principal.account_id)
        )
        if kept is not None:
            await self._count(account.id, address)
            if not await self.passwords.verify(kept, current):
                raise Forbidden("That is not your password.", code="bad_credentials")
        hashed = await self.hash_new(new, account.name, account.email or "")
        now = self.clock()

        def work(connection: Connection) -> None:
            set_password(
                connection, account.id, hashed, now=now,
                by=principal.account_id, but=principal.session_id,
            )  # fmt: skip

        await self.database.write(work)

    async def set_by_operator(self, name: str, new: str) -> Account:
        """Set anybody's, at the machine; all sessions of the account end.

        Raises:
            NotFound: No such account.
            Invalid: The password is refused.
        """
        account = await self.database.read(lambda connection: account_by_name(connection, name))
        if account is None:
            raise NotFound("There is no such account.")
        hashed = await self.hash_new(new, account.name, account.email or "")
        now = self.clock()
        await self.database.write(
            lambda connection: set_password(connection, account.id, hashed, now=now, by=None)
        )
        return account

    async def change_email(self, principal: Principal, email: str) -> None:
        """Set one's own e-mail address, or drop it (empty).

        Raises:
            Invalid: It is none.
            WrongState: ``already_exists``: another account has it.
        """
        require_person(principal)
        value = require_email(email) if email.strip() else None
        now = self.clock()

        def work(connection: Connection) -> None:
            other = account_by_email(connection, value) if value else None
            if other is not None and other.id != principal.account_id:
                raise _email_taken()
            mine = accounts.c.id == principal.account_id
            try:
                connection.execute(update(accounts).where(mine).values(email=value))
            except IntegrityError as fault:  # another took it at this very moment
                raise _email_taken() from fault
            record(
                connection, at=now, account_id=principal.account_id,
                action="account.changed", subject=principal.account_id,
                details={"name": principal.name, "email": value is not None},
            )  # fmt: skip

        await self.database.write(work)

    async def hash_new(self, password: str, *known: str) -> str:
        """A new password as it is kept. ``Invalid`` for one that is too short, long or common."""
        require_size(password, self.least_chars)
        await asyncio.to_thread(require_hard_to_guess, password, *known)
        return await self.passwords.hash(password, least_chars=self.least_chars)

    async def _count(self, who: str, address: str) -> None:
        """One more try, or ``TooMany``; the longer it goes on, the longer the waits."""
        for limit, window_s in TRIES:
            await self._hit(f"password {window_s:.0f} {who} {address}", limit, window_s)
        await self._hit(f"password {who}", *ALL_TRIES)

    async def _hit(self, key: str, limit: int, window_s: float) -> None:
        rate = await self.state.hit(key, limit=limit, window_s=window_s)
        if not rate.is_allowed:
            wait_s = max(1, math.ceil(rate.retry_after_s))
            raise TooMany("Too many passwords were tried.", retry_after_s=wait_s)


def require_person(principal: Principal) -> None:
    """Somebody who may change how the account is signed in to: no guest, no limited key, no token."""
    policy.require_account(principal)
    policy.require_scope(principal, Scope.MANAGE)
    if principal.scopes or principal.token_id:
        raise Forbidden("A limited key does not change how one signs in.")


def set_password(
    connection: Connection,
    account_id: str,
    hashed: str,
    *,
    now: datetime,
    by: str | None,
    but: str | None = None,
) -> None:
    """A step of a transaction: the account's password; its sessions end, ``but`` one.

    One-time links that were given out before stop working as well.
    """
    connection.execute(_KEEP.values(account_id=account_id, hash=hashed, changed_at=now))
    end_sessions(connection, account_id, now=now, but=but)
    connection.execute(
        update(sign_in_links)
        .where(sign_in_links.c.account_id == account_id, sign_in_links.c.used_at.is_(None))
        .values(used_at=now)
    )
    record(
        connection, at=now, account_id=by, action="password.changed",
        subject=account_id, details={},
    )  # fmt: skip


def _email_taken() -> WrongState:
    return WrongState("Another account has this e-mail address.", code="already_exists")


def _find(connection: Connection, login: str) -> tuple[Account | None, str | None]:
    text = login.strip().lower()
    found = account_by_email if is_email(text) else account_by_name
    account = found(connection, text)
    return account, _kept(connection, account.id) if account else None


def _find_by_id(connection: Connection, account_id: str) -> tuple[Account, str | None]:
    account = account_by_id(connection, account_id)
    if account is None or account.disabled_at is not None:
        raise NotSignedIn("The account can't sign in.", code="bad_credentials")
    return account, _kept(connection, account.id)


def _kept(connection: Connection, account_id: str) -> str | None:
    return connection.scalars(
        select(account_passwords.c.hash).where(account_passwords.c.account_id == account_id)
    ).one_or_none()


def _renew(account_id: str, old: str, new: str, connection: Connection) -> None:
    """Unless it was changed meanwhile."""
    connection.execute(
        update(account_passwords)
        .where(account_passwords.c.account_id == account_id, account_passwords.c.hash == old)
        .values(hash=new)
    )


def _digest(login: str) -> str:
    return hashlib.sha256(login.strip().lower().encode(errors="replace")).hexdigest()

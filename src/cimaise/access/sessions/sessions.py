"""Browser sessions, and the one-time links that begin them."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from cimaise.access import policy
from cimaise.access.accounts.rows import Account, account_by_id
from cimaise.access.policy import Principal, Scope
from cimaise.access.secret_texts import RandomBytes, digest_of, is_opaque, new_opaque
from cimaise.access.sessions.rows import (
    MOST_ADDRESS_CHARS,
    MOST_AGENT_CHARS,
    Session,
    end_sessions,
    ending,
    session_of,
    shown_text,
)
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import browser_sessions, sign_in_links
from cimaise.errors import Gone, NotFound, NotSignedIn

_MOST_LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class Sessions:
    """Who is signed in with a browser. Cookies and tokens are stored hashed.

    Attributes:
        session_ttl_s: How long a browser stays signed in; the cookie's ``Max-Age`` too.
        sign_in_ttl_s: How long a sign-in link lives.
    """

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    session_ttl_s: float
    sign_in_ttl_s: float
    random_bytes: RandomBytes = secrets.token_bytes

    async def start(
        self,
        account_id: str,
        *,
        address: str = "",
        user_agent: str = "",
        replaces: str | None = None,
        provider: str = "",
    ) -> str:
        """The value of a new session's cookie. The caller has checked who it is.

        Args:
            account_id: Whose.
            address: That the request came from.
            user_agent: What the browser calls itself.
            replaces: Id of the session that the browser had until now; it ends.
            provider: Issuer that says who it is; empty: none.

        Raises:
            NotSignedIn: The account is absent or disabled.
        """
        session_id, cookie, now = self.new_id(), new_opaque(self.random_bytes), self.clock()
        row = insert(browser_sessions).values(
            id=session_id,
            account_id=account_id,
            hash=digest_of(cookie),
            created_at=now,
            expires_at=now + timedelta(seconds=self.session_ttl_s),
            address=address[:MOST_ADDRESS_CHARS],
            user_agent=shown_text(user_agent)[:MOST_AGENT_CHARS],
            provider=provider or None,
        )

        def work(connection: Connection) -> None:
            _require_enabled(connection, account_id)
            if replaces is not None:
                connection.execute(ending(now).where(browser_sessions.c.id == replaces))
            connection.execute(row)

        await self.database.write(work)
        return cookie

    async def end(self, principal: Principal) -> str:
        """Sign the browser out that the request came with; nothing for any other credential.

        Gives the issuer of the provider that had signed it in; empty where none had.
        """
        policy.require_account(principal)
        if principal.session_id is None:
            return ""
        mine = browser_sessions.c.id == principal.session_id
        now = self.clock()

        def work(connection: Connection) -> str:
            connection.execute(ending(now).where(mine))
            return connection.scalar(select(browser_sessions.c.provider).where(mine)) or ""

        return await self.database.write(work)

    async def list_sessions(self, principal: Principal) -> list[Session]:
        """The principal's own that would be let in now, the latest first."""
        policy.require_account(principal)
        now = self.clock()
        statement = (
            select(browser_sessions)
            .where(
                browser_sessions.c.account_id == principal.account_id,
                browser_sessions.c.ended_at.is_(None),
                browser_sessions.c.expires_at > now,
            )
            .order_by(browser_sessions.c.created_at.desc(), browser_sessions.c.id)
            .limit(_MOST_LISTED)
        )
        rows = await self.database.read(lambda connection: connection.execute(statement).all())
        return [session_of(row, principal.session_id) for row in rows]

    async def end_one(self, principal: Principal, session_id: str) -> None:
        """End one of the principal's own sessions, on all machines at once.

        Raises:
            NotFound: The principal has no such session.
        """
        policy.require_account(principal)
        policy.require_scope(principal, Scope.MANAGE)
        now = self.clock()
        mine = (
            browser_sessions.c.id == session_id,
            browser_sessions.c.account_id == principal.account_id,
        )

        def work(connection: Connection) -> None:
            if connection.execute(select(browser_sessions.c.id).where(*mine)).first() is None:
                raise NotFound("There is no such session.")
            if connection.execute(ending(now).where(*mine)).rowcount:
                _record_ending(connection, principal, now, {"session": session_id})

        await self.database.write(work)

    async def end_others(self, principal: Principal) -> int:
        """End every session of the principal's account but the one that asks; gives how many."""
        policy.require_account(principal)
        policy.require_scope(principal, Scope.MANAGE)
        now = self.clock()

        def work(connection: Connection) -> int:
            ended = end_sessions(
                connection, principal.account_id, now=now, but=principal.session_id
            )
            if ended:
                _record_ending(connection, principal, now, {"count": ended})
            return ended

        return await self.database.write(work)

    async def issue_sign_in(self, account_id: str) -> str:
        """The token of a new sign-in link. The caller has checked that it may be given out.

        Raises:
            NotSignedIn: The account is absent or disabled.
        """
        token, now = new_opaque(self.random_bytes), self.clock()

        def work(connection: Connection) -> None:
            _require_enabled(connection, account_id)
            add_sign_in(connection, account_id, token, now=now, ttl_s=self.sign_in_ttl_s)

        await self.database.write(work)
        return token

    async def use_sign_in(self, token: str) -> Account:
        """Whose link it is. Succeeds once, however many ask at the same time.

        Raises:
            NotSignedIn: ``bad_credentials``: no such link, or its account is disabled.
            Gone: ``spent`` or ``expired``.
        """
        if not is_opaque(token):
            raise _bad("The sign-in link is not valid.")
        digest, now = digest_of(token), self.clock()
        return await self.database.write(lambda connection: _use(connection, digest, now))


def add_sign_in(
    connection: Connection, account_id: str, token: str, *, now: datetime, ttl_s: float
) -> None:
    """A step of a transaction: the row of a sign-in link."""
    connection.execute(
        insert(sign_in_links).values(
            hash=digest_of(token),
            account_id=account_id,
            created_at=now,
            expires_at=now + timedelta(seconds=ttl_s),
        )
    )


def _record_ending(
    connection: Connection, principal: Principal, now: datetime, details: dict[str, Any]
) -> None:
    record(
        connection, at=now, account_id=principal.account_id, action="session.ended",
        subject=principal.account_id, details=details,
    )  # fmt: skip


def _use(connection: Connection, digest: str, now: datetime) -> Account:
    mine = sign_in_links.c.hash == digest
    used = connection.execute(
        update(sign_in_links)
        .where(mine, sign_in_links.c.used_at.is_(None), sign_in_links.c.expires_at > now)
        .values(used_at=now)
    ).rowcount
    row = connection.execute(select(sign_in_links).where(mine)).one_or_none()
    if row is None:
        raise _bad("The sign-in link is not valid.")
    if not used:
        if row.used_at is not None:
            raise Gone("The sign-in link has been used.", code="spent")
        raise Gone("The sign-in link is past its time.", code="expired")
    account = _require_enabled(connection, row.account_id)
    record(
        connection,
        at=now,
        account_id=account.id,
        action="sign_in.used",
        subject=account.id,
        details={},
    )
    return account


def _require_enabled(connection: Connection, account_id: str) -> Account:
    account = account_by_id(connection, account_id)
    if account is None or account.disabled_at is not None:
        raise _bad("The account can't sign in.")
    return account


def _bad(message: str) -> NotSignedIn:
    return NotSignedIn(message, code="bad_credentials")

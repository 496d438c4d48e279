"""The services of access on one database, wired as the application wires them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from cimaise.access.accounts.account_passwords import AccountPasswords
from cimaise.access.accounts.accounts import Accounts
from cimaise.access.accounts.passwords import Costs, Passwords
from cimaise.access.jwt.jwts import JwtVerifier
from cimaise.access.keys.cache import KeyCache
from cimaise.access.keys.keys import Keys
from cimaise.access.links.links import Links
from cimaise.access.policy import Principal, Role
from cimaise.access.sessions.sessions import Sessions
from cimaise.access.signing import Signer
from cimaise.access.subjects import Subjects
from cimaise.access.tokens import Authenticator
from cimaise.database.engine import Database
from cimaise.database.schema import audit
from cimaise.state.base import State

HOUR_S = 3600
CHEAP = Costs(memory_kib=64, passes=1)
ROOT = Principal("root", "root", Role.ADMIN)


@dataclass(frozen=True)
class Access:
    """Every service, one cache."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    cache: KeyCache

    @property
    def accounts(self) -> Accounts:
        """Accounts."""
        return Accounts(self.database, self.clock, self.new_id, self.cache)

    @property
    def keys(self) -> Keys:
        """API keys."""
        return Keys(self.database, self.clock, self.new_id, self.cache)

    @property
    def sessions(self) -> Sessions:
        """Browser sessions of a day, sign-in links of an hour."""
        return Sessions(self.database, self.clock, self.new_id, 24 * HOUR_S, HOUR_S)

    def account_passwords(self, state: State, costs: Costs = CHEAP) -> AccountPasswords:
        """Passwords of 8 characters at least, which cost little."""
        return AccountPasswords(self.database, self.clock, state, Passwords(costs), 8)

    @property
    def links(self) -> Links:
        """Links of an hour."""
        return Links(self.database, self.clock, self.new_id, Signer(b"s" * 32), HOUR_S)

    @property
    def subjects(self) -> Subjects:
        """Accounts of tokens."""
        return Subjects(self.database, self.clock, self.new_id)

    def authenticator(self, jwts: JwtVerifier | None = None) -> Authenticator:
        """Who asks."""
        return Authenticator(self.database, self.clock, self.cache, self.subjects, jwts)

    async def member(self, name: str, role: Role = Role.MEMBER) -> tuple[Principal, str]:
        """A new account as who asks, and its key."""
        account, key = await self.accounts.create(None, name=name, role=role)
        return account.principal, key

    async def audited(self) -> list[tuple[str | None, str, str, Any]]:
        """Every audit row, oldest first: who, what, on what, details."""
        statement = select(
            audit.c.account_id, audit.c.action, audit.c.subject, audit.c.details
        ).order_by(audit.c.id)
        rows = await self.database.read(lambda connection: connection.execute(statement).all())
        return [tuple(row) for row in rows]


class CountingFetch:
    """A key set's server: gives what it is told to, counts, fails when told to."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries: list[dict[str, Any]] = list(entries)
        self.fault: Exception | None = None
        self.before: Callable[[], Awaitable[object]] | None = None
        self.calls = 0

    async def __call__(self) -> dict[str, Any]:
        """One fetch."""
        self.calls += 1
        if self.before is not None:
            await self.before()
        if self.fault is not None:
            raise self.fault
        return {"keys": self.entries}


def later(moment: datetime, seconds: float) -> datetime:
    """Seconds after (or before) a moment."""
    return moment + timedelta(seconds=seconds)

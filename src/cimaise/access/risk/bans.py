"""Bans: of an account or of a network, by an operator, for a reason, until a time or for good."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, bindparam, insert, or_, select, update

from cimaise.access import policy
from cimaise.access.accounts.names import is_id
from cimaise.access.accounts.rows import account_by_name
from cimaise.access.policy import Principal, Role
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, bans
from cimaise.errors import Invalid, NotFound

MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Ban:
    """One that was made.

    Attributes:
        id: Opaque.
        account_id: Whom it keeps out, or ``None``.
        account: That account's name.
        network: Addresses it keeps out, as CIDR, or ``None``.
        reason: Why, in the operator's words.
        created_at: Since when.
        until: Until when; ``None``: for good.
        lifted_at: When it was lifted, if it was.
    """

    id: str
    account_id: str | None
    account: str | None
    network: str | None
    reason: str
    created_at: datetime
    until: datetime | None
    lifted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bans:
    """Makes, lists and lifts them. ``changed`` is told of each change, once it is committed."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    changed: Callable[[], None]

    async def create(
        self,
        principal: Principal,
        *,
        account: str | None,
        network: str | None,
        reason: str,
        until: datetime | None,
    ) -> Ban:
        """Keep an account (by its name) or a network out, from now on.

        Raises:
            Forbidden, NotSignedIn: For administrators only.
            Invalid: Neither or both, no network, no reason, a time that is over, an administrator.
            NotFound: No such account.
        """
        policy.require_admin(principal)
        now, ban_id = self.clock(), self.new_id()
        if (account is None) == (network is None):
            raise Invalid("Name an account or a network.", field="account")
        if not 1 <= len(reason.strip()) <= MAX_REASON:
            raise Invalid(f"reason has 1 to {MAX_REASON} characters.", field="reason")
        if until is not None and (until.tzinfo is None or until <= now):
            raise Invalid("until is a time to come, with its zone.", field="until")
        addresses = None if network is None else _network(network)

        def work(connection: Connection) -> Ban:
            account_id = None if account is None else _bannable(connection, account)
            row = {
                "id": ban_id,
                "account_id": account_id,
                "network": addresses,
                "reason": reason.strip(),
                "created_at": now,
                "created_by": principal.account_id,
                "until": until,
            }
            connection.execute(insert(bans).values(row))
            told = {"account": account_id, "network": addresses, "reason": reason.strip()}
            _audit(connection, principal, "ban.created", ban_id, details=told, now=now)
            return Ban(ban_id, account_id, account, addresses, reason.strip(), now, until, None)

        made = await self.database.write(work)
        self.changed()
        return made

    async def list(self, principal: Principal) -> list[Ban]:
        """All that were ever made, the newest first."""
        policy.require_admin(principal)
        return await self.database.read(_all)

    async def lift(self, principal: Principal, ban_id: str) -> None:
        """Let them in again, at once; nothing happens to one that was lifted.

        Raises:
            NotFound: There is no such ban.
        """
        policy.require_admin(principal)
        now = self.clock()

        def work(connection: Connection) -> None:
            mine = bans.c.id == ban_id
            known = is_id(ban_id) and connection.execute(select(bans.c.id).where(mine)).first()
            if not known:
                raise NotFound("There is no such ban.")
            lifting = update(bans).where(mine, bans.c.lifted_at.is_(None)).values(lifted_at=now)
            if connection.execute(lifting).rowcount:
                _audit(connection, principal, "ban.lifted", ban_id, details={}, now=now)

        await self.database.write(work)
        self.changed()


def _network(text: str) -> str:
    try:
        found = ip_network(text.strip(), strict=False)
    except ValueError:
        raise Invalid("network is an address, or a network such as 192.0.2.0/24.", field="network") from None  # fmt: skip
    if found.prefixlen == 0:
        raise Invalid("That is everybody.", field="network")
    return str(found)


def _bannable(connection: Connection, name: str) -> str:
    account = account_by_name(connection, name)
    if account is None:
        raise NotFound("There is no such account.")
    if account.role is Role.ADMIN:
        raise Invalid("An administrator is not banned; change the role first.", field="account")
    return account.id


def _audit(
    connection: Connection,
    principal: Principal,
    action: str,
    ban_id: str,
    *,
    details: dict[str, str | None],
    now: datetime,
) -> None:
    record(
        connection,
        at=now,
        account_id=principal.account_id,
        action=action,
        subject=ban_id,
        details=details,
    )


def _all(connection: Connection) -> list[Ban]:
    rows = connection.execute(
        select(bans, accounts.c.name)
        .outerjoin(accounts, accounts.c.id == bans.c.account_id)
        .order_by(bans.c.created_at.desc(), bans.c.id)
    )
    return [
        Ban(
            row.id,
            row.account_id,
            row.name,
            row.network,
            row.reason,
            row.created_at,
            row.until,
            row.lifted_at,
        )
        for row in rows
    ]


def bans_in_force(connection: Connection, *, now: datetime) -> list[Ban]:
    """Those that keep somebody out now."""
    rows = connection.execute(select(bans).where(_in_force(now)))
    return [
        Ban(row.id, row.account_id, None, row.network, row.reason, row.created_at, row.until, None)
        for row in rows
    ]


def is_banned(connection: Connection, account_id: str, *, now: datetime) -> bool:
    """The account is kept out now; read anew, for a step of a transaction."""
    return connection.execute(_OF_ACCOUNT, {"of_id": account_id, "of_now": now}).first() is not None


def _in_force(now: Any) -> ColumnElement[bool]:
    return and_(bans.c.lifted_at.is_(None), or_(bans.c.until.is_(None), bans.c.until > now))


_OF_ACCOUNT: Final = (
    select(bans.c.id)
    .where(bans.c.account_id == bindparam("of_id"), _in_force(bindparam("of_now")))
    .limit(1)
)

"""Invitations: the right to make one account, once, with a role and limits that were set before."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from cimaise.access import policy
from cimaise.access.accounts.changes import LIMITS, require_limits
from cimaise.access.accounts.registration import Registration, Wanted
from cimaise.access.accounts.rows import Account
from cimaise.access.policy import Principal, Role
from cimaise.access.secret_texts import RandomBytes, digest_of, is_opaque, new_opaque
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, invitations
from cimaise.errors import Gone, Invalid, NotFound

_MAX_NOTE_CHARS: Final = 100
_MAX_TTL_S: Final = 365 * 86_400.0
_MOST_LISTED: Final = 500


@dataclass(frozen=True, slots=True)
class Invitation:
    """What may be told of an invitation.

    Attributes:
        id: Its id; no secret.
        note: Whom it is for, in the words of whoever made it.
        role: Of the account that it makes.
        limits: Of that account, by name, see :data:`LIMITS`; ``None``: the settings'.
        created_at: When it was made.
        expires_at: From when it is refused.
        used_by: Name of the account that it made; ``None``: none yet.
    """

    id: str
    note: str
    role: Role
    limits: Mapping[str, int | None]
    created_at: datetime
    expires_at: datetime
    used_by: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What an invitation is made with; ``expires_in_s`` of ``None``: as the settings say."""

    note: str = ""
    role: Role = Role.MEMBER
    limits: Mapping[str, int | None] = field(default_factory=dict)
    expires_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Invitations:
    """All invitations. A principal of ``None`` is the operator at the machine."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    registration: Registration
    ttl_s: float
    random_bytes: RandomBytes = secrets.token_bytes

    async def create(self, principal: Principal | None, terms: Terms) -> tuple[Invitation, str]:
        """An invitation and its token, which is shown once.

        Raises:
            NotSignedIn, Forbidden: Not an administrator.
            Invalid: A field is refused.
        """
        _require_operator(principal)
        _require_form(terms)
        token, now = new_opaque(self.random_bytes), self.clock()
        ttl_s = self.ttl_s if terms.expires_in_s is None else terms.expires_in_s
        limits = {name: terms.limits.get(name) for name in LIMITS}
        made = Invitation(
            self.new_id(), terms.note, terms.role, limits, now, now + timedelta(seconds=ttl_s)
        )
        by = principal.account_id if principal else None
        await self.database.write(lambda connection: _add(connection, made, digest_of(token), by))
        return made, token

    async def list_invitations(self, principal: Principal | None) -> list[Invitation]:
        """Those that are open or were used, newest first; revoked ones are left out."""
        _require_operator(principal)
        statement = (
            select(invitations, accounts.c.name.label("used_by_name"))
            .outerjoin(accounts, accounts.c.id == invitations.c.used_by)
            .where(invitations.c.revoked_at.is_(None))
            .order_by(invitations.c.created_at.desc(), invitations.c.id)
            .limit(_MOST_LISTED)
        )
        rows = await self.database.read(lambda connection: connection.execute(statement).all())
        return [_invitation(row, row.used_by_name) for row in rows]

    async def revoke(self, principal: Principal | None, invitation_id: str) -> None:
        """Refuse it from now on. Again, or where it was used: nothing happens.

        Raises:
            NotFound: There is none of that id.
        """
        _require_operator(principal)
        now, by = self.clock(), principal.account_id if principal else None
        mine = invitations.c.id == invitation_id

        def work(connection: Connection) -> None:
            if connection.execute(select(invitations.c.id).where(mine)).first() is None:
                raise NotFound("There is no such invitation.")
            is_open = (invitations.c.used_at.is_(None), invitations.c.revoked_at.is_(None))
            statement = update(invitations).where(mine, *is_open).values(revoked_at=now)
            if connection.execute(statement).rowcount:
                record(
                    connection, at=now, account_id=by, action="invitation.revoked",
                    subject=invitation_id, details={},
                )  # fmt: skip

        await self.database.write(work)

    async def check(self, token: str) -> Invitation:
        """The invitation, if it can be accepted now.

        Raises:
            NotFound: It is none.
            Gone: ``spent``, ``expired``, or taken back.
        """
        if not is_opaque(token):
            raise NotFound("There is no such invitation.")
        digest, now = digest_of(token), self.clock()
        return await self.database.read(lambda connection: _open(connection, digest, now))

    async def accept(self, token: str, wanted: Wanted) -> Account:
        """The account that it makes. Succeeds once, however many ask at the same time.

        Raises:
            NotFound, Gone: As for :meth:`check`.
            Invalid: Name, address or password is refused; the invitation stays open.
            WrongState: ``already_exists``: the name or address is taken; likewise.
        """
        invitation = await self.check(token)
        ready = await self.registration.prepare(wanted)
        digest, now = digest_of(token), self.clock()

        def work(connection: Connection) -> Account:
            _open(connection, digest, now, locked=True)
            account = self.registration.add(
                connection, ready, role=invitation.role, limits=invitation.limits, now=now
            )
            connection.execute(
                update(invitations)
                .where(invitations.c.id == invitation.id)
                .values(used_at=now, used_by=account.id)
            )
            record(
                connection, at=now, account_id=account.id, action="invitation.used",
                subject=invitation.id, details={},
            )  # fmt: skip
            return account

        return await self.database.write(work)


def _add(connection: Connection, made: Invitation, digest: str, by: str | None) -> None:
    connection.execute(
        insert(invitations).values(
            id=made.id, hash=digest, note=made.note, role=made.role.value, created_by=by,
            created_at=made.created_at, expires_at=made.expires_at, **made.limits,
        )
    )  # fmt: skip
    record(
        connection, at=made.created_at, account_id=by, action="invitation.created",
        subject=made.id, details={"role": made.role.value, "note": made.note},
    )  # fmt: skip


def _open(
    connection: Connection, digest: str, now: datetime, *, locked: bool = False
) -> Invitation:
    statement = select(invitations).where(invitations.c.hash == digest)
    row = connection.execute(statement.with_for_update() if locked else statement).one_or_none()
    if row is None:
        raise NotFound("There is no such invitation.")
    if row.used_at is not None:
        raise Gone("This invitation has been used.", code="spent")
    if row.revoked_at is not None:
        raise Gone("This invitation was taken back.")
    if row.expires_at <= now:
        raise Gone("This invitation is past its time.", code="expired")
    return _invitation(row, None)


def _invitation(row: Row[Any], used_by: str | None) -> Invitation:
    limits = {name: getattr(row, name) for name in LIMITS}
    return Invitation(
        row.id, row.note, Role(row.role), limits, row.created_at, row.expires_at, used_by
    )


def _require_form(terms: Terms) -> None:
    require_limits(terms.limits)
    if terms.role not in (Role.ADMIN, Role.MEMBER):
        raise Invalid("The role is admin or member.", field="role")
    if len(terms.note) > _MAX_NOTE_CHARS or not terms.note.isprintable():
        raise Invalid("The note has at most 100 printable characters.", field="note")
    ttl_s = terms.expires_in_s
    if ttl_s is not None and not 1 <= ttl_s <= _MAX_TTL_S:
        raise Invalid("An invitation lives from 1 second to a year.", field="expires_in")


def _require_operator(principal: Principal | None) -> None:
    if principal is not None:
        policy.require_admin(principal)

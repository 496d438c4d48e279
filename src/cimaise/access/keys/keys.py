"""API keys: made, listed, revoked. The text of a key is shown once and never stored."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from cimaise.access import policy
from cimaise.access.accounts.names import is_id
from cimaise.access.keys.cache import KeyCache, KnownKey
from cimaise.access.policy import Principal, Role, Scope
from cimaise.access.secret_texts import HINT_LENGTH, RandomBytes, digest_of, new_key
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.rights import KEEPS_RIGHTS
from cimaise.database.schema import accounts, browser_sessions, keys
from cimaise.errors import Forbidden, Invalid, NotFound

_MAX_NAME_CHARS: Final = 100
_LAST_YEAR: Final = 9000  # so that every zone's form of it is a year, too


@dataclass(frozen=True, slots=True)
class Key:
    """What may be told of a key.

    Attributes:
        id: Its id; no secret.
        account_id: Whose it is.
        name: What its owner calls it.
        hint: Its first characters.
        scopes: What it is limited to; empty: all that the account may.
        created_at: When it was made.
        expires_at: From when it is refused; ``None``: never.
        revoked_at: Since when it is refused; ``None``: it is not.
        last_used_at: When somebody came with it, to five minutes; ``None``: nobody has.
    """

    id: str
    account_id: str
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of accounts."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    cache: KeyCache
    random_bytes: RandomBytes = secrets.token_bytes

    async def create_key(
        self,
        principal: Principal,
        *,
        name: str,
        scopes: Sequence[str] = (),
        expires_at: datetime | None = None,
    ) -> tuple[Key, str]:
        """A key for the principal's own account, and its text.

        Args:
            principal: Who asks; a key among them needs the scope ``manage``.
            name: 1 to 100 printable characters.
            scopes: Of :class:`~cimaise.access.policy.Scope`; none for all that the account may.
            expires_at: Aware; must lie ahead.

        Raises:
            Invalid: A field is refused.
            Forbidden: More than the key that asks may itself, or ``admin`` for a member.
        """
        policy.require_account(principal)
        policy.require_scope(principal, Scope.MANAGE)
        now = self.clock()
        _require_form(name, expires_at, now)
        granted = _granted(principal, scopes)
        key_id, text = self.new_id(), new_key(self.random_bytes)

        def work(connection: Connection) -> Key:
            return add_key(
                connection,
                key_id=key_id,
                text=text,
                account_id=principal.account_id,
                name=name,
                scopes=granted,
                expires_at=expires_at,
                by=principal.account_id,
                now=now,
            )

        return await self.database.write(work), text

    async def list_keys(self, principal: Principal) -> list[Key]:
        """The principal's own keys, newest first; revoked ones are left out, expired ones not."""
        policy.require_account(principal)
        statement = (
            select(keys)
            .where(keys.c.account_id == principal.account_id, keys.c.revoked_at.is_(None))
            .order_by(keys.c.created_at.desc(), keys.c.id.desc())
        )
        rows = await self.database.read(lambda connection: connection.execute(statement).all())
        return [_key(row) for row in rows]

    async def revoke_key(self, principal: Principal, key_id: str) -> None:
        """Refuse the key from now on. Again: nothing happens.

        Raises:
            NotFound: No such key, or somebody else's and the principal is no admin.
        """
        policy.require_account(principal)
        policy.require_scope(principal, Scope.MANAGE)
        now = self.clock()

        def work(connection: Connection) -> None:
            _revoke(connection, principal, key_id, now)

        await self.cache.emptied_by(self.database.write(work))


def add_key(
    connection: Connection,
    *,
    key_id: str,
    text: str,
    account_id: str,
    name: str,
    scopes: tuple[str, ...],
    expires_at: datetime | None,
    by: str | None,
    now: datetime,
) -> Key:
    """A step of a transaction: the row of a new key, and the audit row. All was checked."""
    key = Key(key_id, account_id, name, text[:HINT_LENGTH], scopes, now, expires_at)
    connection.execute(
        insert(keys).values(
            id=key.id,
            account_id=key.account_id,
            name=key.name,
            hash=digest_of(text),
            hint=key.hint,
            scopes=list(key.scopes),
            created_at=key.created_at,
            expires_at=key.expires_at,
        )
    )
    details = {"owner": account_id, "name": name, "scopes": list(scopes)}
    record(connection, at=now, account_id=by, action="key.created", subject=key.id, details=details)
    return key


def find_key(connection: Connection, digest: str) -> KnownKey | None:
    """Who comes with a key that is not revoked and whose account is not disabled.

    Expiry is left to the caller, who knows the time. Without the scope ``admin`` a limited key
    makes no admin of anybody.
    """
    statement = (
        select(
            keys.c.id.label("key_id"),
            keys.c.scopes,
            keys.c.expires_at,
            keys.c.last_used_at,
            accounts.c.id,
            accounts.c.name,
            accounts.c.role,
        )
        .join(accounts, accounts.c.id == keys.c.account_id)
        .where(keys.c.hash == digest, keys.c.revoked_at.is_(None), accounts.c.disabled_at.is_(None))
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    scopes = tuple(row.scopes)
    role = Role(row.role) if not scopes or Scope.ADMIN in scopes else Role.MEMBER
    principal = Principal(
        row.id,
        row.name,
        role,
        scopes,
        key_id=row.key_id,
        lasts_until=row.expires_at or policy.NEVER,
    )
    return KnownKey(principal, row.expires_at, row.last_used_at)


def note_used(digest: str, now: datetime, connection: Connection) -> None:
    """A step of a transaction: somebody came with the key just now."""
    used = update(keys).where(keys.c.hash == digest).values(last_used_at=now)
    connection.execute(used.execution_options(**KEEPS_RIGHTS))


def _require_form(name: str, expires_at: datetime | None, now: datetime) -> None:
    if not 1 <= len(name) <= _MAX_NAME_CHARS or not name.isprintable() or not name.strip():
        raise Invalid("A key's name has 1 to 100 printable characters.", field="name")
    if expires_at is None:
        return
    if expires_at.tzinfo is None or expires_at <= now or expires_at.year > _LAST_YEAR:
        raise Invalid("A key's end lies ahead and names its zone.", field="expires_at")


def _granted(principal: Principal, scopes: Sequence[str]) -> tuple[str, ...]:
    known = tuple(scope.value for scope in Scope)
    unknown = [scope for scope in scopes if scope not in known]
    if unknown:
        raise Invalid("A scope is one of: " + ", ".join(known) + ".", field="scopes")
    if principal.scopes and not (scopes and set(scopes) <= set(principal.scopes)):
        raise Forbidden("A key makes no key that may more than itself.")
    if Scope.ADMIN in scopes:
        policy.require_admin(principal)
    return tuple(scope for scope in known if scope in scopes)


def _revoke(connection: Connection, principal: Principal, key_id: str, now: datetime) -> None:
    if not is_id(key_id):
        raise NotFound("There is no such key.")
    owner_id = connection.execute(
        select(keys.c.account_id).where(keys.c.id == key_id)
    ).scalar_one_or_none()
    if owner_id is None or not (principal.is_admin or owner_id == principal.account_id):
        raise NotFound("There is no such key.")
    revoked = connection.execute(
        update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=now)
    ).rowcount
    if revoked:
        # a browser may have signed in with the key: who takes it back means that, too
        connection.execute(
            update(browser_sessions)
            .where(
                browser_sessions.c.account_id == owner_id,
                browser_sessions.c.ended_at.is_(None),
                browser_sessions.c.id != (principal.session_id or ""),
            )
            .values(ended_at=now)
        )
        record(
            connection,
            at=now,
            account_id=principal.account_id,
            action="key.revoked",
            subject=key_id,
            details={"owner": owner_id},
        )


def _key(row: Row[Any]) -> Key:
    return Key(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        hint=row.hint,
        scopes=tuple(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )

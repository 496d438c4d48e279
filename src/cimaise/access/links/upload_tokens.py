"""Upload tokens: the right to upload into one collection, carried in a URL.

For clients that cannot send a header, and for guests. A token is as good as its maker: what comes
with it belongs to that account and counts against its quota, and the token ends with the account.
Only its SHA-256 is kept. What it has taken of its own limits is counted in the transaction that
takes it, so any number of uploads at once never pass a limit.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select

from cimaise.access import policy
from cimaise.access.policy import CollectionFacts, Principal, Role, Scope
from cimaise.access.revoking import revoke
from cimaise.access.secret_texts import RandomBytes, digest_of, is_opaque, new_opaque
from cimaise.access.token_counts import expired, taken_back
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, collections, upload_tokens
from cimaise.errors import Invalid, NotFound

DEFAULT_TTL_S: Final = 86400.0
MAX_TTL_S: Final = 366 * 86400
MAX_BYTES: Final = 1 << 62
MAX_FILES: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class UploadToken:
    """What may be told of a token.

    Attributes:
        id: Its id; no secret, for only its text opens.
        account_id: Who made it, and answers for what comes with it.
        collection_id: Where it leads.
        collection: The collection's name.
        max_bytes: Of all its files together; ``None``: no limit of its own.
        max_files: How many files; ``None``: no limit of its own.
        taken_bytes: What they have, those on their way included.
        taken_files: How many there are, likewise.
        created_at: When it was made.
        expires_at: From when nothing can be begun with it; whole seconds.
    """

    id: str
    account_id: str
    collection_id: str
    collection: str
    max_bytes: int | None
    max_files: int | None
    taken_bytes: int
    taken_files: int
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UploadRight:
    """What a token gives to whoever holds it.

    Attributes:
        principal: The maker's account, limited to this: hand it to the doors, and keep its
            ``token_id`` with every session, so that one token's uploads are no other's.
        collection: Name of the only collection.
        token: The token behind it, as it was when this was asked for.
    """

    principal: Principal
    collection: str
    token: UploadToken


@dataclass(frozen=True, slots=True)
class UploadTokens:
    """All tokens."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    random_bytes: RandomBytes = secrets.token_bytes

    async def create(
        self,
        principal: Principal,
        collection: CollectionFacts,
        *,
        expires_in_s: float | None = None,
        max_bytes: int | None = None,
        max_files: int | None = None,
    ) -> tuple[UploadToken, str]:
        """A token and its text, which is shown once.

        Args:
            principal: Who answers for it; a key needs the scopes ``manage`` and ``upload``.
            collection: Where it leads.
            expires_in_s: 1 second to 366 days; ``None`` for a day.
            max_bytes: Of all files together.
            max_files: How many files.

        Raises:
            NotSignedIn, Forbidden: No right to upload there oneself.
            Invalid: A field is refused.
            NotFound: The collection went meanwhile.
        """
        policy.require_scope(principal, Scope.MANAGE)
        policy.require_scope(principal, Scope.UPLOAD)
        policy.require_contribute(principal, collection)
        ttl_s = DEFAULT_TTL_S if expires_in_s is None else expires_in_s
        _require_bounds(ttl_s, max_bytes, max_files)
        now, text, token_id = self.clock(), new_opaque(self.random_bytes), self.new_id()
        values = {
            "id": token_id,
            "hash": digest_of(text),
            "account_id": principal.account_id,
            "collection_id": collection.id,
            "max_bytes": max_bytes,
            "max_files": max_files,
            "created_at": now,
            "expires_at": (now + timedelta(seconds=ttl_s)).replace(microsecond=0),
        }
        made = await self.database.write(lambda connection: _add(connection, values))
        return made, text

    async def resolve(self, text: str) -> UploadRight:
        """What the text of a token gives, now.

        Raises:
            NotFound: It is none of ours.
            Gone: ``expired``, or taken back, alone or together with its maker's account.
        """
        if not is_opaque(text):
            raise _unknown()
        return await self._right(upload_tokens.c.hash == digest_of(text))

    async def right_of(self, token_id: str) -> UploadRight:
        """:meth:`resolve` by id, for what was signed under a token."""
        return await self._right(upload_tokens.c.id == token_id)

    async def _right(self, which: Any) -> UploadRight:
        statement = _SELECTED.where(which)
        row = await self.database.read(
            lambda connection: connection.execute(statement).one_or_none()
        )
        if row is None:
            raise _unknown()
        if row.revoked_at is not None or row.disabled_at is not None:
            raise taken_back()
        if row.expires_at <= self.clock():
            raise expired()
        principal = Principal(
            row.account_id,
            row.account_name,
            Role(row.role),
            (Scope.UPLOAD.value,),
            token_id=row.id,
            collection_id=row.collection_id,
        )
        return UploadRight(principal, row.collection, _token(row))

    async def list(self, principal: Principal) -> list[UploadToken]:
        """The principal's own tokens that are good for something, newest first."""
        policy.require_account(principal)
        statement = _SELECTED.where(
            upload_tokens.c.account_id == principal.account_id,
            upload_tokens.c.revoked_at.is_(None),
            upload_tokens.c.expires_at > self.clock(),
        ).order_by(upload_tokens.c.created_at.desc(), upload_tokens.c.id.desc())
        rows = await self.database.read(lambda connection: connection.execute(statement).all())
        return [_token(row) for row in rows]

    async def revoke(self, principal: Principal, token_id: str) -> None:
        """Take a token back at once; what is on its way with it does not arrive. Again: nothing.

        Raises:
            NotFound: No such token, or somebody else's and the principal is no admin.
        """
        policy.require_account(principal)
        policy.require_scope(principal, Scope.MANAGE)
        now = self.clock()
        await self.database.write(lambda connection: _revoke(connection, principal, token_id, now))


_ABSENT: Final = "There is no such upload token."
_SELECTED: Final = (
    select(
        upload_tokens,
        collections.c.name.label("collection"),
        accounts.c.name.label("account_name"),
        accounts.c.role,
        accounts.c.disabled_at,
    )
    .join(accounts, accounts.c.id == upload_tokens.c.account_id)
    .join(collections, collections.c.id == upload_tokens.c.collection_id)
)


def _require_bounds(ttl_s: float, max_bytes: int | None, max_files: int | None) -> None:
    if not 1 <= ttl_s <= MAX_TTL_S:  # NaN too
        raise Invalid("An upload token lives from 1 second to 366 days.", field="expires_in")
    if max_bytes is not None and not 1 <= max_bytes <= MAX_BYTES:
        raise Invalid("max_bytes is at least 1.", field="max_bytes")
    if max_files is not None and not 1 <= max_files <= MAX_FILES:
        raise Invalid("max_files is 1 to 1,000,000,000.", field="max_files")


def _add(connection: Connection, values: dict[str, Any]) -> UploadToken:
    there = select(collections.c.id).where(collections.c.id == values["collection_id"])
    if connection.execute(there).first() is None:
        raise NotFound("There is no such collection.")
    connection.execute(insert(upload_tokens).values(**values))
    record(
        connection,
        at=values["created_at"],
        account_id=values["account_id"],
        action="upload_token.created",
        subject=values["id"],
        details={
            "collection": values["collection_id"],
            "expires_at": values["expires_at"].isoformat(),
            "max_bytes": values["max_bytes"],
            "max_files": values["max_files"],
        },
    )
    return _token(connection.execute(_SELECTED.where(upload_tokens.c.id == values["id"])).one())


def _revoke(connection: Connection, principal: Principal, token_id: str, now: datetime) -> None:
    revoke(
        connection,
        upload_tokens,
        principal,
        token_id,
        action="upload_token.revoked",
        absent=_ABSENT,
        now=now,
    )


def _unknown() -> NotFound:
    return NotFound(_ABSENT)


def _token(row: Row[Any]) -> UploadToken:
    return UploadToken(
        id=row.id,
        account_id=row.account_id,
        collection_id=row.collection_id,
        collection=row.collection,
        max_bytes=row.max_bytes,
        max_files=row.max_files,
        taken_bytes=row.taken_bytes,
        taken_files=row.taken_files,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )

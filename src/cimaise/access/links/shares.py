"""Share links: the right to look at one album, carried in a URL, with or without a password.

A share is asked of its row every time: taken back, past its time, its maker disabled count from
the next request on. Only the SHA-256 of its token is kept. Whoever knew the password carries a
ticket, signed for this share and this password; another password makes it worthless.
"""

import hashlib
import secrets
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from cimaise.access import policy
from cimaise.access.accounts.names import is_id
from cimaise.access.accounts.passwords import Passwords
from cimaise.access.policy import GUEST, CollectionFacts, Principal, Scope
from cimaise.access.secret_texts import RandomBytes, digest_of, is_opaque, new_opaque
from cimaise.access.signing import Signer
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, shares
from cimaise.errors import Forbidden, Gone, Invalid, NotFound, NotSignedIn, TooMany
from cimaise.state.base import State

TICKET_TTL_S: Final = 12 * 3600
_PURPOSE: Final = "share"
_MAX_TTL_S: Final = 10 * 365 * 86400
_TRIES: Final = 10  # from one address
_ALL_TRIES: Final = 200  # from all together
_TRIES_WINDOW_S: Final = 600.0
_EXPIRY: Final = struct.Struct(">Q")
_MARK_BYTES: Final = 8


class Downloads(StrEnum):
    """What may be kept of a shared album."""

    NONE = "none"
    WEB = "web"  # a JPEG of at most 2048 pixels
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Share:
    """What may be told of a share.

    Attributes:
        id: No secret, for only the token opens.
        subject: Whose rights it gives: see :attr:`CollectionFacts.id`.
        album: Name of the album.
        account_id: Who made it.
        has_password: It asks for one.
        downloads: What may be kept.
        watermark: Name of the one that every picture carries; ``None`` for none.
        expires_at: From then on it is refused; ``None``: never.
    """

    id: str
    subject: str
    album: str
    account_id: str
    has_password: bool
    downloads: Downloads
    watermark: str | None
    created_at: datetime
    expires_at: datetime | None

    @property
    def principal(self) -> Principal:
        """Somebody who may look at this album and at nothing else that is not public."""
        return replace(GUEST, shared_id=self.subject)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a share is made with; ``password`` empty for none."""

    password: str = ""
    expires_in_s: float | None = None
    downloads: Downloads = Downloads.WEB
    watermark: str | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """All shares."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    signer: Signer
    state: State
    passwords: Passwords
    random_bytes: RandomBytes = secrets.token_bytes

    async def create(
        self, principal: Principal, album: str, facts: CollectionFacts, terms: Terms
    ) -> tuple[Share, str]:
        """A share and its token, which is shown once. For whoever manages the album.

        Raises:
            NotSignedIn, Forbidden: The principal does not.
            Invalid: A field is refused.
        """
        policy.require_scope(principal, Scope.MANAGE)
        policy.require_manage(principal, facts)
        if terms.expires_in_s is not None and not 1 <= terms.expires_in_s <= _MAX_TTL_S:
            raise Invalid("A share lives from 1 second to 10 years.", field="expires_in")
        kept = await self.passwords.hash(terms.password) if terms.password else None
        token, now = new_opaque(self.random_bytes), self.clock()
        ttl = terms.expires_in_s
        share = Share(
            self.new_id(), facts.id, album, principal.account_id, kept is not None,
            terms.downloads, terms.watermark, now,
            None if ttl is None else (now + timedelta(seconds=ttl)).replace(microsecond=0),
        )  # fmt: skip
        await self.database.write(
            lambda connection: _add(connection, share, digest_of(token), kept)
        )
        return share, token

    async def list(
        self, principal: Principal, album: str, facts: CollectionFacts
    ) -> Sequence[Share]:
        """Shares of an album that are not taken back, the newest first; for who manages it."""
        policy.require_scope(principal, Scope.MANAGE)
        policy.require_manage(principal, facts)
        statement = (
            select(shares)
            .where(shares.c.subject == facts.id, shares.c.revoked_at.is_(None))
            .where(shares.c.album == album)
            .order_by(shares.c.created_at.desc(), shares.c.id)
        )
        rows = await self.database.read(lambda connection: connection.execute(statement).all())
        return [_share(row) for row in rows]

    async def revoke(self, principal: Principal, share_id: str) -> None:
        """Take a share back, at once and for good. Again: nothing happens.

        Raises:
            NotFound: No such share, or somebody else's and the principal is no admin.
        """
        policy.require_account(principal)
        policy.require_scope(principal, Scope.MANAGE)
        now = self.clock()
        await self.database.write(lambda connection: _revoke(connection, principal, share_id, now))

    async def check(self, token: str, ticket: str | None) -> Share:
        """The share behind a token, open to whoever holds this ticket.

        Raises:
            NotFound: There is no such share.
            Gone: ``expired``, or taken back.
            NotSignedIn: ``password_needed``.
        """
        share, kept = await self._find(token)
        if kept is not None and not self._is_good(share, kept, ticket):
            raise NotSignedIn("This album asks for a password.", code="password_needed")
        return share

    async def require_open(self, token: str) -> None:
        """The share still holds, whoever knows its password; ``NotFound``, ``Gone``."""
        await self._find(token)

    async def unlock(self, token: str, password: str, *, address: str) -> tuple[Share, str]:
        """The share, and a ticket for it, to whoever knows its password.

        Raises:
            NotFound, Gone: As for :meth:`check`.
            NotSignedIn: ``bad_credentials``: it is another password.
            TooMany: More than 10 tries in ten minutes from one address, or 200 from all.
        """
        share, kept = await self._find(token)
        if kept is None:
            return share, ""
        await self._require_rate(f"share {share.id} {address}", _TRIES)
        await self._require_rate(f"share {share.id}", _ALL_TRIES)
        if not await self.passwords.verify(kept, password):
            raise NotSignedIn("That is not the password.", code="bad_credentials")
        ends_at = int((self.clock() + timedelta(seconds=TICKET_TTL_S)).timestamp())
        payload = _EXPIRY.pack(ends_at) + _mark(kept) + share.id.encode()
        return share, self.signer.sign(_PURPOSE, payload)

    async def _require_rate(self, key: str, limit: int) -> None:
        rate = await self.state.hit(key, limit=limit, window_s=_TRIES_WINDOW_S)
        if not rate.is_allowed:
            wait_s = max(1, round(rate.retry_after_s))
            raise TooMany("Too many passwords were tried.", retry_after_s=wait_s)

    def _is_good(self, share: Share, kept: str, ticket: str | None) -> bool:
        if not ticket:
            return False
        try:
            payload = self.signer.open(_PURPOSE, ticket)
        except Forbidden:
            return False
        (ends_at,) = _EXPIRY.unpack_from(payload)
        rest = payload[_EXPIRY.size :]
        is_its = rest == _mark(kept) + share.id.encode()
        return is_its and self.clock() < datetime.fromtimestamp(ends_at, UTC)

    async def _find(self, token: str) -> tuple[Share, str | None]:
        if not is_opaque(token):
            raise NotFound("There is no such share.")
        statement = (
            select(shares, accounts.c.disabled_at)
            .join(accounts, accounts.c.id == shares.c.account_id)
            .where(shares.c.hash == digest_of(token))
        )
        row = await self.database.read(
            lambda connection: connection.execute(statement).one_or_none()
        )
        if row is None:
            raise NotFound("There is no such share.")
        if row.revoked_at is not None or row.disabled_at is not None:
            raise Gone("This share was taken back.")
        if row.expires_at is not None and self.clock() >= row.expires_at:
            raise Gone("This share is past its time.", code="expired")
        return _share(row), row.password_hash


def _mark(kept: str) -> bytes:
    """Tells one kept password from another, and nothing of either."""
    return hashlib.sha256(kept.encode()).digest()[:_MARK_BYTES]


def _add(connection: Connection, share: Share, digest: str, kept: str | None) -> None:
    values = {
        "id": share.id, "hash": digest, "subject": share.subject, "album": share.album,
        "account_id": share.account_id, "password_hash": kept, "downloads": share.downloads.value,
        "watermark": share.watermark, "created_at": share.created_at,
        "expires_at": share.expires_at,
    }  # fmt: skip
    connection.execute(insert(shares).values(values))
    record(
        connection, at=share.created_at, account_id=share.account_id, action="share.created",
        subject=share.id, details={"album": share.album},
    )  # fmt: skip


def _revoke(connection: Connection, principal: Principal, share_id: str, now: datetime) -> None:
    found = (
        connection.execute(select(shares).where(shares.c.id == share_id)).one_or_none()
        if is_id(share_id)
        else None
    )
    if found is None or not (principal.is_admin or found.account_id == principal.account_id):
        raise NotFound("There is no such share.")
    revoked = connection.execute(
        update(shares)
        .where(shares.c.id == share_id, shares.c.revoked_at.is_(None))
        .values(revoked_at=now)
    ).rowcount
    if revoked:
        record(
            connection, at=now, account_id=principal.account_id, action="share.revoked",
            subject=share_id, details={"album": found.album},
        )  # fmt: skip


def _share(row: Row[Any]) -> Share:
    return Share(
        row.id, row.subject, row.album, row.account_id, row.password_hash is not None,
        Downloads(row.downloads), row.watermark, row.created_at, row.expires_at,
    )  # fmt: skip

"""Share links: the right to look at one album, carried in a URL, with or without a password.

A share is asked of its row every time: taken back, past its time, its maker disabled count from
the next request on. Of its token only the SHA-256 is kept; the token itself is made of the server's
secret and the share's id, so that those who manage the album can copy it again. Whoever knew the password carries a
ticket, signed for this share and this password; another password makes it worthless.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row

from cimaise import telemetry
from cimaise.access import policy
from cimaise.access.accounts.passwords import Passwords
from cimaise.access.links import share_rows as rows
from cimaise.access.links.share_rows import Downloads, Share, share_of
from cimaise.access.policy import CollectionFacts, Principal, Scope
from cimaise.access.secret_texts import derived_opaque, digest_of, is_opaque
from cimaise.access.signing import Signer
from cimaise.database.engine import Database
from cimaise.errors import (
    CimaiseError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    NotSignedIn,
    TooMany,
)
from cimaise.state.base import State

__all__ = ["MAX_NAME", "TICKET_TTL_S", "Downloads", "Share", "Shares", "Terms"]

MAX_NAME: Final = 100
TICKET_TTL_S: Final = 12 * 3600
_PURPOSE: Final = "share"
_TOKENS: Final = "share-token"
_MAX_TTL_S: Final = 10 * 365 * 86400
_TRIES: Final = 10  # from one address
_ALL_TRIES: Final = 200  # from all together
_TRIES_WINDOW_S: Final = 600.0
_EXPIRY: Final = struct.Struct(">Q")
_MARK_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Terms:
    """What a share is made with; ``password`` empty for none."""

    password: str = ""
    expires_in_s: float | None = None
    downloads: Downloads = Downloads.WEB
    watermark: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Shares:
    """All shares."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    signer: Signer
    state: State
    passwords: Passwords

    async def create(
        self, principal: Principal, album: str, facts: CollectionFacts, terms: Terms
    ) -> tuple[Share, str]:
        """A share and its token. For whoever manages the album.

        Raises:
            NotSignedIn, Forbidden: The principal does not.
            Invalid: A field is refused.
        """
        policy.require_scope(principal, Scope.MANAGE)
        policy.require_manage(principal, facts)
        if terms.expires_in_s is not None and not 1 <= terms.expires_in_s <= _MAX_TTL_S:
            raise Invalid("A share lives from 1 second to 10 years.", field="expires_in")
        if len(terms.name) > MAX_NAME:
            raise Invalid(f"A name has at most {MAX_NAME} characters.", field="name")
        kept = await self.passwords.hash(terms.password) if terms.password else None
        now, ttl = self.clock(), terms.expires_in_s
        share = Share(
            self.new_id(), facts.id, album, principal.account_id, kept is not None,
            terms.downloads, terms.watermark, now,
            None if ttl is None else (now + timedelta(seconds=ttl)).replace(microsecond=0),
            terms.name,
        )  # fmt: skip
        token = derived_opaque(self.signer.key_of(_TOKENS), share.id)
        await self.database.write(
            lambda connection: rows.add_share(connection, share, digest_of(token), kept)
        )
        return replace(share, token=token), token

    async def list(
        self, principal: Principal, album: str, facts: CollectionFacts
    ) -> Sequence[Share]:
        """Shares of an album that are not taken back, the newest first; for who manages it."""
        policy.require_scope(principal, Scope.MANAGE)
        policy.require_manage(principal, facts)
        found = await self.database.read(
            lambda connection: rows.find_shares_of(connection, facts.id, album)
        )
        return [replace(share_of(row), token=self._token(row)) for row in found]

    def _token(self, row: Row[Any]) -> str | None:
        """What opens it; ``None`` for one that was made before, or with a secret that is gone."""
        made = (derived_opaque(key, row.id) for key in self.signer.keys_of(_TOKENS))
        return next((token for token in made if digest_of(token) == row.hash), None)

    async def revoke(self, principal: Principal, share_id: str) -> str:
        """Take a share back, at once and for good; gives its album. Again: nothing happens.

        Raises:
            NotFound: No such share, or the principal neither made it nor manages its collection.
        """
        policy.require_account(principal)
        policy.require_scope(principal, Scope.MANAGE)
        now = self.clock()
        return await self.database.write(
            lambda connection: rows.revoke_share(connection, principal, share_id, now)
        )

    async def count_opening(self, share: Share) -> None:
        """Its page was opened. Never fails: who looks at pictures need not mind what is counted."""
        now = self.clock()
        try:
            await self.database.write(
                lambda connection: rows.count_opening(connection, share.id, now)
            )
        except CimaiseError as fault:
            telemetry.log("share_not_counted", level="warning", message=fault.message)

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
        digest = digest_of(token)
        row = await self.database.read(lambda connection: rows.find_by_digest(connection, digest))
        if row is None:
            raise NotFound("There is no such share.")
        if row.revoked_at is not None or row.disabled_at is not None:
            raise Gone("This share was taken back.")
        if row.expires_at is not None and self.clock() >= row.expires_at:
            raise Gone("This share is past its time.", code="expired")
        return share_of(row), row.password_hash


def _mark(kept: str) -> bytes:
    """Tells one kept password from another, and nothing of either."""
    return hashlib.sha256(kept.encode()).digest()[:_MARK_BYTES]

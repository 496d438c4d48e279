"""What comes with a request (API key, JWT, cookie) to a principal."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection

from cimaise import telemetry
from cimaise.access.jwt.jwts import MAX_CHARS, JwtVerifier
from cimaise.access.keys.cache import KeyCache
from cimaise.access.keys.keys import find_key, note_used
from cimaise.access.policy import GUEST, Principal
from cimaise.access.secret_texts import KEY_PREFIX, digest_of, is_key, is_opaque
from cimaise.access.sessions.rows import SEEN_EVERY, find_session, note_seen
from cimaise.access.subjects import Subjects
from cimaise.database.engine import Database
from cimaise.errors import CimaiseError, NotSignedIn

_SCHEME: Final = "bearer"


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Says who asks.

    Attributes:
        database: Where keys and sessions are.
        clock: The time, aware UTC.
        cache: Of API keys; the same that :class:`Keys` and :class:`Accounts` empty.
        subjects: Accounts of JWTs.
        jwts: Verifies them; ``None``: none is accepted.
    """

    database: Database
    clock: Callable[[], datetime]
    cache: KeyCache
    subjects: Subjects
    jwts: JwtVerifier | None = None

    async def authenticate(self, authorization: str | None, cookie: str | None) -> Principal:
        """Who asks; a guest where neither is given.

        Args:
            authorization: The ``Authorization`` header. Where there is one, it alone counts: a
                bad one is refused, whatever the cookie says.
            cookie: The value of the session cookie. Whether the request comes from a page of ours
                is the caller's to check, see :mod:`cimaise.access.origin`.

        Raises:
            NotSignedIn: ``bad_credentials``: unknown, malformed, expired, revoked, ended, or the
                account is disabled.
            UpstreamFailed, UpstreamTimedOut: The keys of JWTs can't be had.
        """
        if authorization is not None:
            return await self._by_header(authorization)
        if cookie is not None:
            return await self._by_cookie(cookie)
        return GUEST

    async def _by_header(self, authorization: str) -> Principal:
        scheme, _, rest = authorization.partition(" ")
        token = rest.strip(" ")
        if scheme.lower() != _SCHEME or not 1 <= len(token) <= MAX_CHARS:
            raise _bad("Authorization is: Bearer, a space, and a key or token.")
        if token.startswith(KEY_PREFIX):
            return await self._by_key(token)
        return await self._by_jwt(token)

    async def _by_key(self, text: str) -> Principal:
        if not is_key(text):
            raise _bad("The key is not written as a key is.")
        digest = digest_of(text)
        known = self.cache.get(digest)
        if known is None:
            generation = self.cache.generation
            known = await self.database.read(lambda connection: find_key(connection, digest))
            if known is None:
                raise _bad("The key is not valid.")
            self.cache.put(digest, known, generation=generation)
            if known.last_used_at is None or self.clock() - known.last_used_at >= SEEN_EVERY:
                await self._note(partial(note_used, digest, self.clock()))
        if known.expires_at is not None and known.expires_at <= self.clock():
            raise _bad("The key has expired.")
        return known.principal

    async def _by_jwt(self, token: str) -> Principal:
        if self.jwts is None:
            raise _bad("The token is not valid.")
        account = await self.subjects.account(await self.jwts.verify(token))
        if account.disabled_at is not None:
            raise _bad("The account is disabled.")
        return account.principal

    async def _by_cookie(self, cookie: str) -> Principal:
        if not is_opaque(cookie):
            raise _ended()
        digest, now = digest_of(cookie), self.clock()
        found = await self.database.read(lambda connection: find_session(connection, digest, now))
        if found is None:
            raise _ended()
        principal, is_due = found
        if is_due:
            await self._note(partial(_note_session, principal.session_id or "", now))
        return principal

    async def _note(self, note: Callable[[Connection], None]) -> None:
        """Write down that a session or key is used; nobody is refused because that fails."""
        with suppress(CimaiseError):
            await self.database.write(note)


def _note_session(session_id: str, now: datetime, connection: Connection) -> None:
    note_seen(connection, session_id, now, telemetry.client_address.get())


def _ended() -> NotSignedIn:
    return _bad("The session has ended. Sign in again.")


def _bad(message: str) -> NotSignedIn:
    return NotSignedIn(message, code="bad_credentials")

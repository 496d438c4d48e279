"""JSON Web Tokens: signature, time, issuer, audience (RFC 7519, with the advice of RFC 8725).

The key's kind decides which algorithms it verifies, never the token: HS256 goes with the secret of
the settings and nothing else, the others go with a key of the fetched set that is made for them.
What a token says of where its key is (``jku``, ``jwk``, ``x5u``) is not looked at.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from cimaise.access.jwt.jwks import ASYMMETRIC, KeyRing
from cimaise.errors import NotSignedIn

if TYPE_CHECKING:
    from joserfc.jwk import Key

SECRET_MIN_BYTES: Final = 32  # RFC 7518 §3.2: no shorter than the hash
MAX_CHARS: Final = 8192
MAX_SUBJECT_CHARS: Final = 255
_LEEWAY_S: Final = 60
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Header(msgspec.Struct):
    """What a token says of how it is signed."""

    alg: str
    kid: str | None = None
    crit: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    b64: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Claims(msgspec.Struct):
    sub: str
    exp: int | float
    nbf: int | float | None = None
    iat: int | float | None = None
    iss: str | None = None
    aud: str | list[str] | None = None


@dataclass(frozen=True, slots=True)
class JwtVerifier:
    """Verifies tokens; made by :func:`jwt_verifier`.

    Attributes:
        clock: The time, aware UTC.
        secret: For HS256; ``None``: such tokens are refused.
        key_ring: For RS256, ES256 and EdDSA; ``None``: such tokens are refused.
        issuer: Required ``iss``; empty: any.
        audience: Required ``aud``; empty: only tokens without one, which are for everybody.
    """

    clock: Callable[[], datetime]
    secret: Key | None
    key_ring: KeyRing | None
    issuer: str
    audience: str

    async def verify(self, token: str) -> str:
        """The subject (``sub``) of a token that is valid now.

        Raises:
            NotSignedIn: ``bad_credentials``, for any fault of the token.
            UpstreamFailed, UpstreamTimedOut: The public keys can't be had.
        """
        payload = await signed_payload(token, self._key)
        try:
            claims = msgspec.json.decode(payload, type=_Claims)
        except msgspec.ValidationError as fault:
            raise bad_token("The token lacks sub or exp, or a claim has another form.") from fault
        except (ValueError, RecursionError) as fault:
            raise bad_token("The token is not valid.") from fault
        self._require(claims)
        return claims.sub

    async def _key(self, header: Header) -> Key:
        if header.alg == "HS256" and self.secret is not None:
            return self.secret
        if header.alg in ASYMMETRIC and self.key_ring is not None:
            return await self.key_ring.find(header.kid, header.alg)
        raise bad_token("The token is not valid.")

    def _require(self, claims: _Claims) -> None:
        now = self.clock().timestamp()
        if claims.exp <= now - _LEEWAY_S:
            raise bad_token("The token has expired.")
        if any(at is not None and at > now + _LEEWAY_S for at in (claims.nbf, claims.iat)):
            raise bad_token("The token is not valid yet.")
        if self.issuer and claims.iss != self.issuer:
            raise bad_token("The token is another issuer's.")
        if not self._is_meant(claims.aud):
            raise bad_token("The token is for another audience.")
        subject = claims.sub
        if not 1 <= len(subject) <= MAX_SUBJECT_CHARS or not subject.isprintable():
            raise bad_token("The token's subject can't be an account.")

    def _is_meant(self, audience: str | list[str] | None) -> bool:
        named = [audience] if isinstance(audience, str) else audience or []
        return self.audience in named if self.audience else not named  # RFC 7519 §4.1.3


def jwt_verifier(
    *,
    clock: Callable[[], datetime],
    secret: str = "",
    key_ring: KeyRing | None = None,
    issuer: str = "",
    audience: str = "",
) -> JwtVerifier | None:
    """The verifier for the settings; ``None`` where neither secret nor keys are set.

    Raises:
        ValueError: The secret has fewer than 32 bytes, or is a public key.
    """
    if not secret and key_ring is None:
        return None
    raw = secret.encode()
    if secret and len(raw) < SECRET_MIN_BYTES:
        raise ValueError(f"the secret of tokens needs at least {SECRET_MIN_BYTES} bytes")
    key = None
    if secret:
        from cimaise.access.jwt.signatures import key_of  # noqa: PLC0415 (with joserfc)

        key = key_of(raw)
    return JwtVerifier(clock, key, key_ring, issuer, audience)


async def signed_payload(token: str, key_for: Callable[[Header], Awaitable[Key]]) -> bytes:
    """What a token holds whose signature is right; what that says was not looked at.

    Raises:
        NotSignedIn: ``bad_credentials``: malformed, or the signature is wrong.
    """
    from cimaise.access.jwt.signatures import verified  # noqa: PLC0415 (with joserfc)

    key = await key_for(_parse_header(token))
    try:
        return verified(token, key)
    except ValueError as fault:
        raise bad_token("The token is not valid.") from fault


def _parse_header(token: str) -> Header:
    match = _COMPACT.fullmatch(token) if len(token) <= MAX_CHARS else None
    if match is None:
        raise bad_token("The token is not valid.")
    try:
        raw = base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4))
        header = msgspec.json.decode(raw, type=Header)
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise bad_token("The token is not valid.") from fault
    if header.crit is not msgspec.UNSET or header.b64 is not msgspec.UNSET:  # RFC 7515 §4.1.11
        raise bad_token("The token is not valid.")
    return header


def bad_token(message: str) -> NotSignedIn:
    """A token that lets nobody in."""
    return NotSignedIn(message, code="bad_credentials")

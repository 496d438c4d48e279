"""ID tokens: signed by the provider, for us, now, and for this very sign-in (Core §3.1.3.7)."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from cimaise.access.jwt.jwks import ASYMMETRIC
from cimaise.access.jwt.jwts import Header, bad_token, signed_payload
from cimaise.access.oidc.provider import Provider

MAX_SUBJECT_CHARS: Final = 255  # Core §2
_LEEWAY_S: Final = 60


class _Claims(msgspec.Struct):
    iss: str
    sub: str
    aud: str | list[str]
    exp: int | float
    iat: int | float
    nonce: str
    azp: str | None = None


async def verified_claims(
    provider: Provider, token: str, *, nonce: str, now: datetime
) -> Mapping[str, Any]:
    """All claims of a token that is good for this sign-in.

    Raises:
        NotSignedIn: ``bad_credentials``, for any fault of the token.
        UpstreamFailed, UpstreamTimedOut: The provider's keys can't be had.
    """

    async def key_for(header: Header) -> Any:
        if header.alg not in ASYMMETRIC:
            raise bad_token("The identity is not signed with a public key.")
        return await provider.keys.find(header.kid, header.alg)

    payload = await signed_payload(token, key_for)
    try:
        claims = msgspec.json.decode(payload, type=_Claims)
        every = msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as fault:
        raise bad_token("The identity lacks a claim.") from fault
    issuer = (await provider.metadata()).issuer
    _require(claims, issuer, provider.client_id, nonce, now.timestamp())
    return every


def _require(claims: _Claims, issuer: str, client_id: str, nonce: str, now: float) -> None:
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != issuer:
        raise bad_token("The identity is another issuer's.")
    if client_id not in audience or (len(audience) > 1 and claims.azp is None):
        raise bad_token("The identity is for another audience.")
    if claims.azp is not None and claims.azp != client_id:
        raise bad_token("The identity is for another audience.")
    if claims.exp <= now - _LEEWAY_S or claims.iat > now + _LEEWAY_S:
        raise bad_token("The identity is past its time.")
    if not hmac.compare_digest(claims.nonce.encode(), nonce.encode()):
        raise bad_token("The identity is of another sign-in.")
    if not 1 <= len(claims.sub) <= MAX_SUBJECT_CHARS or not claims.sub.isprintable():
        raise bad_token("The identity's subject can't be an account.")

"""The flow: to the provider with a state, a nonce and a PKCE challenge, and back with a code.

What has to be remembered meanwhile is in a signed cookie of the browser that began, so that an
answer counts in that browser only; and each state counts once, on all machines.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from cimaise.access.accounts.rows import Account
from cimaise.access.keys.cache import KeyCache
from cimaise.access.oidc.id_tokens import verified_claims
from cimaise.access.oidc.identities import Identity, Rules, account_of_identity, link
from cimaise.access.oidc.provider import Provider, Tokens
from cimaise.access.policy import Principal
from cimaise.access.secret_texts import RandomBytes, new_opaque
from cimaise.access.signing import Signer
from cimaise.database.engine import Database
from cimaise.errors import Forbidden, NotFound, NotSignedIn
from cimaise.state.base import State

TTL_S: Final = 900.0
"""How long somebody may take at the provider."""

_PURPOSE: Final = "oidc"
_MAX_CODE_CHARS: Final = 4096
_EVER_ASKED: Final = ("email", "email_verified")


class _Begun(msgspec.Struct, array_like=True, frozen=True):
    """What the cookie holds; signed, not hidden: it is the browser's own."""

    state: str
    nonce: str
    verifier: str
    following: str
    expires_at: int
    account_id: str  # to link to, or empty


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider sent the browser back with (RFC 6749 §4.1.2, RFC 9207)."""

    code: str
    state: str
    issuer: str | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class OidcSignIn:
    """Signing in with one provider.

    Attributes:
        redirect_uri: Where it sends browsers back to.
        home: Where it may send them after signing out there.
        scopes: Asked for beside ``openid``.
        cache: Of API keys, emptied where a role changes.
    """

    provider: Provider
    rules: Rules
    database: Database
    state: State
    signer: Signer
    cache: KeyCache
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    redirect_uri: str
    home: str
    scopes: tuple[str, ...]
    random_bytes: RandomBytes = secrets.token_bytes

    @property
    def issuer(self) -> str:
        """The provider, as the settings name it."""
        return self.provider.issuer

    async def begin(self, following: str, *, link_to: str = "") -> tuple[str, str]:
        """The provider's address to go to, and the cookie to keep meanwhile.

        Args:
            following: Where to go in the end, a path of ours.
            link_to: Id of the account that asks to be linked, whose owner is signed in.

        Raises:
            UpstreamFailed, UpstreamTimedOut: The provider is away.
        """
        metadata = await self.provider.metadata()
        state, nonce, verifier = (new_opaque(self.random_bytes) for _ in range(3))
        ends_at = int(self.clock().timestamp() + TTL_S)
        begun = _Begun(state, nonce, verifier, following, ends_at, link_to)
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *self.scopes))),
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        url = f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}"
        return url, self.signer.sign(_PURPOSE, msgspec.json.encode(begun))

    async def finish(
        self, answer: Answer, cookie: str | None, principal: Principal
    ) -> tuple[Account, str]:
        """Who has come back, and where they wanted to go.

        Raises:
            NotSignedIn: ``bad_credentials``: not this browser's sign-in, used, too late, refused
                by the provider, or a token that is no good.
            Forbidden: No account and none is made, or the claims let nobody in.
            WrongState: The identity to link is another account's.
            UpstreamFailed, UpstreamTimedOut: The provider is away.
        """
        begun = await self._resume(answer, cookie)
        if begun.account_id and begun.account_id != principal.account_id:
            raise _bad("The account that began is not signed in any more.")
        if answer.error:
            raise _bad("The provider did not sign you in.")
        if not 1 <= len(answer.code) <= _MAX_CODE_CHARS:
            raise _bad("The provider sent no code.")
        tokens = await self.provider.exchange(answer.code, begun.verifier, self.redirect_uri)
        now = self.clock()
        claims = await verified_claims(self.provider, tokens.id_token, nonce=begun.nonce, now=now)
        every = await self._with_user_info(tokens, claims)
        identity = Identity(str(claims["iss"]), str(claims["sub"]), every)
        return await self._account(identity, begun, now), begun.following

    async def _resume(self, answer: Answer, cookie: str | None) -> _Begun:
        try:
            payload = self.signer.open(_PURPOSE, cookie or "")
            begun = msgspec.json.decode(payload, type=_Begun)
        except (Forbidden, msgspec.MsgspecError) as fault:
            raise _bad("This sign-in began in another browser, or too long ago.") from fault
        if not hmac.compare_digest(begun.state.encode(), answer.state.encode(errors="replace")):
            raise _bad("This answer is to another sign-in.")
        if self.clock().timestamp() >= begun.expires_at:
            raise _bad("The sign-in is past its time.")
        used = await self.state.hit(f"oidc {begun.state}", limit=1, window_s=2 * TTL_S)
        if not used.is_allowed:
            raise _bad("This sign-in was used before.")
        metadata = await self.provider.metadata()
        must_say = metadata.authorization_response_iss_parameter_supported
        if answer.issuer != metadata.issuer and (must_say or answer.issuer is not None):
            raise _bad("The answer is another provider's.")  # RFC 9207 §2.4
        return begun

    async def _with_user_info(self, tokens: Tokens, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """Many providers keep names and groups out of the ID token."""
        wanted = {self.rules.name_claim, self.rules.role_claim, *_EVER_ASKED} - {""}
        if tokens.access_token is None or wanted <= set(claims):
            return claims
        more = await self.provider.user_info(tokens.access_token, str(claims["sub"]))
        return {**more, **claims}

    async def _account(self, identity: Identity, begun: _Begun, now: datetime) -> Account:
        new_id = self.new_id()
        if begun.account_id:
            await self.database.write(
                lambda connection: link(connection, identity, begun.account_id, now)
            )
        return await self.cache.emptied_by(
            self.database.write(
                lambda connection: account_of_identity(
                    connection, identity, self.rules, new_id, now
                )
            )
        )

    async def leave_url(self) -> str | None:
        """Where one signs out at the provider too (RP-Initiated Logout 1.0 §2), if it says so."""
        endpoint = (await self.provider.metadata()).end_session_endpoint
        if endpoint is None:
            return None
        asked = {"client_id": self.provider.client_id, "post_logout_redirect_uri": self.home}
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"


def require_set(one: OidcSignIn | None) -> OidcSignIn:
    """The provider that is set, or ``NotFound``."""
    if one is None:
        raise NotFound("No sign-in provider is set here.")
    return one


def _challenge(verifier: str) -> str:
    """RFC 7636 §4.2, ``S256``."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _bad(message: str) -> NotSignedIn:
    return NotSignedIn(message, code="bad_credentials")

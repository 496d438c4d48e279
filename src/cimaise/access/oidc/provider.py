"""A provider: what it says of itself, its keys, and the two questions that are asked of it.

OpenID Connect Discovery 1.0 §4, OpenID Connect Core 1.0 §3.1.3 and §5.3.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus, urlsplit

import msgspec

from cimaise.access.jwt.jwks import KeyRing, key_set_fetcher
from cimaise.access.outbound import ask
from cimaise.errors import NotSignedIn, UpstreamFailed, UpstreamTimedOut

_WHO: Final = "The sign-in provider"
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_FRESH: Final = timedelta(hours=1)
_PAUSE: Final = timedelta(minutes=1)  # after a try that failed
_FIRST_PAUSE: Final = timedelta(seconds=5)  # the same, while nothing is known
_OK: Final = 200


class Metadata(msgspec.Struct, frozen=True):
    """What is needed of what a provider says of itself (Discovery §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    authorization_response_iss_parameter_supported: bool = False

    @property
    def addresses(self) -> list[str]:
        """All that browsers are sent to, or that are asked."""
        every = (
            self.authorization_endpoint, self.token_endpoint, self.jwks_uri,
            self.userinfo_endpoint, self.end_session_endpoint,
        )  # fmt: skip
        return [one for one in every if one is not None]


class Tokens(msgspec.Struct, frozen=True):
    """What a code is exchanged for."""

    id_token: str
    access_token: str | None = None


class Provider:
    """One provider; used from one event loop."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        clock: Callable[[], datetime],
        *,
        secret_in_body: bool = False,
    ) -> None:
        """Nothing is asked yet.

        Args:
            issuer: Without a trailing slash; one that the provider writes with it is the same.
            client_id: Ours.
            client_secret: Empty for a public client.
            clock: The time, aware UTC.
            secret_in_body: ``client_secret_post`` instead of ``client_secret_basic``.
        """
        self.client_id = client_id
        self.keys = KeyRing(self._fetch_keys, clock)
        self.issuer = issuer
        self._secret = client_secret
        self._clock = clock
        self._secret_in_body = secret_in_body
        self._known: tuple[datetime, Metadata] | None = None
        self._tried_at: datetime | None = None
        self._fault: UpstreamFailed | UpstreamTimedOut | None = None
        self._asking = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """What it says of itself, asked once an hour.

        The last answer holds while it is being asked and while it is away. Whoever is away is
        asked once a minute, or every five seconds before its first answer.

        Raises:
            UpstreamFailed, UpstreamTimedOut: It never answered, or names another issuer.
        """
        known = self._known
        if known is not None and (self._is_younger(known[0], _FRESH) or self._asking.locked()):
            return known[1]
        async with self._asking:
            if not self._is_tried():
                await self._try()
        if self._known is not None:
            return self._known[1]
        assert self._fault is not None  # of the last try
        raise type(self._fault)(self._fault.message) from self._fault

    def _is_tried(self) -> bool:
        """A moment ago: then it is not asked again."""
        if self._fault is None:
            return self._is_younger(self._tried_at, _FRESH)
        return self._is_younger(self._tried_at, _FIRST_PAUSE if self._known is None else _PAUSE)

    async def _try(self) -> None:
        try:
            found = await self._discover()
        except (UpstreamFailed, UpstreamTimedOut) as fault:
            self._fault = fault
        else:
            self._known, self._fault = (self._clock(), found), None
        self._tried_at = self._clock()

    def _is_younger(self, moment: datetime | None, age: timedelta) -> bool:
        return moment is not None and timedelta() <= self._clock() - moment < age

    async def _discover(self) -> Metadata:
        status, answer = await ask(self.issuer + _WELL_KNOWN, whom=_WHO)
        try:
            found = msgspec.convert(answer, Metadata)
        except msgspec.ValidationError as fault:
            raise UpstreamFailed(f"{_WHO} does not say what is needed.") from fault
        is_same = found.issuer in (self.issuer, f"{self.issuer}/")
        if status != _OK or not is_same or not all(map(self._is_safe, found.addresses)):
            raise UpstreamFailed(f"{_WHO} is not the one that was set.")
        return found

    def _is_safe(self, url: str) -> bool:
        """TLS, unless the issuer was set without: a provider on this machine."""
        allowed = {"https", urlsplit(self.issuer).scheme}
        return urlsplit(url).scheme in allowed and bool(urlsplit(url).hostname)

    async def _fetch_keys(self) -> Mapping[str, Any]:
        return await key_set_fetcher((await self.metadata()).jwks_uri)()

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """The tokens for a code (Core §3.1.3.1, RFC 7636 §4.5).

        Raises:
            NotSignedIn: ``bad_credentials``: the code is wrong, used, or too old.
            UpstreamFailed, UpstreamTimedOut: It can't be had, or our own credentials are refused.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers: dict[str, str] = {}
        if self._secret and not self._secret_in_body:
            headers["authorization"] = _basic(self.client_id, self._secret)
        else:
            form["client_id"] = self.client_id
            form |= {"client_secret": self._secret} if self._secret else {}
        endpoint = (await self.metadata()).token_endpoint
        status, answer = await ask(endpoint, whom=_WHO, form=form, headers=headers)
        if status != _OK:
            if answer.get("error") == "invalid_grant":
                raise NotSignedIn("The sign-in is past its time.", code="bad_credentials")
            raise UpstreamFailed(f"{_WHO} refused this server.")
        try:
            return msgspec.convert(answer, Tokens)
        except msgspec.ValidationError as fault:
            raise UpstreamFailed(f"{_WHO} gave no identity.") from fault

    async def user_info(self, access_token: str, subject: str) -> Mapping[str, Any]:
        """Further claims (Core §5.3), nothing where the provider has none to ask for.

        Raises:
            UpstreamFailed, UpstreamTimedOut: It can't be had, or is somebody else's.
        """
        endpoint = (await self.metadata()).userinfo_endpoint
        if endpoint is None:
            return {}
        headers = {"authorization": f"Bearer {access_token}"}
        status, claims = await ask(endpoint, whom=_WHO, headers=headers)
        if status != _OK or claims.get("sub") != subject:  # Core §5.3.4
            raise UpstreamFailed(f"{_WHO} gave no facts of this account.")
        return claims


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749 §2.3.1: both are encoded as in a form first."""
    text = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(text.encode()).decode()

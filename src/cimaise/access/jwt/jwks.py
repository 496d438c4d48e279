"""The public keys that tokens are signed with: fetched, checked, kept by ``kid`` (RFC 7517)."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cimaise.access.outbound import exchange
from cimaise.errors import CimaiseError, NotSignedIn, UpstreamFailed, UpstreamTimedOut
from cimaise.telemetry import log

if TYPE_CHECKING:
    from joserfc.jwk import Key


FetchKeySet = Callable[[], Awaitable[Mapping[str, Any]]]

_FETCH_S: Final = 10.0
_MAX_KEYS: Final = 100
_PAUSE: Final = timedelta(minutes=1)  # between two fetches, whoever asks for what
_FIRST_PAUSE: Final = timedelta(seconds=5)  # while there was none that succeeded
_FRESH: Final = timedelta(minutes=15)  # then a key that was withdrawn is noticed
_STALE: Final = timedelta(days=1)  # longest trust in keys while their server does not answer
_RSA_BYTES: Final = range(256, 1025)  # 2048 to 8192 bits
_OK: Final = 200
_FITTING: Final = {  # alg of a token → (kty, crv) of its key, and the alg that the key may name
    "RS256": ("RSA", None, {"RS256"}),
    "ES256": ("EC", "P-256", {"ES256"}),
    "EdDSA": ("OKP", "Ed25519", {"EdDSA", "Ed25519"}),
    "Ed25519": ("OKP", "Ed25519", {"EdDSA", "Ed25519"}),  # RFC 9864
}
ASYMMETRIC: Final = frozenset(_FITTING)


def key_set_fetcher(url: str) -> FetchKeySet:
    """A function that fetches the key set at ``url``: 10 s, 256 KiB, no redirects, no proxy.

    It raises ``UpstreamFailed`` or ``UpstreamTimedOut``.
    """

    async def fetch() -> Mapping[str, Any]:
        import aiohttp  # noqa: PLC0415 (loaded by those who need it: 9 MB)

        try:
            return _parse_set(await _get(url))
        except TimeoutError as fault:
            raise UpstreamTimedOut("The server of the public keys did not answer.") from fault
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise UpstreamFailed("The public keys could not be fetched.") from fault

    return fetch


async def _get(url: str) -> bytes:
    status, body = await exchange(url, headers={"accept": "*/*"}, timeout_s=_FETCH_S)
    if status != _OK:
        raise ValueError(f"status {status}")
    return body


def _parse_set(body: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as fault:
        raise ValueError("no JSON object") from fault


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One usable key of a set, with what it says of itself."""

    kid: str | None
    kty: str
    crv: str | None
    alg: str | None
    key: Key

    def fits(self, alg: str) -> bool:
        """May verify tokens of this algorithm."""
        kty, crv, names = _FITTING[alg]
        return (
            self.kty == kty
            and (crv is None or self.crv == crv)
            and (not self.alg or self.alg in names)
        )


class KeyRing:
    """Public keys by ``kid``, from an injected fetcher; used from one event loop."""

    def __init__(self, fetch: FetchKeySet, clock: Callable[[], datetime]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._fault: CimaiseError | None = None
        self._running: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, alg: str) -> Key:
        """The key for a token.

        The set is fetched when there is none, when it is older than 15 minutes or when it lacks
        the key; never more than once a minute (5 seconds until the first success), and once for
        all that wait. While its server fails the last set holds, for a day.

        Args:
            kid: Of the token's header; without one the set must have exactly one key that fits.
            alg: One of :data:`ASYMMETRIC`.

        Raises:
            NotSignedIn: ``bad_credentials``: there is no such key.
            UpstreamFailed, UpstreamTimedOut: It can't be known, for the last fetch failed.
        """
        if not self._is_younger(self._fetched_at, _FRESH):
            await self._refresh()
        found = self._pick(kid, alg)
        if found is None:
            await self._refresh()
            found = self._pick(kid, alg)
        if found is not None:
            return found
        if self._fault is not None:
            raise type(self._fault)(self._fault.message) from self._fault
        raise NotSignedIn("The token is signed with an unknown key.", code="bad_credentials")

    def _pick(self, kid: str | None, alg: str) -> Key | None:
        if not self._is_younger(self._fetched_at, _STALE):
            return None
        fitting = [key for key in self._keys if key.fits(alg) and kid in (None, key.kid)]
        return fitting[0].key if len(fitting) == 1 else None

    async def _refresh(self) -> None:
        """Fetch, or wait for the fetch under way; a waiter that is cancelled does not stop it."""
        if self._running is None or self._running.done():
            pause = _FIRST_PAUSE if self._fetched_at is None else _PAUSE
            if self._is_younger(self._tried_at, pause):
                return
            self._tried_at = self._clock()
            self._running = asyncio.create_task(self._replace())
        await asyncio.shield(self._running)

    async def _replace(self) -> None:
        try:
            async with asyncio.timeout(_FETCH_S):
                entries = await self._fetch()
        except TimeoutError:
            self._fault = UpstreamTimedOut("The server of the public keys did not answer.")
        except (UpstreamFailed, UpstreamTimedOut) as fault:
            self._fault = fault
        else:
            self._keys, self._fetched_at, self._fault = parse_keys(entries), self._clock(), None
            return
        log("jwks_failed", level="warning", message=self._fault.message)

    def _is_younger(self, moment: datetime | None, age: timedelta) -> bool:
        return moment is not None and timedelta() <= self._clock() - moment < age


def parse_keys(entries: Mapping[str, Any]) -> tuple[PublicKey, ...]:
    """The keys of a set that tokens may be verified with; every other entry is passed over.

    Passed over are, beside what can't be read: secret keys (``oct``), keys for encryption, RSA
    below 2048 or above 8192 bits, other curves, and what follows the hundredth entry. Private
    members are never looked at.
    """
    listed = entries.get("keys")
    if not isinstance(listed, list):
        return ()
    found = (_parse_key(entry) for entry in listed[:_MAX_KEYS] if isinstance(entry, dict))
    return tuple(key for key in found if key is not None)


def _parse_key(entry: dict[str, Any]) -> PublicKey | None:
    from joserfc.errors import JoseError  # noqa: PLC0415 (loaded by those who need it: 9 MB)

    text = {name: value for name, value in entry.items() if isinstance(value, str)}
    operations = entry.get("key_ops", ["verify"])
    if text.get("use", "sig") != "sig" or not isinstance(operations, list):
        return None
    if "verify" not in operations:
        return None
    try:
        key = _import(text)
    except (JoseError, ValueError, TypeError):
        return None
    if key is None:
        return None
    return PublicKey(text.get("kid"), text["kty"], text.get("crv"), text.get("alg"), key)


def _import(text: dict[str, str]) -> Key | None:
    from joserfc.jwk import ECKey, OKPKey, RSAKey  # noqa: PLC0415 (loaded by those who need it: 9 MB)

    match text.get("kty"), text.get("crv"):
        case "RSA", _ if _has_fair_size(text.get("n", "")):
            return RSAKey.import_key(_members(text, "n", "e"))
        case "EC", "P-256":
            return ECKey.import_key(_members(text, "crv", "x", "y"))
        case "OKP", "Ed25519":
            return OKPKey.import_key(_members(text, "crv", "x"))
    return None


def _members(text: dict[str, str], *names: str) -> dict[str, Any]:
    return {name: text[name] for name in ("kty", *names) if name in text}


def _has_fair_size(modulus: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except (binascii.Error, ValueError):
        return False
    return len(raw.lstrip(b"\0")) in _RSA_BYTES

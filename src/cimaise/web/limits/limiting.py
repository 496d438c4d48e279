"""How often, and how much at once: by account, or by address where nobody is signed in.

The header fields are those of the IETF's draft "RateLimit header fields for HTTP" (revision 10):
``RateLimit-Policy: "reads";q=3000;w=60`` says what holds, ``RateLimit: "reads";r=2990;t=1`` what is
left and in how many seconds all of it is back. ``Retry-After`` is RFC 9110 §10.2.3's.
"""

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from starlette.requests import Request

from cimaise import telemetry
from cimaise.access.policy import Principal
from cimaise.access.risk.scores import site_of
from cimaise.access.risk.watch import Watch
from cimaise.errors import Limit, TooMany
from cimaise.settings.rate import Allowance
from cimaise.settings.sections.limits import Limits
from cimaise.state.base import Rate, State
from cimaise.web.limits.tabs import Tabs

_PLACE_TTL_S: Final = 3600.0
"""A transfer that lasts longer is not counted any more; those of a dead process end by then."""

_KNOWN_ADDRESSES: Final = 10_000
_BUSY_RETRY_S: Final = 5


class Kind(StrEnum):
    """What a route asks of the server, for the rate that it counts against."""

    FREE = "free"  # never counted
    SIGN_IN = "sign-ins"  # by address, whoever asks
    UPLOAD = "uploads"
    PICTURE = "pictures"
    CHANGE = "changes"
    READ = "reads"


class Limiter:
    """Asked once for each request that is counted."""

    def __init__(self, limits: Limits, state: State, watch: Watch | None = None) -> None:
        self._limits = limits
        self._watch = watch
        self._state = state
        self._tabs = Tabs(state)
        exempt = limits.exempt

        @lru_cache(_KNOWN_ADDRESSES)
        def site_of(host: str) -> str | None:
            return _site(host, exempt)

        self._site_of = site_of
        self._of_accounts: Mapping[Kind, Allowance] = {
            Kind.UPLOAD: limits.account_uploads,
            Kind.PICTURE: limits.account_pictures,
            Kind.CHANGE: limits.account_changes,
            Kind.READ: limits.account_reads,
        }
        self._of_addresses: Mapping[Kind, Allowance] = {
            Kind.UPLOAD: limits.address_uploads,
            Kind.PICTURE: limits.address_pictures,
            Kind.CHANGE: limits.address_changes,
            Kind.READ: limits.address_reads,
        }

    async def count(
        self, kind: Kind, request: Request, principal: Principal, headers: dict[str, str]
    ) -> None:
        """Count a request, and put what is left into ``headers``, whether it may come in or not.

        Raises:
            TooMany: With the time to wait and the limit.
        """
        if kind is Kind.FREE:
            return
        site = self._site(request)
        if site is None:
            return
        factor = 1.0 if self._watch is None else self._watch.care(principal, site).factor
        if kind is Kind.SIGN_IN:
            await self._hit(kind, site, self._limits.sign_ins, headers)
        elif principal.account_id:
            allowance = _scaled(self._of_accounts[kind], factor)
            await self._hit(kind, principal.account_id, allowance, headers)
        else:
            await self._hit(kind, site, _scaled(self._of_addresses[kind], factor), headers)

    def admit(self, kind: Kind, host: str | None, account_id: str) -> bool:
        """Count a request whose answer cannot wait for that, see :class:`Tabs`.

        Args:
            kind: What it counts as; neither free nor a sign-in.
            host: The client's address; ``None`` where somebody in front knows better.
            account_id: Who asks; empty for a guest.

        Returns:
            ``False`` where it has to go the usual way, and was not counted.
        """
        if self._watch is not None and not self._watch.is_plain(account_id, host):
            return False
        site = "" if host is None else self._site_of(host)
        if site is None:
            return True
        if account_id:
            return self._tabs.admit(f"{kind}:{account_id}", self._of_accounts[kind])
        return bool(site) and self._tabs.admit(f"{kind}:{site}", self._of_addresses[kind])

    def is_exempt(self, host: str) -> bool:
        """Whether nothing is counted for this address, and nothing held against it."""
        return self._site_of(host) is None

    async def settled(self) -> None:
        """Wait until everything that was admitted is counted."""
        await self._tabs.settled()

    async def count_bad_credentials(self, request: Request, headers: dict[str, str]) -> None:
        """Somebody showed credentials that are no good: as a sign-in that failed.

        Raises:
            TooMany: It was one too many.
        """
        site = self._site(request)
        if site is not None:
            await self._hit(Kind.SIGN_IN, site, self._limits.sign_ins, headers)

    @asynccontextmanager
    async def transfer(self, request: Request, principal: Principal) -> AsyncIterator[None]:
        """One of the places for bodies with files.

        Raises:
            TooMany: All of them are taken.
        """
        site = self._site(request)
        limit = self._limits.transfers
        if site is None or not limit:
            yield
            return
        key = f"transfers:{principal.account_id or site}"
        place = await self._state.enter(key, limit=limit, ttl_s=_PLACE_TTL_S)
        if place is None:
            telemetry.count("limited_total", kind="transfers")
            raise TooMany(
                "Too many transfers at once: wait for one to end.",
                limit=Limit("limits.transfers", limit),
                retry_after_s=_BUSY_RETRY_S,
            )
        try:
            yield
        finally:
            await self._state.leave(place)

    def _site(self, request: Request) -> str | None:
        return self._site_of(request.client.host if request.client else "")

    async def _hit(
        self, kind: Kind, who: str, allowance: Allowance, headers: dict[str, str]
    ) -> None:
        if not allowance.count:
            return
        rate = await self._state.hit(
            f"{kind}:{who}", limit=allowance.count, window_s=allowance.window_s
        )
        headers |= rate_headers(kind, rate, allowance.window_s)
        if not rate.is_allowed:
            telemetry.count("limited_total", kind=kind)
            raise too_many(kind, rate)


def _scaled(allowance: Allowance, factor: float) -> Allowance:
    """Less of it for those who gave cause; no limit stays none."""
    if factor >= 1 or not allowance.count:
        return allowance
    return Allowance(max(1, int(allowance.count * factor)), allowance.window_s)


def too_many(name: str, rate: Rate) -> TooMany:
    """What a refused hit is answered with."""
    return TooMany(
        "Too many requests: wait a little.",
        limit=Limit(f"limits.{name}", rate.limit),
        retry_after_s=max(1, math.ceil(rate.retry_after_s)),
    )


def rate_headers(name: str, rate: Rate, window_s: float) -> dict[str, str]:
    """What is left, as the draft says it."""
    return {
        "ratelimit-policy": f'"{name}";q={rate.limit};w={max(1, math.ceil(window_s))}',
        "ratelimit": f'"{name}";r={rate.remaining};t={math.ceil(rate.resets_in_s)}',
    }


def _site(host: str, exempt: tuple[IPv4Network | IPv6Network, ...]) -> str | None:
    """What counts as one address: an IPv6 network of 64 bits; ``None`` where it is exempt."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:  # a Unix socket: whoever is in front of it is on this machine
        return None
    if address.version == 6 and address.ipv4_mapped is not None:  # noqa: PLR2004
        address = address.ipv4_mapped
    if any(address in network for network in exempt if network.version == address.version):
        return None
    return site_of(host)

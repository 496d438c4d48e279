"""Whether a transfer may begin: referrers, rates and places, each by setting.

Asked before anything is opened. Rates and places are counted in the shared state; where that is
away each process counts by itself, so nobody is shut out by our own trouble.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

from cimaise.access.policy import Principal
from cimaise.delivery.referrers import ReferrerRule
from cimaise.delivery.visitors import Visitor
from cimaise.errors import Forbidden, Limit, TooMany
from cimaise.state.base import State

_MINUTE_S: Final = 60.0
_PLACE_TTL_S: Final = 12 * 3600.0
"""Longer than any transfer worth waiting for: a place is given back at its end, and this is for
processes that die."""

_RETRY_S: Final = 5
_NETWORK_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for bytes.

    Attributes:
        principal: Who has signed in, or a guest.
        address: Of the client; ``None`` where the server cannot say (a unix socket).
        visitor: What kind of program.
        referrer: ``Referer``, or ``None``.
        is_visit: See :meth:`ReferrerRule.allows`.
    """

    principal: Principal
    address: str | None
    visitor: Visitor
    referrer: str | None = None
    is_visit: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be fetched; 0 is no limit.

    Attributes:
        address_requests: Transfers that a guest's address may begin in a minute.
        address_at_once: Of those, at the same time.
        account_requests: The same for whoever has signed in.
        account_at_once: The same.
        refuses_crawlers: Programs that say they collect get nothing.
    """

    address_requests: int = 0
    address_at_once: int = 0
    account_requests: int = 0
    account_at_once: int = 0
    refuses_crawlers: bool = False


@dataclass(frozen=True, slots=True)
class Guard:
    """Stands before every transfer of originals, album files and archives."""

    state: State
    referrers: ReferrerRule
    limits: Limits

    async def require_allowed(self, asking: Asking) -> None:
        """The transfer may begin; it is counted.

        Raises:
            Forbidden: ``hotlink``: another site embeds it. ``crawler``: this program may not.
            TooMany: ``transfer_rate``: too many began within a minute.
        """
        refusal = self.refusal(
            is_guest=asking.principal.is_guest,
            visitor=asking.visitor,
            referrer=asking.referrer,
            is_visit=asking.is_visit,
        )
        if refusal is not None:
            raise refusal
        name, limit = self._rate(asking)
        subject = _subject(asking) if limit else None
        if subject is None:
            return
        rate = await self.state.hit(f"transfers {subject}", limit=limit, window_s=_MINUTE_S)
        if not rate.is_allowed:
            raise TooMany(
                "Too many transfers in a minute.",
                code="transfer_rate",
                limit=Limit(name, limit),
                retry_after_s=max(1, ceil(rate.retry_after_s)),
            )

    def refusal(
        self, *, is_guest: bool, visitor: Visitor, referrer: str | None, is_visit: bool
    ) -> Forbidden | None:
        """Why somebody may not fetch at all; see :class:`Asking`. Of those who may: ``None``."""
        if not is_guest:
            return None
        if not self.referrers.allows(referrer, is_visit=is_visit):
            return Forbidden("This file is not shown on other sites.", code="hotlink")
        if self.limits.refuses_crawlers and visitor is Visitor.CRAWLER:
            return Forbidden("This file is not for programs that collect.", code="crawler")
        return None

    def counts(self, *, is_guest: bool) -> bool:
        """Their transfers are limited: each has to be counted before it begins."""
        limits = self.limits
        if is_guest:
            return bool(limits.address_requests or limits.address_at_once)
        return bool(limits.account_requests or limits.account_at_once)

    @asynccontextmanager
    async def place(self, asking: Asking) -> AsyncIterator[None]:
        """One of the transfers that the client may have at the same time, as long as it lasts.

        Raises:
            TooMany: ``transfers_at_once``: it has as many as it may.
        """
        name, limit = self._at_once(asking)
        subject = _subject(asking) if limit else None
        async with AsyncExitStack() as stack:
            if subject is not None:
                key = f"transfers at once {subject}"
                place = await self.state.enter(key, limit=limit, ttl_s=_PLACE_TTL_S)
                if place is None:
                    raise TooMany(
                        "Too many transfers at the same time.",
                        code="transfers_at_once",
                        limit=Limit(name, limit),
                        retry_after_s=_RETRY_S,
                    )
                stack.push_async_callback(self.state.leave, place)
            yield

    def _rate(self, asking: Asking) -> tuple[str, int]:
        if asking.principal.is_guest:
            return "delivery.address_requests", self.limits.address_requests
        return "delivery.account_requests", self.limits.account_requests

    def _at_once(self, asking: Asking) -> tuple[str, int]:
        if asking.principal.is_guest:
            return "delivery.address_at_once", self.limits.address_at_once
        return "delivery.account_at_once", self.limits.account_at_once


def _subject(asking: Asking) -> str | None:
    if not asking.principal.is_guest:
        return f"account {asking.principal.account_id}"
    return None if asking.address is None else f"address {_network(asking.address)}"


def _network(address: str) -> str:
    """The address, or the 64 bits of it that one customer has the rest of (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        shift = 128 - _NETWORK_BITS
        return f"{IPv6Address(int(found) >> shift << shift)}/{_NETWORK_BITS}"
    return str(found)

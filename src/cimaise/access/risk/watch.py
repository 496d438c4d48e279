"""What every request asks: is somebody banned, and how careful should we be?

Answered from memory, which is read anew every few seconds and at once where this process has
changed something: a look into the database for each request would cost more than it is worth.
Where the database is away, what was read last holds.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from sqlalchemy import Connection

from cimaise import telemetry
from cimaise.access.policy import Principal
from cimaise.access.risk.bans import Ban, bans_in_force
from cimaise.access.risk.scores import Reason, Risk, add_score, risks, site_of
from cimaise.database.engine import Database
from cimaise.errors import CimaiseError, Forbidden
from cimaise.tasks import Forever

_AGAIN_S: Final = 5.0
_SLOWEST: Final = 0.1


@dataclass(frozen=True, slots=True)
class Care:
    """How careful to be with somebody.

    Attributes:
        score: Of the account, or of the address where nobody is signed in; 0 for most, whose
            scores lead to nothing.
        factor: Rates are multiplied by it: 1 for most, down to a tenth.
        asks_challenge: Whoever wants to upload or to sign in should prove that they are no program.
    """

    score: float = 0.0
    factor: float = 1.0
    asks_challenge: bool = False


NO_CARE: Final = Care()


@dataclass(frozen=True, slots=True)
class _Known:
    scores: dict[str, Risk] = field(default_factory=dict)
    bans: dict[str, Ban] = field(default_factory=dict)  # by account
    networks: tuple[tuple[IPv4Network | IPv6Network, Ban], ...] = ()


class Watch:
    """Of one process. :meth:`start` it with the server, :meth:`close` it before the database."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        *,
        slow_at: float,
        challenge_at: float,
    ) -> None:
        """Nothing is read yet.

        Args:
            database: Where scores and bans are.
            clock: The time, aware UTC.
            slow_at: Score from which rates shrink; 0: never.
            challenge_at: Score from which a challenge is asked for; 0: never.
        """
        self._database = database
        self._clock = clock
        self._slow_at = slow_at
        self._challenge_at = challenge_at
        self._known = _Known()
        self._wake = asyncio.Event()
        self._loop = Forever("risk", self._turn)

    async def start(self) -> None:
        """Read, and go on reading."""
        await self.read()
        self._loop.start()

    async def close(self) -> None:
        """Stop reading."""
        await self._loop.stop()

    def hurry(self) -> None:
        """Something has changed: read soon."""
        self._wake.set()

    async def read(self) -> None:
        """Read all of it, now. Where that fails, what is known stays."""
        now = self._clock()
        try:
            self._known = await self._database.read(lambda connection: self._all(connection, now))
        except CimaiseError as fault:
            telemetry.log("risk_not_read", level="warning", message=fault.message)

    def _all(self, connection: Connection, now: datetime) -> _Known:
        in_force = bans_in_force(connection, now=now)
        scores = {}
        if thresholds := [at for at in (self._slow_at, self._challenge_at) if at]:
            high = risks(connection, now=now, at_least=min(thresholds))
            scores = {one.holder: one for one in high}
        return _Known(
            scores,
            {ban.account_id: ban for ban in in_force if ban.account_id},
            tuple((ip_network(ban.network), ban) for ban in in_force if ban.network),
        )

    async def _turn(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), _AGAIN_S)
        self._wake.clear()
        await self.read()

    def require_welcome(self, principal: Principal, address: str) -> None:
        """Not banned, or ``Forbidden`` (``banned``). Administrators come in from everywhere."""
        known = self._known
        if principal.is_admin or not (known.bans or known.networks):
            return
        ban = known.bans.get(principal.account_id) or _of_address(known, address)
        if ban is not None and (ban.until is None or ban.until > self._clock()):
            end = f" until {ban.until:%Y-%m-%d %H:%M} UTC" if ban.until else ""
            raise Forbidden(f"You are banned{end}. Ask whoever runs this site.", code="banned")

    def is_plain(self, account_id: str, address: str | None) -> bool:
        """Neither banned nor to be met with care, as far as that is known.

        Args:
            account_id: Empty for a guest.
            address: Where the request comes from; ``None`` where nobody knows.
        """
        known = self._known
        if not self.welcomes(address) or account_id in known.bans:
            return False
        holder = (account_id or site_of(address or "") or "") if known.scores else ""
        return holder not in known.scores

    def welcomes(self, address: str | None) -> bool:
        """No ban is known of this address; ``None``: nobody knows where the request comes from."""
        known = self._known
        if not known.networks:
            return True
        return address is not None and _of_address(known, address) is None

    def care(self, principal: Principal, address: str) -> Care:
        """How careful to be; the account counts, or the address where nobody is signed in."""
        holder = principal.account_id or site_of(address)
        risk = self._known.scores.get(holder or "")
        return NO_CARE if risk is None else self.care_of(risk)

    def care_of(self, risk: Risk) -> Care:
        """What a score leads to."""
        is_high = bool(self._challenge_at) and risk.score >= self._challenge_at
        factor = 1.0
        if self._slow_at and risk.score > self._slow_at:
            factor = max(_SLOWEST, self._slow_at / risk.score)
        return Care(risk.score, factor, is_high)

    async def risks(self) -> list[Risk]:
        """Everybody with a score, the highest first; read now, low ones as well."""
        now = self._clock()
        return await self._database.read(lambda connection: risks(connection, now=now))

    async def note(self, principal: Principal, address: str, reason: Reason) -> None:
        """One more of it, where no transaction of its own tells. Never fails."""
        holder = principal.account_id or site_of(address)
        if holder is None:
            return
        now = self._clock()
        try:
            await self._database.write(
                lambda connection: add_score(connection, holder, reason, now=now)
            )
        except CimaiseError as fault:
            telemetry.log("risk_not_kept", level="warning", message=fault.message)
        self.hurry()


def _of_address(known: _Known, address: str) -> Ban | None:
    if not known.networks:
        return None
    site = site_of(address)
    try:
        found = ip_address(address.partition("%")[0]) if site else None
    except ValueError:
        return None
    if found is None:
        return None
    if found.version == 6 and found.ipv4_mapped is not None:  # noqa: PLR2004
        found = found.ipv4_mapped
    for network, ban in known.networks:
        if network.version == found.version and found in network:
            return ban
    return None

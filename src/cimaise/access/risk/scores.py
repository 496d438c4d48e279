"""Scores: what came to nothing or was refused, by account or address, each fading by half in a time.

A score is a number for each holder and reason. It is added to where the thing happens, mostly in
the same transaction, and fades from then on: ``score * 2^(-elapsed / half-life)``. So nothing has
to count it down, and no restart forgets it. Crude on purpose: it only makes somebody slower.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Final

from sqlalchemy import Connection, delete, func, select, update

from cimaise.database.schema import risk_scores
from cimaise.database.upsert import upsert

HALF_LIFE_S: Final = 6 * 3600.0
_ADD: Final = upsert(risk_scores, ("holder", "reason"), add=("score",))
FORGOTTEN: Final = 0.05
"""Less than this is nothing."""

_IPV6_SITE: Final = 64
_LATEST_POWER: Final = 60.0  # of two: beyond it nothing is left, whatever there was


class Reason(StrEnum):
    """What a score is for."""

    FAILED_UPLOAD = "failed_upload"  # its bytes were refused, or it was given up
    REFUSED_TYPE = "refused_type"  # of a file, by its name or as declared
    ABANDONED = "abandoned"  # an upload that was left until its time was over


WEIGHTS: Final = {Reason.FAILED_UPLOAD: 1.0, Reason.REFUSED_TYPE: 1.0, Reason.ABANDONED: 0.5}


@dataclass(frozen=True, slots=True)
class Risk:
    """How somebody stands now.

    Attributes:
        holder: An account's id, or an address as :func:`site_of` gives it.
        score: The sum.
        reasons: What it is made of; each above :data:`FORGOTTEN`.
    """

    holder: str
    score: float
    reasons: dict[str, float]


def site_of(host: str) -> str | None:
    """What counts as one address: an IPv6 network of 64 bits; ``None`` for what is no address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if address.version == 6:  # noqa: PLR2004
        if address.ipv4_mapped is None:
            return str(ip_network((address, _IPV6_SITE), strict=False))
        address = address.ipv4_mapped
    return str(address)


def faded(score: float, *, since: datetime, now: datetime) -> float:
    """What is left of a score."""
    halves = max(0.0, (now - since).total_seconds()) / HALF_LIFE_S
    return 0.0 if halves > _LATEST_POWER else float(score * 2.0**-halves)


def add_score(
    connection: Connection,
    holder: str,
    reason: Reason,
    *,
    now: datetime,
) -> None:
    """A step of a transaction: one more of it."""
    mine = (risk_scores.c.holder == holder, risk_scores.c.reason == reason.value)
    row = connection.execute(select(risk_scores).where(*mine).with_for_update()).one_or_none()
    if row is None:
        first = {"holder": holder, "reason": reason.value, "score": WEIGHTS[reason], "at": now}
        connection.execute(_ADD, first)  # where another was first meanwhile, both count
        return
    left = faded(row.score, since=row.at, now=now)
    connection.execute(
        update(risk_scores).where(*mine).values(score=left + WEIGHTS[reason], at=max(now, row.at))
    )


def risks(connection: Connection, *, now: datetime, at_least: float = 0.0) -> list[Risk]:
    """Everybody with a score, the highest first.

    With ``at_least`` only rows of those are read whose score was that high when it was added to;
    it has faded since.
    """
    reasons: dict[str, dict[str, float]] = {}
    statement = select(risk_scores)
    if at_least:
        high = select(risk_scores.c.holder).group_by(risk_scores.c.holder)
        high = high.having(func.sum(risk_scores.c.score) >= at_least)
        statement = statement.where(risk_scores.c.holder.in_(high))
    for row in connection.execute(statement):
        left = faded(row.score, since=row.at, now=now)
        if left >= FORGOTTEN:
            reasons.setdefault(row.holder, {})[row.reason] = left
    found = [Risk(holder, sum(parts.values()), parts) for holder, parts in reasons.items()]
    found = [risk for risk in found if risk.score >= at_least]
    return sorted(found, key=lambda risk: (-risk.score, risk.holder))


def forget_scores(connection: Connection, *, before: datetime) -> int:
    """Delete what has faded; gives how many rows."""
    return connection.execute(delete(risk_scores).where(risk_scores.c.at < before)).rowcount

"""Uploads that came to nothing: so many in an hour are everybody's bad luck, more are refused.

They are counted where they end, in the transaction that ends them, so every door is covered, and
no restart or missing store forgets them. Whoever comes with an upload token is counted by that:
a guest cannot use up what the token's maker has.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
)

from cimaise.database.schema import failed_uploads
from cimaise.database.upsert import upsert
from cimaise.errors import Limit, TooMany

_HOUR_US: Final = 3_600_000_000
_SECOND_US: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_ADD: Final = upsert(failed_uploads, ("holder", "hour"), add=("uploads",))
_OF_TWO_HOURS: Final = and_(
    failed_uploads.c.holder == bindparam("of_holder"),
    or_(
        failed_uploads.c.hour == bindparam("before"), failed_uploads.c.hour == bindparam("current")
    ),
)
_TWO_HOURS: Final = select(failed_uploads.c.hour, failed_uploads.c.uploads).where(_OF_TWO_HOURS)


_BEFORE_US: Final = bindparam("before_us", type_=BigInteger)
_LIMIT: Final = bindparam("failed_an_hour", type_=BigInteger)


def few_failed() -> ColumnElement[bool]:
    """What :func:`require_few_failed` requires, as a condition; it needs :func:`failed_values`."""
    weight = case((failed_uploads.c.hour == bindparam("before"), _BEFORE_US), else_=_HOUR_US)
    weighted = select(func.coalesce(func.sum(failed_uploads.c.uploads * weight), 0))
    return or_(_LIMIT == 0, weighted.where(_OF_TWO_HOURS).scalar_subquery() < _LIMIT * _HOUR_US)


def failed_values(holder: str, *, now: datetime, limit: int) -> dict[str, Any]:
    """Parameters of :func:`few_failed`."""
    return {
        "of_holder": holder,
        "before": _hour(now - timedelta(hours=1)),
        "current": _hour(now),
        "before_us": _HOUR_US - _into_us(now),
        "failed_an_hour": limit,
    }


def count_failed(connection: Connection, holder: str, *, now: datetime) -> None:
    """One more came to nothing; ``holder`` is an account's id or a token's."""
    connection.execute(_ADD, {"holder": holder, "hour": _hour(now), "uploads": 1})


def require_few_failed(connection: Connection, holder: str, *, now: datetime, limit: int) -> None:
    """``TooMany`` where the last sixty minutes had ``limit`` or more; 0 is no limit.

    The hour before counts by the share of it that is within sixty minutes, as if what happened in
    it had happened evenly.
    """
    if not limit:
        return
    hours = (_hour(now - timedelta(hours=1)), _hour(now))
    values = {"of_holder": holder, "before": hours[0], "current": hours[1]}
    rows = connection.execute(_TWO_HOURS, values)
    by_hour = {row.hour: row.uploads for row in rows}
    before, current = by_hour.get(hours[0], 0), by_hour.get(hours[1], 0)
    into_us = _into_us(now)
    if before * (_HOUR_US - into_us) + current * _HOUR_US < limit * _HOUR_US:
        return
    raise TooMany(
        "Too many uploads came to nothing. Wait a while.",
        retry_after_s=_wait_s(before, current, into_us, limit),
        limit=Limit("quota.failed_uploads", limit),
    )


def _wait_s(before: int, current: int, into_us: int, limit: int) -> int:
    """Whole seconds until the estimate is below the limit, if nothing more fails.

    In whole numbers: whoever waits so long must not be refused for a rounding.
    """
    if current < limit:  # the share of the hour before shrinks
        wait_us = _below_us(before, limit - current) - into_us
    else:  # what is counted now shrinks in the hour that follows
        wait_us = _HOUR_US - into_us + _below_us(current, limit)
    return -(-wait_us // _SECOND_US)


def _below_us(counted: int, room: int) -> int:
    """The first microsecond of an hour at which the share of the hour before is less than room."""
    return (counted - room) * _HOUR_US // counted + 1


def forget_failed(connection: Connection, *, now: datetime) -> int:
    """Delete hours that count for nothing any more; gives how many."""
    old = failed_uploads.c.hour < _hour(now - timedelta(hours=2))
    return connection.execute(delete(failed_uploads).where(old)).rowcount


def _into_us(now: datetime) -> int:
    return (now - _EPOCH) // timedelta(microseconds=1) % _HOUR_US


def _hour(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H")

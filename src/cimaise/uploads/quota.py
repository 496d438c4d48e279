"""What an account may store: reserved at the start, settled with the real size, or given back.

Every function is one step of a transaction that the caller has opened. A reservation is one
conditional update of the account's row of the day and one of its total, so that any number of
writers at once never pass a limit by a byte, and are never refused below it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from cimaise.access import token_counts
from cimaise.database.schema import accounts, usage_days, usage_totals
from cimaise.errors import Limit, TooLarge, TooMany
from cimaise.settings import Quota
from cimaise.uploads.attempts import require_few_failed

_UNFINISHED_RETRY_S: Final = 60


@dataclass(frozen=True, slots=True)
class QuotaState:
    """An account's limits and what it has used; 0 is no limit. Reserved counts as used.

    Attributes:
        resets_at: When the daily numbers begin again: the next 00:00 UTC.
    """

    daily_bytes: int
    daily_used: int
    daily_files: int
    daily_files_used: int
    total_bytes: int
    total_used: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class _Limits:
    daily_bytes: int
    daily_files: int
    total_bytes: int


def day_of(now: datetime) -> str:
    """The day that a moment counts for: its date in UTC."""
    return now.astimezone(UTC).date().isoformat()


def reserve(
    connection: Connection,
    account_id: str,
    *,
    size: int,
    now: datetime,
    defaults: Quota,
    files: int = 1,
    day: str | None = None,
    token_id: str | None = None,
) -> str:
    """Set bytes and files aside; gives the day that they count for.

    Args:
        connection: Of the caller's transaction.
        account_id: Whose.
        size: Bytes.
        now: The time.
        defaults: Limits of accounts that have none of their own.
        files: How many; 0 where more bytes come of a file that is counted already.
        day: The day that those count for; ``None`` for today.
        token_id: The upload token that they come with: its limits hold beside the account's.

    Raises:
        TooLarge: ``quota_exceeded``, naming the limit; end the transaction, or half is set aside.
        TooMany: Too many uploads are unfinished, or came to nothing in the last hour.
        Gone: The upload token is past its time, or was taken back.
    """
    if files:
        require_few_failed(
            connection, token_id or account_id, now=now, limit=defaults.failed_uploads_an_hour
        )
    if token_id is not None:
        token_counts.take(connection, token_id, size=size, files=files, now=now)
    limits = _limits(connection, account_id, defaults)
    day = day or day_of(now)
    _ensure(connection, usage_days, account_id=account_id, day=day)
    _ensure(connection, usage_totals, account_id=account_id)
    used = usage_days.c.used_bytes + usage_days.c.reserved_bytes
    held_files = usage_days.c.used_files + usage_days.c.reserved_files
    statement = update(usage_days).where(
        usage_days.c.account_id == account_id, usage_days.c.day == day
    )
    if limits.daily_bytes:
        statement = statement.where(used + size <= limits.daily_bytes)
    if defaults.unfinished_files and files:
        statement = statement.where(
            usage_days.c.reserved_files + files <= defaults.unfinished_files
        )
    if limits.daily_files and files:
        statement = statement.where(held_files + files <= limits.daily_files)
    taken = connection.execute(
        statement.values(
            reserved_bytes=usage_days.c.reserved_bytes + size,
            reserved_files=usage_days.c.reserved_files + files,
        )
    ).rowcount
    if not taken:
        _refuse_day(connection, account_id, day, size=size, files=files, limits=limits)
    _reserve_total(connection, account_id, size, limits)
    return day


def _reserve_total(connection: Connection, account_id: str, size: int, limits: _Limits) -> None:
    held = usage_totals.c.used_bytes + usage_totals.c.reserved_bytes
    statement = update(usage_totals).where(usage_totals.c.account_id == account_id)
    if limits.total_bytes:
        statement = statement.where(held + size <= limits.total_bytes)
    taken = connection.execute(
        statement.values(reserved_bytes=usage_totals.c.reserved_bytes + size)
    ).rowcount
    if not taken:
        now_held = connection.execute(
            select(held).where(usage_totals.c.account_id == account_id)
        ).scalar_one()
        limit = Limit("quota.total_bytes", limits.total_bytes, now_held + size)
        raise TooLarge("Your storage is full.", code="quota_exceeded", limit=limit)


def _refuse_day(
    connection: Connection, account_id: str, day: str, *, size: int, files: int, limits: _Limits
) -> None:
    row = _day_row(connection, account_id, day)
    used = row.used_bytes + row.reserved_bytes
    held_files = row.used_files + row.reserved_files + files
    if limits.daily_bytes and used + size > limits.daily_bytes:
        limit = Limit("quota.daily_bytes", limits.daily_bytes, used + size)
    elif limits.daily_files and files and held_files > limits.daily_files:
        limit = Limit("quota.daily_files", limits.daily_files, held_files)
    else:
        raise TooMany(
            "Too many uploads are unfinished: complete or end some.",
            retry_after_s=_UNFINISHED_RETRY_S,
            limit=Limit("quota.unfinished_files", row.reserved_files),
        )
    raise TooLarge("Today's quota is used up.", code="quota_exceeded", limit=limit)


def settle(
    connection: Connection,
    account_id: str,
    *,
    day: str,
    reserved: int,
    size: int,
    token_id: str | None = None,
) -> None:
    """Turn a reservation into use, with the size that was measured.

    ``Gone`` where it came with an upload token that was taken back meanwhile.
    """
    if token_id is not None:
        token_counts.keep(connection, token_id, reserved=reserved, size=size)
    connection.execute(
        update(usage_days)
        .where(usage_days.c.account_id == account_id, usage_days.c.day == day)
        .values(
            reserved_bytes=usage_days.c.reserved_bytes - reserved,
            reserved_files=usage_days.c.reserved_files - 1,
            used_bytes=usage_days.c.used_bytes + size,
            used_files=usage_days.c.used_files + 1,
        )
    )
    connection.execute(
        update(usage_totals)
        .where(usage_totals.c.account_id == account_id)
        .values(
            reserved_bytes=usage_totals.c.reserved_bytes - reserved,
            used_bytes=usage_totals.c.used_bytes + size,
        )
    )


def release(
    connection: Connection,
    account_id: str,
    *,
    day: str,
    reserved: int,
    token_id: str | None = None,
) -> None:
    """Give a reservation back, whole."""
    if token_id is not None:
        token_counts.give_back(connection, token_id, size=reserved)
    connection.execute(
        update(usage_days)
        .where(usage_days.c.account_id == account_id, usage_days.c.day == day)
        .values(
            reserved_bytes=usage_days.c.reserved_bytes - reserved,
            reserved_files=usage_days.c.reserved_files - 1,
        )
    )
    connection.execute(
        update(usage_totals)
        .where(usage_totals.c.account_id == account_id)
        .values(reserved_bytes=usage_totals.c.reserved_bytes - reserved)
    )


def unsettle(
    connection: Connection, account_id: str, *, day: str, size: int, token_id: str | None = None
) -> None:
    """Give back what was settled, for bytes that never became a file."""
    if token_id is not None:
        token_counts.give_back(connection, token_id, size=size)
    connection.execute(
        update(usage_days)
        .where(usage_days.c.account_id == account_id, usage_days.c.day == day)
        .values(used_bytes=usage_days.c.used_bytes - size, used_files=usage_days.c.used_files - 1)
    )
    connection.execute(
        update(usage_totals)
        .where(usage_totals.c.account_id == account_id)
        .values(used_bytes=usage_totals.c.used_bytes - size)
    )


def state(connection: Connection, account_id: str, *, now: datetime, defaults: Quota) -> QuotaState:
    """Limits and use of an account, now."""
    limits = _limits(connection, account_id, defaults)
    row = _day_row(connection, account_id, day_of(now))
    total = connection.execute(
        select(usage_totals.c.used_bytes + usage_totals.c.reserved_bytes).where(
            usage_totals.c.account_id == account_id
        )
    ).scalar()
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return QuotaState(
        daily_bytes=limits.daily_bytes,
        daily_used=row.used_bytes + row.reserved_bytes if row else 0,
        daily_files=limits.daily_files,
        daily_files_used=row.used_files + row.reserved_files if row else 0,
        total_bytes=limits.total_bytes,
        total_used=total or 0,
        resets_at=midnight + timedelta(days=1),
    )


def _limits(connection: Connection, account_id: str, defaults: Quota) -> _Limits:
    own = connection.execute(
        select(accounts.c.daily_bytes, accounts.c.daily_files, accounts.c.total_bytes).where(
            accounts.c.id == account_id
        )
    ).one()
    return _Limits(
        defaults.daily_bytes if own.daily_bytes is None else own.daily_bytes,
        defaults.daily_files if own.daily_files is None else own.daily_files,
        defaults.total_bytes if own.total_bytes is None else own.total_bytes,
    )


def _day_row(connection: Connection, account_id: str, day: str) -> Any:
    return connection.execute(
        select(usage_days).where(usage_days.c.account_id == account_id, usage_days.c.day == day)
    ).first()


def _ensure(connection: Connection, table: Table, **key: str) -> None:
    """The row exists; two transactions that make it at once both go on."""
    at = [table.c[name] == value for name, value in key.items()]
    if connection.execute(select(table.c.account_id).where(*at)).first() is None:
        try:
            with connection.begin_nested():
                connection.execute(insert(table).values(**key))
        except IntegrityError:
            return

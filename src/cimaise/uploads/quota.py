"""What an account may store: reserved at the start, settled with the real size, or given back.

Every function is one step of a transaction that the caller has opened. A reservation is one
conditional update of the account's row of the day and one of its total, so that any number of
writers at once never pass a limit by a byte, and are never refused below it.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from cimaise.access import token_counts
from cimaise.errors import Limit, TooLarge, TooMany
from cimaise.settings import Quota
from cimaise.uploads import quota_rows as rows
from cimaise.uploads.attempts import failed_values, require_few_failed

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
    if token_id is not None:
        token_counts.take(connection, token_id, size=size, files=files, now=now)
    day = day or day_of(now)
    failed = failed_values(token_id or account_id, now=now, limit=defaults.failed_uploads_an_hour)
    values = {
        "of_account": account_id,
        "of_day": day,
        "size": size,
        "files": files,
        "unfinished_files": defaults.unfinished_files,
        **asdict(_of_everybody(defaults)),
        **failed,
    }
    if not _take_of_day(connection, values):
        if files:
            require_few_failed(
                connection, failed["of_holder"], now=now, limit=failed["failed_an_hour"]
            )
        limits = _limits(connection, account_id, defaults)
        _refuse_day(connection, account_id, day, size=size, files=files, limits=limits)
    if not rows.taken(connection, rows.TAKE_OF_TOTAL, values):
        held = connection.execute(rows.HELD_IN_ALL, values).scalar_one()
        most = _limits(connection, account_id, defaults).total_bytes
        limit = Limit("quota.total_bytes", most, held + size)
        raise TooLarge("Your storage is full.", code="quota_exceeded", limit=limit)
    return day


def _of_everybody(defaults: Quota) -> _Limits:
    return _Limits(defaults.daily_bytes, defaults.daily_files, defaults.total_bytes)


def _take_of_day(connection: Connection, values: dict[str, Any]) -> bool:
    """Set it aside; the first upload of a day, or of an account, makes its rows."""
    if rows.taken(connection, rows.TAKE_OF_DAY, values):
        return True
    # or somebody else has made them since
    rows.make_rows(connection, values["of_account"], values["of_day"])
    return rows.taken(connection, rows.TAKE_OF_DAY, values)


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
    _change(connection, account_id, day, reserved=-reserved, files=-1, used=size, more_files=1)


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
    _change(connection, account_id, day, reserved=-reserved, files=-1)


def unsettle(
    connection: Connection, account_id: str, *, day: str, size: int, token_id: str | None = None
) -> None:
    """Give back what was settled, for bytes that never became a file."""
    if token_id is not None:
        token_counts.give_back(connection, token_id, size=size)
    _change(connection, account_id, day, used=-size, more_files=-1)


def _change(
    connection: Connection,
    account_id: str,
    day: str,
    *,
    reserved: int = 0,
    files: int = 0,
    used: int = 0,
    more_files: int = 0,
) -> None:
    """Add to what is reserved (bytes, files) and to what is used (bytes, files)."""
    values = {
        "of_account": account_id, "of_day": day, "reserved": reserved, "files": files,
        "used": used, "more_files": more_files,
    }  # fmt: skip
    rows.CHANGE_DAY.run(connection, values)
    rows.CHANGE_TOTAL.run(connection, values)


def state(connection: Connection, account_id: str, *, now: datetime, defaults: Quota) -> QuotaState:
    """Limits and use of an account, now."""
    limits = _limits(connection, account_id, defaults)
    row = _day_row(connection, account_id, day_of(now))
    total = connection.execute(rows.HELD_IN_ALL, {"of_account": account_id}).scalar()
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
    own = connection.execute(rows.OWN_LIMITS, {"of_account": account_id}).one()
    return _Limits(
        defaults.daily_bytes if own.daily_bytes is None else own.daily_bytes,
        defaults.daily_files if own.daily_files is None else own.daily_files,
        defaults.total_bytes if own.total_bytes is None else own.total_bytes,
    )


def _day_row(connection: Connection, account_id: str, day: str) -> Any:
    return connection.execute(rows.DAY, {"of_account": account_id, "of_day": day}).first()

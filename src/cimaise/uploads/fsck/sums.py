"""The sums of the quota, made again from the rows that they are the sums of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, case, func, insert, select, update

from cimaise.database.schema import files, uploads, usage_days, usage_totals
from cimaise.uploads.fsck.findings import Finding, Kind
from cimaise.uploads.session import State

_COMING: Final = uploads.c.state.in_([State.PENDING.value, State.COMPLETING.value])
_COUNTED: Final = uploads.c.reserved_on.is_not(None)  # a piece of another upload is not
_DAY_COLUMNS: Final = ("used_bytes", "reserved_bytes", "used_files", "reserved_files")


@dataclass(frozen=True, slots=True)
class _Sums:
    used_bytes: int = 0
    reserved_bytes: int = 0
    used_files: int = 0
    reserved_files: int = 0


def wrong_sums(connection: Connection) -> list[Finding]:
    """Accounts and days whose sums are others than their rows'."""
    return [*_wrong_totals(connection), *_wrong_days(connection)]


def mend_sum(connection: Connection, finding: Finding) -> None:
    """Set the sums of the finding's account, or of its day, as its rows are now.

    The row of the sums is locked first: whoever changes the quota of this account waits, and
    then adds to what is right.
    """
    account_id, _, day = finding.subject.partition(" ")
    if day:
        _mend_day(connection, account_id, day)
        return
    at = usage_totals.c.account_id == account_id
    row = connection.execute(select(usage_totals).where(at).with_for_update()).first()
    right = _totals(connection, account_id).get(account_id, _Sums())
    values = {"used_bytes": right.used_bytes, "reserved_bytes": right.reserved_bytes}
    if row is None:
        connection.execute(insert(usage_totals).values(account_id=account_id, **values))
    else:
        connection.execute(update(usage_totals).where(at).values(**values))


def _mend_day(connection: Connection, account_id: str, day: str) -> None:
    at = and_(usage_days.c.account_id == account_id, usage_days.c.day == day)
    row = connection.execute(select(usage_days).where(at).with_for_update()).first()
    right = _days(connection, account_id, day).get((account_id, day), _Sums())
    values = {name: getattr(right, name) for name in _DAY_COLUMNS}
    if row is None:
        connection.execute(insert(usage_days).values(account_id=account_id, day=day, **values))
    else:
        connection.execute(update(usage_days).where(at).values(**values))


def _wrong_totals(connection: Connection) -> Iterator[Finding]:
    right = _totals(connection)
    for row in connection.execute(select(usage_totals)):
        sums = right.pop(row.account_id, _Sums())
        if (row.used_bytes, row.reserved_bytes) != (sums.used_bytes, sums.reserved_bytes):
            detail = (
                f"{row.used_bytes} used and {row.reserved_bytes} reserved"
                f" instead of {sums.used_bytes} and {sums.reserved_bytes}"
            )
            yield Finding(Kind.WRONG_SUM, row.account_id, detail)
    for account_id, sums in right.items():
        if sums != _Sums():
            yield Finding(Kind.WRONG_SUM, account_id, f"nothing instead of {sums.used_bytes} used")


def _wrong_days(connection: Connection) -> Iterator[Finding]:
    right = _days(connection)
    for row in connection.execute(select(usage_days)):
        sums = right.pop((row.account_id, row.day), _Sums())
        counted = _Sums(*(getattr(row, name) for name in _DAY_COLUMNS))
        if counted != sums:
            detail = f"{counted.used_bytes} bytes used instead of {sums.used_bytes}"
            if counted.used_bytes == sums.used_bytes:
                detail = f"{counted} instead of {sums}"
            yield Finding(Kind.WRONG_SUM, f"{row.account_id} {row.day}", detail)
    for (account_id, day), sums in right.items():
        if sums != _Sums():
            detail = f"nothing instead of {sums.used_bytes} used"
            yield Finding(Kind.WRONG_SUM, f"{account_id} {day}", detail)


def _totals(connection: Connection, account_id: str | None = None) -> dict[str, _Sums]:
    """By account: bytes of its files and of its complete uploads; bytes of those that come."""
    stored = select(files.c.owner_id.label("account"), func.sum(files.c.size)).where(
        files.c.storage_key.is_not(None)
    )
    waiting = select(uploads.c.account_id, func.sum(uploads.c.size)).where(
        uploads.c.state == State.UPLOADED.value, _COUNTED
    )
    coming = select(uploads.c.account_id, func.sum(uploads.c.reserved_bytes)).where(
        _COMING, _COUNTED
    )
    if account_id is not None:
        stored = stored.where(files.c.owner_id == account_id)
        waiting = waiting.where(uploads.c.account_id == account_id)
        coming = coming.where(uploads.c.account_id == account_id)
    used = _summed(connection, stored.group_by(files.c.owner_id))
    for account, size in _summed(connection, waiting.group_by(uploads.c.account_id)).items():
        used[account] = used.get(account, 0) + size
    reserved = _summed(connection, coming.group_by(uploads.c.account_id))
    return {
        account: _Sums(used.get(account, 0), reserved.get(account, 0))
        for account in {*used, *reserved}
    }


def _summed(connection: Connection, statement: Any) -> dict[str, int]:
    return {account: int(size or 0) for account, size in connection.execute(statement)}


def _days(
    connection: Connection, account_id: str | None = None, day: str | None = None
) -> dict[tuple[str, str], _Sums]:
    """By account and day. What was published counts for its day, also when it is deleted."""
    is_done = uploads.c.state.in_([State.UPLOADED.value, State.PUBLISHED.value])
    statement = select(
        uploads.c.account_id,
        uploads.c.reserved_on,
        _sum_where(is_done, uploads.c.size),
        _sum_where(_COMING, uploads.c.reserved_bytes),
        _count_where(is_done),
        _count_where(_COMING),
    ).where(_COUNTED)
    if account_id is not None:
        statement = statement.where(uploads.c.account_id == account_id)
    if day is not None:
        statement = statement.where(uploads.c.reserved_on == day)
    rows = connection.execute(statement.group_by(uploads.c.account_id, uploads.c.reserved_on))
    return {(row[0], row[1]): _Sums(*(int(value or 0) for value in row[2:])) for row in rows}


def _sum_where(condition: ColumnElement[bool], column: ColumnElement[int]) -> Any:
    return func.sum(case((condition, column), else_=0))


def _count_where(condition: ColumnElement[bool]) -> Any:
    return func.sum(case((condition, 1), else_=0))

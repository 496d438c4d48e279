"""The statements of the quota, each built once: to build one takes longer than to run it.

A limit of 0 is none. ``held`` is what counts against a limit: used and reserved together.

The two updates that set something aside look at everything by themselves: the account's own
limits, where it has any, and the uploads that came to nothing. So what is allowed takes two
statements; only what is not has to be looked up, to say why.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)

from cimaise.database.prepared import Prepared
from cimaise.database.schema import accounts, usage_days, usage_totals
from cimaise.database.upsert import upsert
from cimaise.uploads.attempts import few_failed


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


_of_account: Final[BindParameter[str]] = bindparam("of_account")


def _own(name: str) -> ColumnElement[int]:
    """A limit of the account's, or the one that holds for everybody."""
    own = select(accounts.c[name]).where(accounts.c.id == _of_account).scalar_subquery()
    return func.coalesce(own, _number(name))


def _within(held: ColumnElement[int], more: str, limit: ColumnElement[int]) -> ColumnElement[bool]:
    return or_(limit == 0, _number(more) == 0, held + _number(more) <= limit)


_its_day: Final = and_(
    usage_days.c.account_id == _of_account, usage_days.c.day == bindparam("of_day")
)
_its_total: Final = usage_totals.c.account_id == _of_account
_held_total: Final = usage_totals.c.used_bytes + usage_totals.c.reserved_bytes

OWN_LIMITS: Final = select(
    accounts.c.daily_bytes, accounts.c.daily_files, accounts.c.total_bytes
).where(accounts.c.id == _of_account)
DAY: Final = select(usage_days).where(_its_day)
HELD_IN_ALL: Final = select(_held_total).where(_its_total)

TAKE_OF_DAY: Final = Prepared(
    update(usage_days)
    .where(
        _its_day,
        or_(
            _own("daily_bytes") == 0,
            usage_days.c.used_bytes + usage_days.c.reserved_bytes + _number("size")
            <= _own("daily_bytes"),
        ),
        _within(usage_days.c.reserved_files + 0, "files", _number("unfinished_files")),
        _within(
            usage_days.c.used_files + usage_days.c.reserved_files, "files", _own("daily_files")
        ),
        or_(_number("files") == 0, few_failed()),
    )
    .values(
        reserved_bytes=usage_days.c.reserved_bytes + _number("size"),
        reserved_files=usage_days.c.reserved_files + _number("files"),
    )
)
TAKE_OF_TOTAL: Final = Prepared(
    update(usage_totals)
    .where(
        _its_total,
        or_(_own("total_bytes") == 0, _held_total + _number("size") <= _own("total_bytes")),
    )
    .values(reserved_bytes=usage_totals.c.reserved_bytes + _number("size"))
)

CHANGE_DAY: Final = Prepared(
    update(usage_days)
    .where(_its_day)
    .values(
        reserved_bytes=usage_days.c.reserved_bytes + _number("reserved"),
        reserved_files=usage_days.c.reserved_files + _number("files"),
        used_bytes=usage_days.c.used_bytes + _number("used"),
        used_files=usage_days.c.used_files + _number("more_files"),
    )
)
CHANGE_TOTAL: Final = Prepared(
    update(usage_totals)
    .where(_its_total)
    .values(
        reserved_bytes=usage_totals.c.reserved_bytes + _number("reserved"),
        used_bytes=usage_totals.c.used_bytes + _number("used"),
    )
)

_NEW_DAY: Final = upsert(usage_days, ("account_id", "day"))
_NEW_TOTAL: Final = upsert(usage_totals, ("account_id",))


def taken(connection: Connection, statement: Prepared, values: dict[str, Any]) -> bool:
    """Run an update of one row; False where there is none, or a limit is in the way."""
    return bool(statement.run(connection, values))


def make_rows(connection: Connection, account_id: str, day: str) -> None:
    """The rows of an account and of its day exist; two transactions that make them both go on."""
    values = {"of_account": account_id, "of_day": day}
    if connection.execute(DAY, values).first() is None:
        connection.execute(_NEW_DAY, {"account_id": account_id, "day": day})
    if connection.execute(HELD_IN_ALL, values).first() is None:
        connection.execute(_NEW_TOTAL, {"account_id": account_id})

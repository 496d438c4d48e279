"""What all accounts hold together and each by itself, for those who run the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from cimaise.access.policy import Principal, require_admin
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, files, usage_days, usage_totals
from cimaise.uploads.quota import day_of


@dataclass(frozen=True, slots=True)
class Holding:
    """Of one account. Reserved counts as used."""

    daily_bytes: int
    daily_files: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """Of the installation.

    Attributes:
        files: Published ones that have bytes with us.
        bytes: Of those, and of uploads that wait to be published.
        by_account: Account id → what it holds.
    """

    files: int
    bytes: int
    by_account: Mapping[str, Holding]


async def holdings(database: Database, principal: Principal, *, now: datetime) -> Holdings:
    """As of now. ``NotSignedIn`` or ``Forbidden`` for whoever is no administrator."""
    require_admin(principal)
    return await database.read(lambda connection: _holdings(connection, day_of(now)))


def _holdings(connection: Connection, today: str) -> Holdings:
    day = and_(usage_days.c.account_id == accounts.c.id, usage_days.c.day == today)
    total = usage_totals.c.account_id == accounts.c.id
    rows = connection.execute(
        select(
            accounts.c.id,
            func.coalesce(usage_days.c.used_bytes + usage_days.c.reserved_bytes, 0).label("bytes"),
            func.coalesce(usage_days.c.used_files + usage_days.c.reserved_files, 0).label("files"),
            func.coalesce(usage_totals.c.used_bytes + usage_totals.c.reserved_bytes, 0).label(
                "all"
            ),
        ).select_from(accounts.outerjoin(usage_days, day).outerjoin(usage_totals, total))
    )
    by_account = {row.id: Holding(row.bytes, row.files, row.all) for row in rows}
    kept = select(func.count()).where(
        files.c.deleted_at.is_(None), files.c.storage_key.is_not(None)
    )
    return Holdings(
        files=connection.execute(kept).scalar_one(),
        bytes=sum(one.total_bytes for one in by_account.values()),
        by_account=by_account,
    )

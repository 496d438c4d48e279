"""Rows that let nobody in or keep nobody out any more: ended sessions, used links, lifted bans.

Each answers for a while why it is no good ("has been used", "is past its time"); then it goes.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, or_, select

from cimaise.database.engine import Database
from cimaise.database.schema import (
    bans,
    browser_sessions,
    invitations,
    links,
    shares,
    sign_in_links,
    upload_tokens,
    uploads,
)

KEPT_FOR: Final = timedelta(days=7)
_BATCH: Final = 1000


def _spent(before: datetime) -> tuple[tuple[Table, ColumnElement[str], ColumnElement[bool]], ...]:
    """Table, key and what makes a row of it worthless."""
    sessions, sign_ins, signed = browser_sessions.c, sign_in_links.c, links.c
    invited, shown, tokens, banned = invitations.c, shares.c, upload_tokens.c, bans.c
    is_counted_on = exists().where(  # what it was used for goes on
        uploads.c.token_id == tokens.id,
        uploads.c.state.in_(("pending", "completing", "uploaded")),
    )
    return (
        (
            browser_sessions,
            sessions.id,
            or_(sessions.expires_at < before, sessions.ended_at < before),
        ),
        (
            sign_in_links,
            sign_ins.hash,
            or_(sign_ins.expires_at < before, sign_ins.used_at < before),
        ),
        (
            invitations,
            invited.id,
            or_(
                invited.expires_at < before,
                invited.revoked_at < before,
                invited.used_at < before,
            ),
        ),
        (links, signed.id, or_(signed.expires_at < before, signed.revoked_at < before)),
        (shares, shown.id, or_(shown.expires_at < before, shown.revoked_at < before)),
        (
            upload_tokens,
            tokens.id,
            and_(or_(tokens.expires_at < before, tokens.revoked_at < before), ~is_counted_on),
        ),
        (bans, banned.id, or_(banned.until < before, banned.lifted_at < before)),
    )


async def delete_spent(database: Database, *, now: datetime) -> int:
    """Delete what has been spent for a week, a thousand rows in a transaction; gives how many."""
    deleted = 0
    for table, key, is_spent in _spent(now - KEPT_FOR):
        some = select(key).where(is_spent).limit(_BATCH)
        statement = delete(table).where(key.in_(some))

        def work(connection: Connection, statement: object = statement) -> int:
            return int(connection.execute(statement).rowcount)  # type: ignore[call-overload]

        while done := await database.write(work):
            deleted += done
    return deleted


async def count_spent(database: Database, *, now: datetime) -> int:
    """What :func:`delete_spent` would delete."""

    def work(connection: Connection) -> int:
        counts = (
            connection.execute(select(func.count()).select_from(table).where(is_spent)).scalar_one()
            for table, _, is_spent in _spent(now - KEPT_FOR)
        )
        return sum(counts)

    return await database.read(work)

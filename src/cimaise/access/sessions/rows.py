"""Rows of browser sessions: who comes with one, when it was seen, how it ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Update, select, update

from cimaise.access.policy import Principal, Role
from cimaise.database.rights import KEEPS_RIGHTS
from cimaise.database.schema import accounts, browser_sessions

SEEN_EVERY: Final = timedelta(minutes=5)
"""How often it is written down that a session or a key is used."""

MOST_ADDRESS_CHARS: Final = 64
MOST_AGENT_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in.

    Attributes:
        id: Its id; no secret.
        created_at: When somebody signed in.
        last_seen_at: When it was last used, to five minutes.
        expires_at: From when it is refused.
        address: That it was last seen from; empty where that is not known.
        user_agent: What the browser calls itself; a stranger's text.
        is_current: It is the one that asks.
    """

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str
    is_current: bool


def end_sessions(
    connection: Connection, account_id: str, *, now: datetime, but: str | None = None
) -> int:
    """A step of a transaction: end all sessions of an account, ``but`` one; gives how many."""
    statement = ending(now).where(
        browser_sessions.c.account_id == account_id, browser_sessions.c.id != (but or "")
    )
    return connection.execute(statement).rowcount


def find_session(
    connection: Connection, digest: str, now: datetime
) -> tuple[Principal, bool] | None:
    """Who comes with a cookie that has neither ended nor expired, account not disabled.

    The second value says whether it is time to :func:`note_seen`.
    """
    statement = (
        select(
            browser_sessions.c.id.label("session_id"),
            browser_sessions.c.last_seen_at,
            browser_sessions.c.expires_at,
            accounts.c.id,
            accounts.c.name,
            accounts.c.role,
        )
        .join(accounts, accounts.c.id == browser_sessions.c.account_id)
        .where(
            browser_sessions.c.hash == digest,
            browser_sessions.c.ended_at.is_(None),
            browser_sessions.c.expires_at > now,
            accounts.c.disabled_at.is_(None),
        )
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    principal = Principal(
        row.id,
        row.name,
        Role(row.role),
        session_id=row.session_id,
        lasts_until=row.expires_at,
    )
    return principal, row.last_seen_at is None or now - row.last_seen_at >= SEEN_EVERY


def note_seen(connection: Connection, session_id: str, now: datetime, address: str) -> None:
    """A step of a transaction: the session was used just now, from there."""
    connection.execute(
        update(browser_sessions)
        .where(browser_sessions.c.id == session_id)
        .values(last_seen_at=now, address=address[:MOST_ADDRESS_CHARS])
        .execution_options(**KEEPS_RIGHTS)
    )


def ending(now: datetime) -> Update:
    """A statement that ends the sessions it is narrowed to, those that have not ended yet."""
    return (
        update(browser_sessions).where(browser_sessions.c.ended_at.is_(None)).values(ended_at=now)
    )


def session_of(row: Row[Any], current_id: str | None) -> Session:
    """From a whole row of the table."""
    return Session(
        row.id,
        row.created_at,
        row.last_seen_at or row.created_at,
        row.expires_at,
        row.address or "",
        row.user_agent or "",
        row.id == current_id,
    )


def shown_text(text: str) -> str:
    """What a browser says of itself, without what no page should show."""
    return "".join(character for character in text if character.isprintable())

"""Webhooks and deliveries in the database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from cimaise.database.audit.chain import Entry
from cimaise.database.audit.sealing import find_head, sealed_entries
from cimaise.database.schema import webhook_deliveries, webhooks
from cimaise.errors import NotFound, WrongState

ENTRIES: Final = 500
"""Of the audit log that one webhook is told in one go."""

FORGOTTEN_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told of what. ``secret`` is shown once, when it is made."""

    id: str
    url: str
    events: tuple[str, ...]
    secret: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One entry on its way to one webhook.

    Attributes:
        id: Also the message's id, the same at each attempt.
        webhook_id: Where to.
        sequence: Of the audit log's entry.
        body: What is sent.
        state: ``waiting``, ``delivered`` or ``failed``.
        attempts: So far.
        next_at: When it is tried, while it waits.
        last_status: Of the last answer.
        last_error: Why there was none.
        created_at: When the entry was found.
        ended_at: When it was delivered or given up.
    """

    id: str
    webhook_id: str
    sequence: int
    body: str
    state: str
    attempts: int
    next_at: datetime
    last_status: int | None
    last_error: str | None
    created_at: datetime
    ended_at: datetime | None


def add_webhook(connection: Connection, hook: Webhook) -> None:
    """From now on: what happened before is not told."""
    connection.execute(
        insert(webhooks).values(
            id=hook.id,
            url=hook.url,
            events=list(hook.events),
            secret=hook.secret,
            created_by=hook.created_by,
            created_at=hook.created_at,
            after_sequence=find_head(connection).sequence,
        )
    )


def list_webhooks(connection: Connection) -> list[Webhook]:
    """Those that have not ended, oldest first."""
    rows = connection.execute(
        select(webhooks)
        .where(webhooks.c.ended_at.is_(None))
        .order_by(webhooks.c.created_at, webhooks.c.id)
    )
    return [_webhook(row) for row in rows]


def find_webhook(connection: Connection, webhook_id: str) -> Webhook:
    """One that has not ended; ``NotFound``."""
    row = connection.execute(
        select(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.ended_at.is_(None))
    ).first()
    if row is None:
        raise NotFound("There is no such webhook.")
    return _webhook(row)


def end_webhook(connection: Connection, webhook_id: str, now: datetime) -> None:
    """Tell it nothing any more, what waits included."""
    find_webhook(connection, webhook_id)
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(ended_at=now))
    connection.execute(
        update(webhook_deliveries)
        .where(webhook_deliveries.c.webhook_id == webhook_id)
        .where(webhook_deliveries.c.state == "waiting")
        .values(state="failed", last_error="the webhook was removed", ended_at=now)
    )


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(row.id, row.url, tuple(row.events), row.secret, row.created_by, row.created_at)


def fan_out(connection: Connection, *, new_id: Callable[[], str], now: datetime) -> bool:
    """A delivery for each webhook and each sealed entry that it wants, some hundred at a time.

    Gives whether there are more to be told.
    """
    is_more = False
    rows = connection.execute(select(webhooks).where(webhooks.c.ended_at.is_(None))).all()
    for row in rows:
        told = row.after_sequence
        for entry in sealed_entries(connection, after=told):
            if told >= row.after_sequence + ENTRIES:
                is_more = True
                break
            told = entry.sequence or told
            if wants(row.events, entry.action):
                _add_delivery(connection, row.id, entry, new_id(), now)
        if told > row.after_sequence:
            connection.execute(
                update(webhooks).where(webhooks.c.id == row.id).values(after_sequence=told)
            )
    return is_more


def wants(events: Sequence[str], action: str) -> bool:
    """Whether a list of actions has this one: itself, ``thing.*`` or ``*``."""
    return any(
        action == event or (event.endswith("*") and action.startswith(event[:-1]))
        for event in events
    )


def _add_delivery(
    connection: Connection, webhook_id: str, entry: Entry, delivery_id: str, now: datetime
) -> None:
    connection.execute(
        insert(webhook_deliveries).values(
            id=delivery_id,
            webhook_id=webhook_id,
            sequence=entry.sequence,
            body=body_of(entry),
            state="waiting",
            next_at=now,
            created_at=now,
        )
    )


def body_of(entry: Entry) -> str:
    """What is sent of an entry."""
    own = {"subject": entry.subject, "account": entry.account_id}
    data = own | entry.details | own  # whatever the details call theirs
    message = {
        "type": entry.action,
        "timestamp": entry.at,
        "sequence": entry.sequence,
        "data": data,
    }
    return msgspec.json.encode(message).decode()


def due_deliveries(
    connection: Connection, now: datetime, *, limit: int
) -> list[tuple[Delivery, Webhook]]:
    """What is to be tried now, the longest waiting first."""
    joined = webhook_deliveries.join(webhooks, webhooks.c.id == webhook_deliveries.c.webhook_id)
    rows = connection.execute(
        select(webhook_deliveries)
        .select_from(joined)
        .where(webhook_deliveries.c.state == "waiting", webhook_deliveries.c.next_at <= now)
        .where(webhooks.c.ended_at.is_(None))
        .order_by(webhook_deliveries.c.next_at, webhook_deliveries.c.sequence)
        .limit(limit)
    ).all()
    hooks = {hook.id: hook for hook in list_webhooks(connection)}
    return [(delivery_of(row), hooks[row.webhook_id]) for row in rows]


def note_attempt(connection: Connection, delivery: Delivery, **values: Any) -> None:
    """What became of an attempt, unless somebody asked for a replay meanwhile."""
    connection.execute(
        update(webhook_deliveries)
        .where(webhook_deliveries.c.id == delivery.id)
        .where(webhook_deliveries.c.attempts == delivery.attempts)
        .values(attempts=delivery.attempts + 1, **values)
    )


def forget_ended(connection: Connection, *, before: datetime) -> int:
    """Delete some deliveries that ended before; gives how many."""
    ended = (webhook_deliveries.c.state != "waiting", webhook_deliveries.c.ended_at < before)
    some = select(webhook_deliveries.c.id).where(*ended).limit(FORGOTTEN_AT_ONCE)
    chosen = delete(webhook_deliveries).where(webhook_deliveries.c.id.in_(some))
    return connection.execute(chosen).rowcount


def list_deliveries(connection: Connection, webhook_id: str, *, limit: int) -> list[Delivery]:
    """The newest first."""
    find_webhook(connection, webhook_id)
    rows = connection.execute(
        select(webhook_deliveries)
        .where(webhook_deliveries.c.webhook_id == webhook_id)
        .order_by(webhook_deliveries.c.sequence.desc())
        .limit(limit)
    )
    return [delivery_of(row) for row in rows]


def replay(connection: Connection, webhook_id: str, delivery_id: str, now: datetime) -> Delivery:
    """Send it again, soon, with the same id, whatever became of it."""
    find_webhook(connection, webhook_id)
    chosen = webhook_deliveries.c.id == delivery_id, webhook_deliveries.c.webhook_id == webhook_id
    row = connection.execute(select(webhook_deliveries).where(*chosen)).first()
    if row is None:
        raise NotFound("There is no such delivery.")
    if row.state == "waiting":
        raise WrongState("It waits to be sent already.")
    connection.execute(
        update(webhook_deliveries)
        .where(*chosen)
        .values(state="waiting", attempts=0, next_at=now, ended_at=None)
    )
    return delivery_of(connection.execute(select(webhook_deliveries).where(*chosen)).one())


def delivery_of(row: Row[Any]) -> Delivery:
    """A row as a value."""
    names = ("id", "webhook_id", "sequence", "body", "state", "attempts", "next_at",
             "last_status", "last_error", "created_at", "ended_at")  # fmt: skip
    return Delivery(**{name: getattr(row, name) for name in names})

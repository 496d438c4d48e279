"""Binding entries into the chain, and finding out whether anybody has touched it.

An entry is written without its place, so that transactions need not wait for each other, and gets
it some seconds later, when it is committed for good. From then on it cannot be changed or deleted:
triggers of the database refuse it. Whoever gets around those breaks the chain, unless they write
it anew to its end; then the head is another one than the log lines and exports said before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, func, select, text, update

from cimaise.database.audit.chain import GENESIS, Entry, chained
from cimaise.database.schema import audit

BATCH: Final = 1000
"""Entries that are sealed in one transaction, or read at a time."""

_LOCK: Final = 0x41554449  # any fixed number: "AUDI"


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends: the last entry's place and hash."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found.

    Attributes:
        head: The last good entry.
        unsealed: Entries that have no place yet.
        broken_at: The first place where something is missing or was changed; ``None``: nowhere.
        passed: Whether the head that was asked for is one of the chain's.
    """

    head: Head
    unsealed: int
    broken_at: int | None
    passed: bool

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.broken_at is None and self.passed


_PLACE: Final = (
    update(audit)
    .where(audit.c.id == bindparam("of_id"))
    .values(sequence=bindparam("place"), hash=bindparam("its_hash"))
)


def seal(connection: Connection) -> tuple[int, Head]:
    """Give committed entries their places; gives how many, and the head. Processes take turns."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    head = find_head(connection)
    waiting = select(audit).where(audit.c.sequence.is_(None)).order_by(audit.c.id).limit(BATCH)
    rows = connection.execute(waiting).all()
    placed = []
    for row in rows:
        place = head.sequence + 1
        head = Head(place, chained(head.hash, place, entry_of(row)))
        placed.append({"of_id": row.id, "place": place, "its_hash": head.hash})
    if placed:
        connection.execute(_PLACE, placed)
    return len(rows), head


def find_head(connection: Connection) -> Head:
    """The chain's end; place 0 where nothing is sealed."""
    row = connection.execute(
        select(audit.c.sequence, audit.c.hash)
        .where(audit.c.sequence.is_not(None))
        .order_by(audit.c.sequence.desc())
        .limit(1)
    ).first()
    return Head(0, GENESIS) if row is None else Head(row.sequence, row.hash)


def verify(connection: Connection, *, known_head: str | None = None) -> Verdict:
    """Walk along the whole chain.

    Args:
        connection: Of a transaction that reads.
        known_head: A head that was seen before, in a log line or an export: it has to be on the
            way, or the chain was written anew.
    """
    head, passed = Head(0, GENESIS), known_head in (None, GENESIS)
    unsealed = connection.execute(
        select(func.count()).select_from(audit).where(audit.c.sequence.is_(None))
    ).scalar_one()
    for entry in sealed_entries(connection):
        place = head.sequence + 1
        if (
            entry.sequence != place
            or entry.hash is None
            or entry.hash != chained(head.hash, place, entry)
        ):
            return Verdict(head, unsealed, place, passed)
        head = Head(place, entry.hash)
        passed = passed or entry.hash == known_head
    return Verdict(head, unsealed, None, passed)


def sealed_entries(connection: Connection, *, after: int = 0) -> Iterator[Entry]:
    """Entries in the chain's order, behind a place."""
    while True:
        rows = connection.execute(
            select(audit).where(audit.c.sequence > after).order_by(audit.c.sequence).limit(BATCH)
        ).all()
        yield from map(entry_of, rows)
        if len(rows) < BATCH:
            return
        after = rows[-1].sequence


def entry_of(row: Row[Any]) -> Entry:
    """A row as a value."""
    return Entry(
        id=row.id,
        at=row.at,
        account_id=row.account_id,
        action=row.action,
        subject=row.subject,
        details=row.details,
        origin=row.origin,
        request_id=row.request_id,
        sequence=row.sequence,
        hash=row.hash,
    )

"""Audit entries as values, and the hash that binds each to all before it."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

GENESIS: Final = "0" * 64
"""What the first entry is bound to."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    Attributes:
        id: Order of writing.
        at: When, aware UTC.
        account_id: Who; ``None`` for the server itself or its operator at the machine.
        action: What: ``thing.happened``.
        subject: Id of the thing.
        details: Why, and further facts.
        origin: The address that it came from, where a request did it.
        request_id: That request's id.
        sequence: Its place in the chain, from 1, without gaps; ``None`` until sealed.
        hash: SHA-256 (hex) of the entry before and of this one; ``None`` until sealed.
    """

    id: int
    at: datetime
    account_id: str | None
    action: str
    subject: str
    details: dict[str, Any]
    origin: str | None
    request_id: str | None
    sequence: int | None = None
    hash: str | None = None


def chained(previous: str, sequence: int, entry: Entry) -> str:
    """The hash of ``entry`` at its place, behind ``previous`` (hex)."""
    facts = [
        previous,
        sequence,
        entry.at.isoformat(timespec="microseconds"),
        entry.account_id,
        entry.action,
        entry.subject,
        entry.details,
        entry.origin,
        entry.request_id,
    ]
    return sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()

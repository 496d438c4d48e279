"""Content that was taken down and must not come back, at whichever door."""

from sqlalchemy import Connection, exists, select

from cimaise.database.schema import takedowns
from cimaise.errors import TakenDown

_IN_FORCE = takedowns.c.state != "restored"


def require_not_blocked(connection: Connection, sha256: str | None) -> None:
    """``TakenDown`` where this very content (SHA-256, hex) was removed for legal reasons."""
    if sha256 is None:
        return
    known = exists().where(takedowns.c.sha256 == sha256, _IN_FORCE)
    if connection.execute(select(known)).scalar():
        raise TakenDown("This content was removed for legal reasons.")


def may_be_blocked(connection: Connection, size: int) -> bool:
    """Whether some content of this size was removed: then only its SHA-256 tells."""
    known = exists().where(takedowns.c.size == size, _IN_FORCE)
    return bool(connection.execute(select(known)).scalar())

"""Content that was taken down and must not come back, at whichever door."""

from typing import Final

from sqlalchemy import Connection, bindparam, exists, select

from cimaise.database.schema import takedowns
from cimaise.errors import TakenDown, Unavailable

_IN_FORCE = takedowns.c.state != "restored"
_OF_CONTENT: Final = select(exists().where(takedowns.c.sha256 == bindparam("of_sha256"), _IN_FORCE))
_OF_SIZE: Final = select(exists().where(takedowns.c.size == bindparam("of_size"), _IN_FORCE))


def require_not_blocked(connection: Connection, sha256: str | None, size: int) -> None:
    """Let nothing in that was removed for legal reasons.

    Args:
        connection: Of the transaction that lets it in.
        sha256: Of the content, hex, where it is known.
        size: Of the content, in bytes.

    Raises:
        TakenDown: This very content was removed.
        Unavailable: Content of this size was, since the decision not to read the bytes for their
            SHA-256. Who asks again finds it decided.
    """
    if sha256 is None:
        if may_be_blocked(connection, size):
            raise Unavailable(
                "Its content has to be looked at again.", code="busy", retry_after_s=1
            )
        return
    if connection.execute(_OF_CONTENT, {"of_sha256": sha256}).scalar():
        raise TakenDown("This content was removed for legal reasons.")


def may_be_blocked(connection: Connection, size: int) -> bool:
    """Whether some content of this size was removed: then only its SHA-256 tells."""
    return bool(connection.execute(_OF_SIZE, {"of_size": size}).scalar())

"""What an upload token has taken of its limits: steps of a transaction that the caller has opened."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, select, update

from cimaise.database.schema import accounts, upload_tokens
from cimaise.errors import CimaiseError, Gone, Limit, TooLarge

_MAKER_MAY: Final = exists().where(
    accounts.c.id == upload_tokens.c.account_id, accounts.c.disabled_at.is_(None)
)


def take(connection: Connection, token_id: str, *, size: int, files: int, now: datetime) -> None:
    """Count bytes and files against the token, if it has room for them.

    Args:
        connection: Of the caller's transaction.
        token_id: Whose.
        size: Bytes.
        files: How many; 0 where more bytes come of a file that is counted already. Those may
            still come when the token's time has passed in the middle.
        now: The time.

    Raises:
        TooLarge: ``quota_exceeded``, naming the token's limit.
        Gone: It has expired or was taken back.
    """
    tokens = upload_tokens.c
    statement = update(upload_tokens).where(
        tokens.id == token_id,
        tokens.revoked_at.is_(None),
        tokens.max_bytes.is_(None) | (tokens.taken_bytes + size <= tokens.max_bytes),
        _MAKER_MAY,
    )
    if files:
        statement = statement.where(
            tokens.expires_at > now,
            tokens.max_files.is_(None) | (tokens.taken_files + files <= tokens.max_files),
        )
    taken = connection.execute(
        statement.values(
            taken_bytes=tokens.taken_bytes + size, taken_files=tokens.taken_files + files
        )
    ).rowcount
    if not taken:
        raise _refusal(_row(connection, token_id), size, files, now)


def keep(connection: Connection, token_id: str, *, reserved: int, size: int) -> None:
    """A file has arrived: what was taken for it becomes what it has.

    What was begun in the token's time may end after it.

    Raises:
        Gone: The token was taken back meanwhile.
    """
    kept = connection.execute(
        update(upload_tokens)
        .where(upload_tokens.c.id == token_id, upload_tokens.c.revoked_at.is_(None), _MAKER_MAY)
        .values(taken_bytes=upload_tokens.c.taken_bytes - reserved + size)
    ).rowcount
    if not kept:
        raise taken_back()


def give_back(connection: Connection, token_id: str, *, size: int) -> None:
    """A file came to nothing; whatever has become of the token."""
    connection.execute(
        update(upload_tokens)
        .where(upload_tokens.c.id == token_id)
        .values(
            taken_bytes=upload_tokens.c.taken_bytes - size,
            taken_files=upload_tokens.c.taken_files - 1,
        )
    )


def _row(connection: Connection, token_id: str) -> Row[Any] | None:
    return connection.execute(
        select(upload_tokens, accounts.c.disabled_at)
        .join(accounts, accounts.c.id == upload_tokens.c.account_id)
        .where(upload_tokens.c.id == token_id)
    ).one_or_none()


def _refusal(row: Row[Any] | None, size: int, files: int, now: datetime) -> CimaiseError:
    if row is None or row.revoked_at is not None or row.disabled_at is not None:
        return taken_back()
    if files and row.expires_at <= now:
        return expired()
    if row.max_bytes is not None and row.taken_bytes + size > row.max_bytes:
        limit = Limit("upload_token.max_bytes", row.max_bytes, row.taken_bytes + size)
    else:
        limit = Limit("upload_token.max_files", row.max_files, row.taken_files + files)
    sentence = "This upload address has no room for more."
    return TooLarge(sentence, code="quota_exceeded", limit=limit)


def expired() -> Gone:
    """The token's time has passed."""
    return Gone("This upload address is past its time.", code="expired")


def taken_back() -> Gone:
    """The token was revoked, or its maker's account disabled."""
    return Gone("This upload address was taken back.")

"""Rows of links: what is written and read of them, as steps of transactions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from cimaise.access.accounts.names import is_id
from cimaise.access.policy import Principal
from cimaise.access.revoking import revoke
from cimaise.database.audit import record
from cimaise.database.rights import KEEPS_RIGHTS
from cimaise.database.schema import accounts, keys, links
from cimaise.errors import Gone, NotFound

_ABSENT: Final = "There is no such link."


@dataclass(frozen=True, slots=True)
class Link:
    """The right to fetch one file.

    Attributes:
        id: Its id; no secret, for only the signed token opens.
        file_id: The file.
        account_id: Who made it, and answers for it.
        download: As an attachment rather than inline.
        max_uses: How often it may be used; ``None``: as often as wanted.
        uses: How often it was, where that is counted.
        created_at: When it was made.
        expires_at: From when it is refused; whole seconds.
        key_id: The API key that it was made with, if it was; it ends with it.
    """

    id: str
    file_id: str
    account_id: str
    download: bool
    max_uses: int | None
    uses: int
    created_at: datetime
    expires_at: datetime
    key_id: str | None = None

    @property
    def is_spent(self) -> bool:
        """It was used as often as it may."""
        return self.max_uses is not None and self.uses >= self.max_uses


def add_link(connection: Connection, link: Link) -> None:
    """A new row, and its audit row. ``NotFound`` where the file is not there."""
    if not is_id(link.file_id):
        raise NotFound("There is no such file.")
    try:
        connection.execute(insert(links).values(asdict(link)))
    except IntegrityError as fault:  # the file went while the caller looked
        raise NotFound("There is no such file.") from fault
    details = {
        "file": link.file_id,
        "expires_at": link.expires_at.isoformat(),
        "max_uses": link.max_uses,
    }
    record(
        connection,
        at=link.created_at,
        account_id=link.account_id,
        action="link.created",
        subject=link.id,
        details=details,
    )


def find_link(connection: Connection, link_id: str) -> Link | None:
    """The link, unless it was taken back, its maker was disabled or its key was revoked."""
    row = connection.execute(_standing().where(links.c.id == link_id)).one_or_none()
    return None if row is None else _link(row)


def find_links_of(connection: Connection, file_id: str, now: datetime) -> list[Link]:
    """Those to a file that still open it, newest first."""
    statement = (
        _standing()
        .where(links.c.file_id == file_id, links.c.expires_at > now)
        .order_by(links.c.created_at.desc(), links.c.id)
    )
    return [_link(row) for row in connection.execute(statement)]


def count_use(connection: Connection, link_id: str, now: datetime) -> None:
    """One use more, never one too many; ``Gone`` where there is none left."""
    mine = links.c.id == link_id
    counted = connection.execute(
        update(links)
        .where(
            mine,
            links.c.revoked_at.is_(None),
            links.c.expires_at > now,
            links.c.uses < links.c.max_uses,
        )
        .values(uses=links.c.uses + 1)
        .execution_options(**KEEPS_RIGHTS)  # such links are never remembered
    ).rowcount
    if counted:
        return
    row = connection.execute(select(links).where(mine)).one_or_none()
    if row is None or row.revoked_at is not None:
        raise taken_back()
    raise expired() if row.expires_at <= now else spent()


def revoke_one(connection: Connection, principal: Principal, link_id: str, now: datetime) -> None:
    """Take one back. ``NotFound``: no such link, or another's and the principal is no admin."""
    revoke(connection, links, principal, link_id, action="link.revoked", absent=_ABSENT, now=now)


def revoke_one_of_file(
    connection: Connection, by: Principal, now: datetime, *, file_id: str, link_id: str
) -> None:
    """Take one of a file's back, whoever made it; ``NotFound`` where it is none of them."""
    mine = and_(links.c.id == link_id, links.c.file_id == file_id)
    if not is_id(link_id) or connection.execute(select(links.c.id).where(mine)).first() is None:
        raise NotFound(_ABSENT)
    revoke_where(connection, by, now, about=file_id, conditions=(mine,))


def revoke_where(
    connection: Connection, by: Principal, now: datetime, *, about: str, conditions: Sequence[Any]
) -> int:
    """Take back all that meet the conditions, with one audit row about them; gives how many."""
    revoked = connection.execute(
        update(links).where(*conditions, links.c.revoked_at.is_(None)).values(revoked_at=now)
    ).rowcount
    if revoked:
        record(
            connection,
            at=now,
            account_id=by.account_id,
            action="links.revoked",
            subject=about,
            details={"count": revoked},
        )
    return revoked


def expired() -> Gone:
    """Past its time."""
    return Gone("The link is past its time.", code="expired")


def spent() -> Gone:
    """Used up."""
    return Gone("The link has been used as often as it may.", code="spent")


def taken_back() -> Gone:
    """Taken back, by itself or with its file, maker or key."""
    return Gone("The link was taken back.")


def _standing() -> Select[Any]:
    return (
        select(links)
        .join(accounts, accounts.c.id == links.c.account_id)
        .outerjoin(keys, keys.c.id == links.c.key_id)
        .where(
            links.c.revoked_at.is_(None),
            accounts.c.disabled_at.is_(None),
            keys.c.revoked_at.is_(None),
        )
    )


def _link(row: Row[Any]) -> Link:
    return Link(
        id=row.id,
        file_id=row.file_id,
        account_id=row.account_id,
        download=row.download,
        max_uses=row.max_uses,
        uses=row.uses,
        created_at=row.created_at,
        expires_at=row.expires_at,
        key_id=row.key_id,
    )

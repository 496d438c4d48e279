"""Rows of shares: what is written and read of them, as steps of transactions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, insert, select, update

from cimaise.access import policy
from cimaise.access.policy import GUEST, CollectionFacts, MemberRole, Principal, Visibility
from cimaise.access.revoking import revoke
from cimaise.database.audit import record
from cimaise.database.rights import KEEPS_RIGHTS
from cimaise.database.schema import accounts, collections, memberships, shares

_WITH_MAKER: Final = select(shares, accounts.c.disabled_at).join(
    accounts, accounts.c.id == shares.c.account_id
)


class Downloads(StrEnum):
    """What may be kept of a shared album."""

    NONE = "none"
    WEB = "web"  # a JPEG of at most 2048 pixels
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Share:
    """What may be told of a share.

    Attributes:
        id: No secret, for only the token opens.
        subject: Whose rights it gives: see :attr:`CollectionFacts.id`.
        album: Name of the album.
        account_id: Who made it.
        has_password: It asks for one.
        downloads: What may be kept.
        watermark: Name of the one that every picture carries; ``None`` for none.
        expires_at: From then on it is refused; ``None``: never.
        name: What its maker calls it; may be empty.
        uses: How often its page was opened.
        last_used_at: The last time of these.
        is_stopped: The account that made it is disabled; with that account it would open again.
        token: What opens it, for those who manage the album; ``None`` where it cannot be told.
    """

    id: str
    subject: str
    album: str
    account_id: str
    has_password: bool
    downloads: Downloads
    watermark: str | None
    created_at: datetime
    expires_at: datetime | None
    name: str = ""
    uses: int = field(default=0, compare=False)
    last_used_at: datetime | None = field(default=None, compare=False)
    is_stopped: bool = field(default=False, compare=False)
    token: str | None = field(default=None, compare=False, repr=False)

    @property
    def principal(self) -> Principal:
        """Somebody who may look at this album and at nothing else that is not public."""
        return replace(GUEST, shared_id=self.subject)


def share_of(row: Row[Any]) -> Share:
    """A row, with ``disabled_at`` of its maker, as a value without what opens it."""
    return Share(
        row.id, row.subject, row.album, row.account_id, row.password_hash is not None,
        Downloads(row.downloads), row.watermark, row.created_at, row.expires_at, row.name,
        row.uses, row.last_used_at, row.disabled_at is not None,
    )  # fmt: skip


def add_share(connection: Connection, share: Share, digest: str, kept: str | None) -> None:
    """A new row, and its audit row. ``kept``: the password's hash."""
    values = {
        "id": share.id, "hash": digest, "subject": share.subject, "album": share.album,
        "account_id": share.account_id, "password_hash": kept, "downloads": share.downloads.value,
        "watermark": share.watermark, "created_at": share.created_at,
        "expires_at": share.expires_at, "name": share.name,
    }  # fmt: skip
    connection.execute(insert(shares).values(values))
    record(
        connection, at=share.created_at, account_id=share.account_id, action="share.created",
        subject=share.id, details={"album": share.album},
    )  # fmt: skip


def find_shares_of(connection: Connection, subject: str, album: str) -> Sequence[Row[Any]]:
    """Rows of an album's shares that are not taken back, the newest first, with their makers."""
    statement = (
        _WITH_MAKER.where(shares.c.subject == subject, shares.c.revoked_at.is_(None))
        .where(shares.c.album == album)
        .order_by(shares.c.created_at.desc(), shares.c.id)
    )
    return connection.execute(statement).all()


def find_by_digest(connection: Connection, digest: str) -> Row[Any] | None:
    """The row of a token, with ``disabled_at`` of the account that made it."""
    return connection.execute(_WITH_MAKER.where(shares.c.hash == digest)).one_or_none()


def count_opening(connection: Connection, share_id: str, now: datetime) -> None:
    """Its page was opened once more."""
    connection.execute(
        update(shares)
        .where(shares.c.id == share_id)
        .values(uses=shares.c.uses + 1, last_used_at=now)
        .execution_options(**KEEPS_RIGHTS)
    )


def revoke_share(connection: Connection, principal: Principal, share_id: str, now: datetime) -> str:
    """Take one back, with its audit row; gives the album's name.

    Whoever made it may, whoever manages its collection, and admins. ``NotFound`` for all others.
    """
    row = revoke(
        connection,
        shares,
        principal,
        share_id,
        action="share.revoked",
        absent="There is no such share.",
        now=now,
        may=lambda row: _may_manage(connection, principal, row.subject),
        details=lambda row: {"album": row.album},
    )
    return str(row.album)


def _may_manage(connection: Connection, principal: Principal, collection_id: str) -> bool:
    mine = and_(
        memberships.c.collection_id == collections.c.id,
        memberships.c.account_id == principal.account_id,
    )
    row = connection.execute(
        select(collections.c.owner_id, memberships.c.role)
        .select_from(collections.outerjoin(memberships, mine))
        .where(collections.c.id == collection_id)
    ).one_or_none()
    if row is None:  # a folder: nobody's but the admins'
        return False
    role = MemberRole(row.role) if row.role else None
    return policy.may_manage(principal, CollectionFacts(row.owner_id, Visibility.PRIVATE, role))

"""Signed links to a file: whoever holds one may fetch the file, until it ends or is taken back.

The token is signed, so one that was altered or is past its time costs no look-up. What may change
(taken back, used up, its maker disabled, the file gone) is asked of the row.
"""

import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from cimaise.access import policy
from cimaise.access.names import is_id
from cimaise.access.policy import Principal, Scope
from cimaise.access.signing import Signer
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, links
from cimaise.errors import Forbidden, Gone, Invalid, NotFound

PURPOSE: Final = "link"
MAX_TTL_S: Final = 10 * 365 * 86400
MAX_USES: Final = 1_000_000_000
_EXPIRY: Final = struct.Struct(">Q")  # whole seconds since 1970, before the id


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
    """

    id: str
    file_id: str
    account_id: str
    download: bool
    max_uses: int | None
    uses: int
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Links:
    """All links. ``default_ttl_s`` holds where a link's maker says nothing."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    signer: Signer
    default_ttl_s: float

    async def create(
        self,
        principal: Principal,
        file_id: str,
        *,
        expires_in_s: float | None = None,
        download: bool = False,
        max_uses: int | None = None,
    ) -> tuple[Link, str]:
        """A link and its token. The caller has checked the principal's right to the file.

        Args:
            principal: Who answers for it; a key among them needs the scope ``manage``.
            file_id: The file.
            expires_in_s: 1 second to 10 years; ``None`` for the setting's.
            download: Deliver as an attachment.
            max_uses: 1 to 10⁹; ``None`` for no limit.

        Raises:
            Invalid: A field is refused.
            NotFound: There is no such file.
        """
        policy.require_account(principal)
        policy.require_scope(principal, Scope.MANAGE)
        ttl_s = self.default_ttl_s if expires_in_s is None else expires_in_s
        _require_bounds(ttl_s, max_uses)
        now = self.clock()
        link = Link(
            id=self.new_id(),
            file_id=file_id,
            account_id=principal.account_id,
            download=download,
            max_uses=max_uses,
            uses=0,
            created_at=now,
            expires_at=(now + timedelta(seconds=ttl_s)).replace(microsecond=0),
        )
        await self.database.write(lambda connection: _add(connection, link))
        return link, self.signer.sign(PURPOSE, _payload(link))

    async def check(self, token: str, file_id: str) -> Link:
        """The link behind a token, good for this file now. Counts nothing: see :meth:`use`.

        Raises:
            Forbidden: ``bad_signature``: altered, not ours, or for another file.
            Gone: ``expired``, ``spent``, or taken back together with its file or its maker.
        """
        link_id, expires_at = _parse_payload(self.signer.open(PURPOSE, token))
        if self.clock() >= expires_at:
            raise _expired()
        statement = (
            select(links, accounts.c.disabled_at)
            .join(accounts, accounts.c.id == links.c.account_id)
            .where(links.c.id == link_id)
        )
        row = await self.database.read(
            lambda connection: connection.execute(statement).one_or_none()
        )
        if row is not None and row.file_id != file_id:
            raise Forbidden("The link is for another file.", code="bad_signature")
        if row is None or row.revoked_at is not None or row.disabled_at is not None:
            raise _taken_back()
        link = _link(row)
        if link.max_uses is not None and link.uses >= link.max_uses:
            raise _spent()
        return link

    async def use(self, link: Link) -> None:
        """Count one use, where the link may be used only so often; never one too many.

        Raises:
            Gone: ``spent`` or ``expired`` in the meantime, or taken back.
        """
        if link.max_uses is None:
            return
        now = self.clock()
        await self.database.write(lambda connection: _count(connection, link.id, now))

    async def revoke(self, principal: Principal, link_id: str) -> None:
        """Take a link back at once. Again: nothing happens.

        Raises:
            NotFound: No such link, or somebody else's and the principal is no admin.
        """
        policy.require_account(principal)
        policy.require_scope(principal, Scope.MANAGE)
        now = self.clock()
        await self.database.write(lambda connection: _revoke(connection, principal, link_id, now))


def _require_bounds(ttl_s: float, max_uses: int | None) -> None:
    if not 1 <= ttl_s <= MAX_TTL_S:  # NaN too
        raise Invalid("A link lives from 1 second to 10 years.", field="expires_in")
    if max_uses is not None and not 1 <= max_uses <= MAX_USES:
        raise Invalid("A link may be used 1 to 1,000,000,000 times.", field="max_uses")


def _payload(link: Link) -> bytes:
    return _EXPIRY.pack(int(link.expires_at.timestamp())) + link.id.encode()


def _parse_payload(payload: bytes) -> tuple[str, datetime]:
    """Only what :func:`_payload` wrote comes here: the signature was checked."""
    (seconds,) = _EXPIRY.unpack_from(payload)
    return payload[_EXPIRY.size :].decode(), datetime.fromtimestamp(seconds, UTC)


def _add(connection: Connection, link: Link) -> None:
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


def _count(connection: Connection, link_id: str, now: datetime) -> None:
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
    ).rowcount
    if counted:
        return
    row = connection.execute(select(links).where(mine)).one_or_none()
    if row is None or row.revoked_at is not None:
        raise _taken_back()
    raise _expired() if row.expires_at <= now else _spent()


def _revoke(connection: Connection, principal: Principal, link_id: str, now: datetime) -> None:
    maker = select(links.c.account_id).where(links.c.id == link_id)
    maker_id = connection.execute(maker).scalar_one_or_none() if is_id(link_id) else None
    if maker_id is None or not (principal.is_admin or maker_id == principal.account_id):
        raise NotFound("There is no such link.")
    revoked = connection.execute(
        update(links)
        .where(links.c.id == link_id, links.c.revoked_at.is_(None))
        .values(revoked_at=now)
    ).rowcount
    if revoked:
        record(
            connection,
            at=now,
            account_id=principal.account_id,
            action="link.revoked",
            subject=link_id,
            details={"account": maker_id},
        )


def _expired() -> Gone:
    return Gone("The link is past its time.", code="expired")


def _spent() -> Gone:
    return Gone("The link has been used as often as it may.", code="spent")


def _taken_back() -> Gone:
    return Gone("The link was taken back.")


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
    )

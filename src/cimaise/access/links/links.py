"""Signed links to a file: whoever holds one may fetch the file, until it ends or is taken back.

The token is signed, so one that was altered or is past its time costs no look-up. What may change
(taken back, used up, its maker disabled, its key revoked) is asked of the row, or of what the row
said within the last second. The file itself is looked up by whoever delivers it, each time.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cimaise.access import policy
from cimaise.access.links import rows
from cimaise.access.links.cache import LinkCache
from cimaise.access.links.rows import Link
from cimaise.access.policy import Principal, Scope
from cimaise.access.signing import Signer
from cimaise.database.engine import Database
from cimaise.database.schema import links
from cimaise.errors import Forbidden, Invalid, NotFound

__all__ = ["MAX_TTL_S", "MAX_USES", "PURPOSE", "Link", "Links"]

PURPOSE: Final = "link"
MAX_TTL_S: Final = 10 * 365 * 86400
MAX_USES: Final = 1_000_000_000
_EXPIRY: Final = struct.Struct(">Q")  # whole seconds since 1970, before the id


@dataclass(frozen=True, slots=True)
class Links:
    """All links. ``default_ttl_s`` holds where a link's maker says nothing."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    signer: Signer
    default_ttl_s: float
    cache: LinkCache = field(default_factory=LinkCache)

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
            key_id=principal.key_id,
        )
        await self.database.write(lambda connection: rows.add_link(connection, link))
        return link, self.token(link)

    def token(self, link: Link) -> str:
        """What opens the file; the same every time, until the server signs with another secret.

        For those who may make such links anyway: whoever has it needs nothing else.
        """
        return self.signer.sign(PURPOSE, _payload(link))

    async def check(self, token: str, file_id: str) -> Link:
        """The link behind a token, good for this file now. Counts nothing: see :meth:`use`.

        Raises:
            Forbidden: ``bad_signature``: altered, not ours, or for another file.
            Gone: ``expired``, ``spent``, or taken back together with its file, maker or key.
        """
        link_id, expires_at = _parse_payload(self.signer.open(PURPOSE, token))
        if self.clock() >= expires_at:
            raise rows.expired()
        link = self.cache.get(link_id) or await self._find(link_id)
        if link.file_id != file_id:
            raise Forbidden("The link is for another file.", code="bad_signature")
        if link.is_spent:
            raise rows.spent()
        return link

    async def _find(self, link_id: str) -> Link:
        generation = self.cache.generation
        link = await self.database.read(lambda connection: rows.find_link(connection, link_id))
        if link is None:
            raise rows.taken_back()
        if link.max_uses is None:  # how often another was used changes with every answer
            self.cache.put(link, generation=generation)
        return link

    async def use(self, link: Link) -> None:
        """Count one use, where the link may be used only so often; never one too many.

        Raises:
            Gone: ``spent`` or ``expired`` in the meantime, or taken back.
        """
        if link.max_uses is None:
            return
        now = self.clock()
        await self.database.write(lambda connection: rows.count_use(connection, link.id, now))

    async def of_file(self, principal: Principal, file_id: str) -> list[Link]:
        """Links that still open a file, newest first. The caller has checked the right to it."""
        policy.require_account(principal)
        now = self.clock()
        return await self.database.read(
            lambda connection: rows.find_links_of(connection, file_id, now)
        )

    async def revoke(self, principal: Principal, link_id: str) -> None:
        """Take a link back at once. Again: nothing happens.

        Raises:
            NotFound: No such link, or somebody else's and the principal is no admin.
        """
        _require_manage(principal)
        now = self.clock()
        await self.cache.emptied_by(
            self.database.write(
                lambda connection: rows.revoke_one(connection, principal, link_id, now)
            )
        )

    async def revoke_of_file(self, principal: Principal, file_id: str) -> int:
        """Take back every link to a file; gives how many. The caller has checked the right."""
        _require_manage(principal)
        return await self._revoke_where(principal, file_id, links.c.file_id == file_id)

    async def revoke_one_of_file(self, principal: Principal, file_id: str, link_id: str) -> None:
        """Take one of a file's links back, whoever made it. The caller has checked the right.

        Again: nothing happens.

        Raises:
            NotFound: There is no such link to this file.
        """
        _require_manage(principal)
        now = self.clock()
        await self.cache.emptied_by(
            self.database.write(
                lambda connection: rows.revoke_one_of_file(
                    connection, principal, now, file_id=file_id, link_id=link_id
                )
            )
        )

    async def revoke_of_account(
        self, principal: Principal, *, account_id: str | None = None, key_id: str | None = None
    ) -> int:
        """Take back every link that an account made, or made with one of its keys; how many.

        Args:
            principal: Who asks.
            account_id: ``None``: the principal's own; another's for admins only.
            key_id: Only those made with this API key.

        Raises:
            NotFound: Somebody else's, and the principal is no admin.
        """
        _require_manage(principal)
        wanted = account_id or principal.account_id
        if wanted != principal.account_id and not principal.is_admin:
            raise NotFound("There is no such account.")
        conditions = [links.c.account_id == wanted]
        if key_id is not None:
            conditions.append(links.c.key_id == key_id)
        return await self._revoke_where(principal, wanted, *conditions)

    async def _revoke_where(self, principal: Principal, about: str, *conditions: Any) -> int:
        now = self.clock()
        return await self.cache.emptied_by(
            self.database.write(
                lambda connection: rows.revoke_where(
                    connection, principal, now, about=about, conditions=conditions
                )
            )
        )


def _require_manage(principal: Principal) -> None:
    policy.require_account(principal)
    policy.require_scope(principal, Scope.MANAGE)


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

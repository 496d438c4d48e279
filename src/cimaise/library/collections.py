"""Collections and who belongs to them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, exists, select, update

from cimaise.access import policy as rights
from cimaise.access.policy import MemberRole, Principal, Visibility
from cimaise.database.audit import record
from cimaise.database.engine import Database
from cimaise.database.schema import collections, files
from cimaise.errors import Invalid, WrongState
from cimaise.library.collection_rows import (
    find_collection,
    insert_collection,
    list_collections,
    values_of,
)
from cimaise.library.giving_up import give_up_deleted_of
from cimaise.library.members import (
    Member,
    Members,
    account_id_of,
    drop_member,
    list_members,
    put_member,
)
from cimaise.library.model import Collection, Policy
from cimaise.library.tags import collection_tag, note_purge

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)
_EXTENSION: Final = re.compile(r"\.[a-z0-9][a-z0-9.+-]{0,31}", re.ASCII)
_TYPE: Final = re.compile(r"[a-z0-9.+-]+/(\*|[a-z0-9.+-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change of a collection; ``None`` leaves it.

    Attributes:
        cover: Id of a picture of it; empty: the newest one, whichever that is.
        sort: ``date``, ``name``, ``taken`` or ``placed``.
    """

    title: str | None = None
    visibility: Visibility | None = None
    policy: Policy | None = None
    cover: str | None = None
    sort: str | None = None


class Collections:
    """Making, finding and changing collections."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id

    async def create(
        self,
        principal: Principal,
        name: str,
        *,
        title: str = "",
        visibility: Visibility = Visibility.PRIVATE,
        policy: Policy | None = None,
    ) -> Collection:
        """Make a collection; whoever makes it owns it.

        Raises:
            Invalid: The name is not URL-safe, or the policy has a fault.
            WrongState: ``already_exists``.
        """
        rights.require_account(principal)
        made = self._new(principal.account_id, name, title, visibility, policy or Policy())

        def work(connection: Connection) -> Collection:
            insert_collection(connection, made)
            self._note(connection, principal, made, "collection.created")
            return made

        return await self._database.write(work)

    def _note(
        self, connection: Connection, principal: Principal, about: Collection, action: str
    ) -> None:
        record(
            connection, at=self._clock(), account_id=principal.account_id, action=action,
            subject=about.id, details={"collection": about.name, "visibility": about.visibility.value},
        )  # fmt: skip

    def _new(
        self, owner_id: str, name: str, title: str, visibility: Visibility, policy: Policy
    ) -> Collection:
        if not _NAME.fullmatch(name):
            raise Invalid(
                "A collection's name has 1 to 100 of a-z, 0-9, - and _, and begins with a letter"
                " or digit.",
                field="name",
            )
        now = self._clock()
        return Collection(
            self._new_id(), name, title or name, visibility, owner_id, checked_policy(policy),
            0, now, now,
        )  # fmt: skip

    async def find(self, principal: Principal, name: str) -> Collection:
        """The collection, if the principal may see it."""
        found = await self._database.read(
            lambda connection: find_collection(connection, name, principal)
        )
        rights.require_view(principal, found.facts)
        return found

    async def list(self, principal: Principal) -> Sequence[Collection]:
        """Public collections and those that the principal owns or belongs to, by name."""
        return await self._database.read(lambda connection: list_collections(connection, principal))

    async def change(self, principal: Principal, name: str, changes: Changes) -> Collection:
        """Change what it is called, shows and takes; for whoever manages it.

        Raises:
            Invalid: The policy has a fault, or the cover is no picture of the collection.
        """

        def work(connection: Connection) -> Collection:
            found = find_collection(connection, name, principal)
            rights.require_manage(principal, found.facts)
            if changes.cover:
                require_cover(connection, found, changes.cover)
            changed = replace(
                found,
                title=found.title if changes.title is None else changes.title,
                visibility=changes.visibility or found.visibility,
                policy=checked_policy(changes.policy) if changes.policy else found.policy,
                cover_id=found.cover_id if changes.cover is None else changes.cover or None,
                sort=changes.sort or found.sort,
                updated_at=self._clock(),
            )
            statement = update(collections).where(collections.c.id == found.id)
            connection.execute(statement.values(**values_of(changed)))
            if changed.visibility is not found.visibility:
                note_purge(connection, [collection_tag(found.id)], now=changed.updated_at)
            self._note(connection, principal, changed, "collection.changed")
            return changed

        return await self._database.write(work)

    async def delete(self, principal: Principal, name: str) -> None:
        """Delete an empty collection. ``WrongState`` where files are in it."""

        def work(connection: Connection) -> None:
            found = find_collection(connection, name, principal)
            rights.require_manage(principal, found.facts)
            held = select(
                exists().where(files.c.collection_id == found.id, files.c.deleted_at.is_(None))
            )
            if connection.execute(held).scalar():
                raise WrongState("The collection still has files: delete them first.")
            give_up_deleted_of(connection, found.id, now=self._clock())
            connection.execute(delete(collections).where(collections.c.id == found.id))
            self._note(connection, principal, found, "collection.deleted")

        await self._database.write(work)

    async def members(self, principal: Principal, name: str) -> Members:
        """Who owns the collection and who belongs to it, for whoever manages it."""

        def work(connection: Connection) -> Members:
            found = find_collection(connection, name, principal)
            rights.require_manage(principal, found.facts)
            return list_members(connection, found)

        return await self._database.read(work)

    async def set_member(
        self, principal: Principal, name: str, account: str, role: MemberRole
    ) -> Member:
        """Give an account (by id or name) a role in the collection."""

        def work(connection: Connection) -> Member:
            found = find_collection(connection, name, principal)
            rights.require_manage(principal, found.facts)
            member = Member(account_id_of(connection, account), role)
            put_member(connection, principal, found, member, now=self._clock())
            return member

        return await self._database.write(work)

    async def remove_member(self, principal: Principal, name: str, account: str) -> None:
        """Take an account's role away; succeeds where it has none."""

        def work(connection: Connection) -> None:
            found = find_collection(connection, name, principal)
            rights.require_manage(principal, found.facts)
            account_id = account_id_of(connection, account)
            drop_member(connection, principal, found, account_id, now=self._clock())

        await self._database.write(work)


def checked_policy(policy: Policy) -> Policy:
    """The policy in its canonical form (lower case, dots in front), or ``Invalid``."""
    extensions = tuple(
        name if name.startswith(".") else f".{name}" for name in map(str.lower, policy.extensions)
    )
    types = tuple(name.lower() for name in policy.types)
    if any(not _EXTENSION.fullmatch(name) for name in extensions):
        raise Invalid("Extensions look like .zip.", field="policy.extensions")
    if any(not _TYPE.fullmatch(name) for name in types):
        raise Invalid("Types look like image/png or image/*.", field="policy.types")
    if policy.max_bytes is not None and not 1 <= policy.max_bytes <= 2**53:
        raise Invalid("max_bytes is a number of bytes from 1.", field="policy.max_bytes")
    if not 0 <= policy.points <= 1_000_000:  # noqa: PLR2004
        raise Invalid("points is 0 to 1000000.", field="policy.points")
    return msgspec.structs.replace(policy, extensions=extensions, types=types)


def require_cover(connection: Connection, collection: Collection, file_id: str) -> None:
    """``Invalid`` where the file is no published picture of the collection."""
    at = (files.c.id == file_id) & (files.c.collection_id == collection.id)
    shown = files.c.is_picture & files.c.deleted_at.is_(None) & files.c.taken_down_at.is_(None)
    if connection.execute(select(files.c.id).where(at, shown)).first() is None:
        raise Invalid("The cover is a picture of the collection.", field="cover")

"""Collections and who belongs to them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, and_, bindparam, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from cimaise.access import policy as rights
from cimaise.access.policy import MemberRole, Principal, Visibility
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, collections, files, memberships
from cimaise.database.upsert import upsert
from cimaise.errors import Invalid, NotFound, WrongState
from cimaise.library.giving_up import give_up_deleted_of
from cimaise.library.model import Collection, Policy
from cimaise.library.tags import collection_tag, note_purge

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)
_EXTENSION: Final = re.compile(r"\.[a-z0-9][a-z0-9.+-]{0,31}", re.ASCII)
_TYPE: Final = re.compile(r"[a-z0-9.+-]+/(\*|[a-z0-9.+-]+)", re.ASCII)
_KEEP_MEMBER: Final = upsert(memberships, ("collection_id", "account_id"), replace=("role",))


@dataclass(frozen=True, slots=True)
class Member:
    """An account's membership of a collection."""

    account_id: str
    role: MemberRole


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
        return await self._database.write(lambda connection: insert_collection(connection, made))

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
        return await self._database.read(lambda connection: _list(connection, principal))

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
            connection.execute(statement.values(**_values(changed)))
            if changed.visibility is not found.visibility:
                note_purge(connection, [collection_tag(found.id)], now=changed.updated_at)
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

        await self._database.write(work)

    async def set_member(
        self, principal: Principal, name: str, account: str, role: MemberRole
    ) -> Member:
        """Give an account (by id or name) a role in the collection."""

        def work(connection: Connection) -> Member:
            found, account_id = self._managed_member(connection, principal, name, account)
            connection.execute(
                _KEEP_MEMBER.values(
                    collection_id=found.id, account_id=account_id, role=role,
                    created_at=self._clock(),
                )
            )  # fmt: skip
            return Member(account_id, role)

        return await self._database.write(work)

    async def remove_member(self, principal: Principal, name: str, account: str) -> None:
        """Take an account's role away; succeeds where it has none."""

        def work(connection: Connection) -> None:
            found, account_id = self._managed_member(connection, principal, name, account)
            connection.execute(
                delete(memberships).where(
                    memberships.c.collection_id == found.id, memberships.c.account_id == account_id
                )
            )

        await self._database.write(work)

    @staticmethod
    def _managed_member(
        connection: Connection, principal: Principal, name: str, account: str
    ) -> tuple[Collection, str]:
        found = find_collection(connection, name, principal)
        rights.require_manage(principal, found.facts)
        for column in (accounts.c.id, accounts.c.name):  # a name may look like another's id
            known = select(accounts.c.id).where(column == account)
            account_id = connection.execute(known).scalar()
            if account_id is not None:
                return found, account_id
        raise NotFound("There is no such account.")


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


def insert_collection(connection: Connection, made: Collection) -> Collection:
    """Add a collection's row; ``WrongState`` where the name is taken."""
    try:
        with connection.begin_nested():
            connection.execute(insert(collections).values(id=made.id, **_values(made)))
    except IntegrityError as fault:
        raise WrongState("The name is taken.", code="already_exists") from fault
    return made


def find_collection(connection: Connection, name: str, principal: Principal) -> Collection:
    """The collection with the principal's membership; ``NotFound``. Checks no right."""
    values = {"of_name": name, "of_member": principal.account_id}
    row = connection.execute(_ONE, values).first()
    if row is None:
        raise NotFound("There is no such collection.")
    return collection_of(row)


def joined_membership(principal: Principal) -> Any:
    """``collections`` with the principal's membership beside each, where there is one."""
    return _joined_membership(principal.account_id)


def _joined_membership(account_id: Any) -> Any:
    mine = and_(
        memberships.c.collection_id == collections.c.id, memberships.c.account_id == account_id
    )
    return collections.outerjoin(memberships, mine)


COLLECTION_COLUMNS: Final = (
    *(column.label(f"collection_{column.name}") for column in collections.c),
    memberships.c.role.label("member_role"),
)

_ONE: Final = (
    select(*COLLECTION_COLUMNS)
    .select_from(_joined_membership(bindparam("of_member")))
    .where(collections.c.name == bindparam("of_name"))
)


def _selected(principal: Principal) -> Any:
    return select(*COLLECTION_COLUMNS).select_from(joined_membership(principal))


def _list(connection: Connection, principal: Principal) -> list[Collection]:
    statement = _selected(principal).order_by(collections.c.name)
    if not principal.is_admin:
        seen = [collections.c.visibility == Visibility.PUBLIC]
        if not principal.is_guest:
            seen += [
                collections.c.owner_id == principal.account_id,
                memberships.c.role.is_not(None),
            ]
        statement = statement.where(or_(*seen))
    return [collection_of(row) for row in connection.execute(statement)]


def collection_of(row: Row[Any]) -> Collection:
    """A row with :data:`COLLECTION_COLUMNS` as a value."""
    return Collection(
        id=row.collection_id,
        name=row.collection_name,
        title=row.collection_title,
        visibility=Visibility(row.collection_visibility),
        owner_id=row.collection_owner_id,
        policy=msgspec.convert(row.collection_policy, Policy),
        picture_count=row.collection_picture_count,
        created_at=row.collection_created_at,
        updated_at=row.collection_updated_at,
        cover_id=row.collection_cover_id,
        sort=row.collection_sort,
        member_role=MemberRole(row.member_role) if row.member_role else None,
    )


def _values(collection: Collection) -> dict[str, Any]:
    return {
        "name": collection.name,
        "title": collection.title,
        "visibility": collection.visibility.value,
        "owner_id": collection.owner_id,
        "policy": msgspec.to_builtins(collection.policy),
        "cover_id": collection.cover_id,
        "sort": collection.sort,
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
    }

"""Rows of collections: what is written and read of them, as steps of transactions."""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, and_, bindparam, insert, or_, select
from sqlalchemy.exc import IntegrityError

from cimaise.access.policy import MemberRole, Principal, Visibility, may_know_of
from cimaise.database.prepared import PreparedRow
from cimaise.database.schema import collections, memberships
from cimaise.errors import NotFound, WrongState
from cimaise.library.model import Collection, Policy


def insert_collection(connection: Connection, made: Collection) -> Collection:
    """Add a collection's row; ``WrongState`` where the name is taken."""
    try:
        with connection.begin_nested():
            connection.execute(insert(collections).values(id=made.id, **values_of(made)))
    except IntegrityError as fault:
        raise WrongState("The name is taken.", code="already_exists") from fault
    return made


def find_collection(connection: Connection, name: str, principal: Principal) -> Collection:
    """The collection with the principal's membership.

    Raises:
        NotFound: There is none, or none that the principal may know of. No other right is asked.
    """
    found = collection_named(connection, name, principal)
    if not may_know_of(principal, found.facts):
        raise _no_such()
    return found


def collection_named(connection: Connection, name: str, principal: Principal) -> Collection:
    """As :func:`find_collection`, for one that is known of for certain. Asks for no right."""
    values = {"of_name": name, "of_member": principal.account_id}
    row = _ONE.first(connection, values)
    if row is None:
        raise _no_such()
    return collection_of(row)


def _no_such() -> NotFound:
    return NotFound("There is no such collection.")


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

_ONE: Final = PreparedRow(
    select(*COLLECTION_COLUMNS)
    .select_from(_joined_membership(bindparam("of_member")))
    .where(collections.c.name == bindparam("of_name"))
)


def _selected(principal: Principal) -> Any:
    return select(*COLLECTION_COLUMNS).select_from(joined_membership(principal))


def list_collections(connection: Connection, principal: Principal) -> list[Collection]:
    """Public collections and those that the principal owns or belongs to, by name."""
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


def values_of(collection: Collection) -> dict[str, Any]:
    """A value as a row, but for its id."""
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

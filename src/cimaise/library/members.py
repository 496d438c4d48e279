"""Who belongs to a collection besides its owner, as steps of transactions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, select

from cimaise.access.policy import MemberRole, Principal
from cimaise.database.audit import record
from cimaise.database.schema import accounts, memberships
from cimaise.database.upsert import upsert
from cimaise.errors import NotFound
from cimaise.library.model import Collection

_KEEP: Final = upsert(memberships, ("collection_id", "account_id"), replace=("role",))


@dataclass(frozen=True, slots=True)
class Member:
    """An account's membership of a collection; ``name`` is empty where nobody asked for it."""

    account_id: str
    role: MemberRole
    name: str = ""


@dataclass(frozen=True, slots=True)
class Members:
    """Name of the account that owns a collection, and everybody else in it, by name."""

    owner: str
    members: Sequence[Member]


def list_members(connection: Connection, collection: Collection) -> Members:
    """Everybody in a collection."""
    owner = select(accounts.c.name).where(accounts.c.id == collection.owner_id)
    statement = (
        select(accounts.c.id, accounts.c.name, memberships.c.role)
        .join(memberships, memberships.c.account_id == accounts.c.id)
        .where(memberships.c.collection_id == collection.id)
        .order_by(accounts.c.name, accounts.c.id)
    )
    found = [
        Member(row.id, MemberRole(row.role), row.name) for row in connection.execute(statement)
    ]
    return Members(connection.execute(owner).scalar() or "", found)


def account_id_of(connection: Connection, account: str) -> str:
    """An account by its id or its name; ``NotFound``."""
    for column in (accounts.c.id, accounts.c.name):  # a name may look like another's id
        found = connection.execute(select(accounts.c.id).where(column == account)).scalar()
        if found is not None:
            return str(found)
    raise NotFound("There is no such account.")


def put_member(
    connection: Connection,
    principal: Principal,
    collection: Collection,
    member: Member,
    *,
    now: datetime,
) -> None:
    """Give a role, or another one, with an audit row."""
    connection.execute(
        _KEEP.values(
            collection_id=collection.id, account_id=member.account_id, role=member.role,
            created_at=now,
        )
    )  # fmt: skip
    details = {
        "collection": collection.name,
        "member": member.account_id,
        "role": member.role.value,
    }
    record(
        connection, at=now, account_id=principal.account_id, action="member.set",
        subject=collection.id, details=details,
    )  # fmt: skip


def drop_member(
    connection: Connection,
    principal: Principal,
    collection: Collection,
    account_id: str,
    *,
    now: datetime,
) -> None:
    """Take a role away, with an audit row where there was one."""
    dropped = connection.execute(
        delete(memberships).where(
            memberships.c.collection_id == collection.id, memberships.c.account_id == account_id
        )
    ).rowcount
    if dropped:
        record(
            connection, at=now, account_id=principal.account_id, action="member.removed",
            subject=collection.id, details={"collection": collection.name, "member": account_id},
        )  # fmt: skip

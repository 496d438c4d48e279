"""Whose account an identity at a provider is: linked by issuer and subject, and by nothing else.

A name or an e-mail address that is the same is no proof: nobody gets an account by claiming one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from cimaise.access.accounts.changes import require_other_admin
from cimaise.access.accounts.emails import require_email
from cimaise.access.accounts.names import distinct_name, is_chosen_name
from cimaise.access.accounts.rows import Account, account_by_email, account_by_id, add_account
from cimaise.access.policy import Role
from cimaise.database.audit import record
from cimaise.database.schema import accounts, identities
from cimaise.errors import Forbidden, Invalid, NotSignedIn, WrongState

_MOST_VALUES: Final = 1000


@dataclass(frozen=True, slots=True)
class Rules:
    """What claims mean here.

    Attributes:
        create: Whoever has no account gets one.
        name_claim: That a new account is named after.
        role_claim: With groups or roles; empty: roles are nobody's business but ours.
        admin_values: Of that claim, that make an administrator.
        member_values: That let a member in; empty: any, and none.
    """

    create: bool = False
    name_claim: str = "preferred_username"
    role_claim: str = ""
    admin_values: tuple[str, ...] = ()
    member_values: tuple[str, ...] = ()

    def role_of(self, claims: Mapping[str, Any]) -> Role | None:
        """What the claims make of somebody; ``None``: they say nothing of it.

        Raises:
            Forbidden: They let nobody in.
        """
        if not self.role_claim:
            return None
        values = _texts(claims.get(self.role_claim))
        if values & set(self.admin_values):
            return Role.ADMIN
        if self.member_values and not values & set(self.member_values):
            raise Forbidden("Your account at the provider may not sign in here.")
        return Role.MEMBER


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody at a provider."""

    issuer: str
    subject: str
    claims: Mapping[str, Any]


def find_account(connection: Connection, identity: Identity) -> Account | None:
    """The account that the identity is linked to, disabled or not."""
    statement = select(identities.c.account_id).where(
        identities.c.issuer == identity.issuer, identities.c.subject == identity.subject
    )
    account_id = connection.scalars(statement).one_or_none()
    return None if account_id is None else account_by_id(connection, account_id)


def account_of_identity(
    connection: Connection, identity: Identity, rules: Rules, new_id: str, now: datetime
) -> Account:
    """A step of a transaction: the account that signs in, made or given another role if need be.

    Raises:
        Forbidden: No account, and none is made; or the claims let nobody in.
        NotSignedIn: The account is disabled.
    """
    role = rules.role_of(identity.claims)
    account = find_account(connection, identity)
    if account is None:
        if not rules.create:
            raise Forbidden("There is no account here for you. Ask for an invitation.")
        return _make(connection, identity, rules, new_id, now)
    if account.disabled_at is not None:
        raise NotSignedIn("The account can't sign in.", code="bad_credentials")
    if role is not None and role is not account.role:
        return _change_role(connection, account, role, now)
    return account


def link(connection: Connection, identity: Identity, account_id: str, now: datetime) -> None:
    """A step of a transaction: from now on the identity signs in to the account.

    One identity of an issuer for each account: a former one is replaced.

    Raises:
        WrongState: ``already_exists``: it signs in to another account.
    """
    known = find_account(connection, identity)
    if known is not None and known.id != account_id:
        raise WrongState("This identity belongs to another account.", code="already_exists")
    if known is None:
        connection.execute(
            delete(identities).where(
                identities.c.account_id == account_id, identities.c.issuer == identity.issuer
            )
        )
        _add(connection, identity, account_id, now)


def _make(
    connection: Connection, identity: Identity, rules: Rules, new_id: str, now: datetime
) -> Account:
    email = _email(connection, identity.claims)
    role = rules.role_of(identity.claims) or Role.MEMBER
    unique = f"{identity.issuer} {identity.subject}"
    wanted = str(identity.claims.get(rules.name_claim) or "").strip().lower()
    names = [wanted] if is_chosen_name(wanted) else []
    for name in [*names, distinct_name(wanted, unique)]:
        account = Account(
            new_id, name, role, 0, None, None, None, now, email=email, is_self_named=True
        )
        if add_account(connection, account, by=None):
            _add(connection, identity, account.id, now)
            return account
    raise WrongState("Your account could not be made.", code="already_exists")


def _add(connection: Connection, identity: Identity, account_id: str, now: datetime) -> None:
    row = insert(identities).values(
        issuer=identity.issuer, subject=identity.subject, account_id=account_id, created_at=now
    )
    try:
        with connection.begin_nested():
            connection.execute(row)
    except IntegrityError as fault:  # somebody signed in twice at the same moment
        raise WrongState("Sign in again.", code="already_exists") from fault
    record(
        connection, at=now, account_id=account_id, action="identity.linked",
        subject=account_id, details={"issuer": identity.issuer, "subject": identity.subject},
    )  # fmt: skip


def _change_role(connection: Connection, account: Account, role: Role, now: datetime) -> Account:
    """As the provider says; but the last administrator stays one."""
    if role is Role.MEMBER:
        try:
            require_other_admin(connection, account.name)
        except WrongState:
            return account
    mine = accounts.c.id == account.id
    connection.execute(update(accounts).where(mine).values(role=role.value))
    record(
        connection, at=now, account_id=None, action="account.changed",
        subject=account.id, details={"name": account.name, "role": role.value},
    )  # fmt: skip
    changed = account_by_id(connection, account.id)
    assert changed is not None, "accounts are never deleted"
    return changed


def _email(connection: Connection, claims: Mapping[str, Any]) -> str | None:
    """An address that the provider has verified and nobody has here."""
    text = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(text, str):
        return None
    try:
        email = require_email(text)
    except Invalid:
        return None
    return None if account_by_email(connection, email) else email


def _texts(value: object) -> set[str]:
    """A text, or the texts of a list."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, list):
        return {one for one in value[:_MOST_VALUES] if isinstance(one, str)}
    return set()

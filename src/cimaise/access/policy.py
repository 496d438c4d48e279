"""Who may do what: pure functions of a principal and the facts of a thing.

Visibility: *public* is seen by all and listed; *unlisted* is seen by whoever knows the address;
*private* is seen by its owner, by those with a membership, and by admins. A disabled account
never becomes a principal.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from cimaise.errors import Forbidden, NotSignedIn


class Role(StrEnum):
    """What an account is."""

    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"  # nobody has signed in


class Visibility(StrEnum):
    """Who may see a collection or a file."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


class Scope(StrEnum):
    """What an API key can be limited to. None includes another.

    A key without ``admin`` among its scopes acts as a member's, whoever's it is.
    """

    READ = "read"  # see what the account may see, and fetch it
    UPLOAD = "upload"  # upload and publish
    MANAGE = "manage"  # change and delete files, collections, links and keys
    ADMIN = "admin"  # what only administrators may


class MemberRole(StrEnum):
    """What an account is to a collection of somebody else's; each includes those before it."""

    VIEWER = "viewer"
    CONTRIBUTOR = "contributor"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        account_id: The account; empty for a guest.
        name: Its name; empty for a guest.
        role: What it is.
        scopes: What its key is limited to; empty for all that the account may.
        session_id: The browser session that it came with, if it did.
        token_id: The upload token that it came with, if it did. Then it may do nothing but upload
            into one collection, and is no admin, whoever made the token.
        collection_id: That collection.
        shared_id: What a share link has opened: the :attr:`CollectionFacts.id` of an album.
        key_id: The API key that it came with, if it did; no part of who it is.
        lasts_until: When that credential ends, aware, ``NEVER`` where it does not; ``None``: nobody
            knows, so nothing that it allows may be remembered.
    """

    account_id: str
    name: str
    role: Role
    scopes: tuple[str, ...] = ()
    session_id: str | None = None
    token_id: str | None = None
    collection_id: str | None = None
    shared_id: str | None = None
    key_id: str | None = field(default=None, compare=False)
    lasts_until: datetime | None = field(default=None, compare=False)

    @property
    def is_guest(self) -> bool:
        """Nobody has signed in."""
        return self.role is Role.GUEST

    @property
    def is_admin(self) -> bool:
        """May do everything."""
        return self.role is Role.ADMIN and self.token_id is None


NEVER: Final = datetime.max.replace(tzinfo=UTC)
GUEST: Final = Principal("", "", Role.GUEST)


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """What decides about rights in a collection.

    Attributes:
        owner_id: Account that owns it.
        visibility: Who may see it.
        member_role: What the principal's membership says; ``None`` without one.
        is_open: Every account that is signed in may contribute.
        id: The collection's, or ``folder:`` and the name of a folder album; empty where neither
            an upload token nor a share link can be meant.
    """

    owner_id: str
    visibility: Visibility
    member_role: MemberRole | None = None
    is_open: bool = False
    id: str = ""


def require_account(principal: Principal) -> None:
    """Somebody has signed in, or ``NotSignedIn``."""
    if principal.is_guest:
        raise NotSignedIn("Sign in first.")


def require_admin(principal: Principal) -> None:
    """An admin, or ``NotSignedIn`` / ``Forbidden``."""
    require_account(principal)
    if not principal.is_admin:
        raise Forbidden("Only administrators may do this.")


def require_scope(principal: Principal, scope: Scope) -> None:
    """The key that came with the request covers ``scope``, or ``Forbidden``.

    A principal without scopes (a browser, a JWT, an unlimited key) is never refused here; whether
    anybody has signed in is not asked.
    """
    if principal.scopes and scope not in principal.scopes:
        raise Forbidden(f"The key is not made for this: it lacks the scope {scope}.")


def require_view(principal: Principal, facts: CollectionFacts) -> None:
    """May see the collection, or ``NotSignedIn`` / ``Forbidden``."""
    if not may_view(principal, facts):
        _refuse(principal)


def require_contribute(principal: Principal, facts: CollectionFacts) -> None:
    """May upload and publish into the collection, or ``NotSignedIn`` / ``Forbidden``."""
    if not may_contribute(principal, facts):
        _refuse(principal)


def require_manage(principal: Principal, facts: CollectionFacts) -> None:
    """May change the collection and all its files, or ``NotSignedIn`` / ``Forbidden``."""
    if not may_manage(principal, facts):
        _refuse(principal)


def may_view(principal: Principal, facts: CollectionFacts) -> bool:
    """May see the collection at an address that it knows."""
    if facts.visibility is not Visibility.PRIVATE or _is_shared(principal, facts):
        return True
    return not principal.is_guest and (_rules(principal, facts) or facts.member_role is not None)


def may_know_of(principal: Principal, facts: CollectionFacts) -> bool:
    """May learn that the collection exists; to all others it is as absent as one that is not.

    Names can be guessed, so this is asked before anything else. An upload token names its
    collection, whatever its maker may still do there.
    """
    return (
        may_view(principal, facts)
        or may_contribute(principal, facts)
        or (principal.token_id is not None and principal.collection_id == facts.id)
    )


def may_contribute(principal: Principal, facts: CollectionFacts) -> bool:
    """May upload and publish into the collection.

    With an upload token: if it is the token's, and whoever made the token still may.
    """
    if principal.is_guest or (principal.token_id and principal.collection_id != facts.id):
        return False
    return (
        principal.role is Role.ADMIN
        or principal.account_id == facts.owner_id
        or facts.is_open
        or facts.member_role in (MemberRole.CONTRIBUTOR, MemberRole.MANAGER)
    )


def may_manage(principal: Principal, facts: CollectionFacts) -> bool:
    """May change the collection and all its files; an upload token never does."""
    return not (principal.is_guest or principal.token_id) and (
        _rules(principal, facts) or facts.member_role is MemberRole.MANAGER
    )


def may_view_file(
    principal: Principal, facts: CollectionFacts, *, owner_id: str, visibility: Visibility | None
) -> bool:
    """May see a file: its own visibility, where it has one, is stronger than the collection's."""
    if not principal.is_guest and (principal.account_id == owner_id or principal.is_admin):
        return True
    if visibility is None:
        return may_view(principal, facts)
    return visibility is not Visibility.PRIVATE or (
        not principal.is_guest and (_rules(principal, facts) or facts.member_role is not None)
    )


def require_view_file(
    principal: Principal, facts: CollectionFacts, *, owner_id: str, visibility: Visibility | None
) -> None:
    """May see the file, or ``NotSignedIn`` / ``Forbidden``."""
    if not may_view_file(principal, facts, owner_id=owner_id, visibility=visibility):
        _refuse(principal)


def require_manage_file(principal: Principal, facts: CollectionFacts, *, owner_id: str) -> None:
    """May change or delete the file: whoever published it, or whoever manages the collection."""
    owns = not (principal.is_guest or principal.token_id) and principal.account_id == owner_id
    if not (owns or may_manage(principal, facts)):
        _refuse(principal)


def _is_shared(principal: Principal, facts: CollectionFacts) -> bool:
    return bool(facts.id) and principal.shared_id == facts.id


def _rules(principal: Principal, facts: CollectionFacts) -> bool:
    return principal.is_admin or principal.account_id == facts.owner_id


def _refuse(principal: Principal) -> None:
    require_account(principal)
    raise Forbidden("You may not do this here.")

import itertools

import pytest

from cimaise.access import policy
from cimaise.access.policy import (
    GUEST,
    CollectionFacts,
    MemberRole,
    Principal,
    Role,
    Scope,
    Visibility,
)
from cimaise.errors import Forbidden, NotSignedIn

ADMIN = Principal("a", "admin", Role.ADMIN)
OWNER = Principal("o", "owner", Role.MEMBER)
OTHER = Principal("x", "other", Role.MEMBER)
NOBODY_ID = Principal("", "", Role.GUEST)


def facts(visibility: Visibility, member_role: MemberRole | None = None, *, is_open: bool = False):
    return CollectionFacts("o", visibility, member_role, is_open=is_open)


EVERY = [
    facts(visibility, role, is_open=is_open)
    for visibility, role, is_open in itertools.product(
        Visibility, [None, *MemberRole], [False, True]
    )
]


@pytest.mark.parametrize("of", EVERY)
def test_admins_and_the_owner_may_everything(of: CollectionFacts):
    for principal in (ADMIN, OWNER):
        policy.require_view(principal, of)
        policy.require_contribute(principal, of)
        policy.require_manage(principal, of)
        policy.require_manage_file(principal, of, owner_id="x")
        policy.require_view_file(principal, of, owner_id="x", visibility=Visibility.PRIVATE)


@pytest.mark.parametrize("of", EVERY)
def test_a_guest_may_at_most_look_and_is_asked_to_sign_in_for_the_rest(of: CollectionFacts):
    assert policy.may_view(GUEST, of) == (of.visibility is not Visibility.PRIVATE)
    for refused in (policy.require_contribute, policy.require_manage):
        with pytest.raises(NotSignedIn):
            refused(GUEST, of)
    with pytest.raises(NotSignedIn):
        policy.require_manage_file(GUEST, of, owner_id="")


@pytest.mark.parametrize(
    ("role", "view", "contribute", "manage"),
    [
        (None, False, False, False),
        (MemberRole.VIEWER, True, False, False),
        (MemberRole.CONTRIBUTOR, True, True, False),
        (MemberRole.MANAGER, True, True, True),
    ],
)
def test_a_membership_of_a_private_collection_gives_what_its_name_says(
    role: MemberRole | None, view: bool, contribute: bool, manage: bool
):
    of = facts(Visibility.PRIVATE, role)
    assert policy.may_view(OTHER, of) is view
    assert policy.may_contribute(OTHER, of) is contribute
    assert policy.may_manage(OTHER, of) is manage


def test_an_open_collection_takes_files_of_every_account_but_of_no_guest():
    of = facts(Visibility.PUBLIC, is_open=True)
    assert policy.may_contribute(OTHER, of)
    assert not policy.may_contribute(GUEST, of)
    assert not policy.may_manage(OTHER, of)


def test_a_file_s_own_visibility_is_stronger_than_its_collection_s():
    public, private = facts(Visibility.PUBLIC), facts(Visibility.PRIVATE)
    for asking in (GUEST, OTHER):
        assert not policy.may_view_file(asking, public, owner_id="y", visibility=Visibility.PRIVATE)
        assert policy.may_view_file(asking, private, owner_id="y", visibility=Visibility.PUBLIC)
        assert policy.may_view_file(asking, public, owner_id="y", visibility=None)
        assert not policy.may_view_file(asking, private, owner_id="y", visibility=None)


def test_whoever_published_a_file_may_see_and_change_it():
    private = facts(Visibility.PRIVATE)
    policy.require_view_file(OTHER, private, owner_id="x", visibility=Visibility.PRIVATE)
    policy.require_manage_file(OTHER, private, owner_id="x")


def test_somebody_else_is_forbidden_rather_than_asked_to_sign_in():
    private = facts(Visibility.PRIVATE)
    with pytest.raises(Forbidden):
        policy.require_view(OTHER, private)
    with pytest.raises(Forbidden):
        policy.require_view_file(OTHER, private, owner_id="y", visibility=None)
    with pytest.raises(Forbidden):
        policy.require_manage_file(OTHER, private, owner_id="y")


def test_a_guest_owns_nothing_even_where_an_owner_is_missing():
    orphan = CollectionFacts("", Visibility.PRIVATE)
    assert not policy.may_view(NOBODY_ID, orphan)
    assert not policy.may_view_file(NOBODY_ID, orphan, owner_id="", visibility=Visibility.PRIVATE)


def test_only_admins_are_admins():
    policy.require_admin(ADMIN)
    with pytest.raises(Forbidden):
        policy.require_admin(OTHER)
    with pytest.raises(NotSignedIn):
        policy.require_admin(GUEST)


def test_a_key_without_scopes_may_all_and_one_with_scopes_only_those():
    limited = Principal("x", "other", Role.MEMBER, (Scope.READ, Scope.UPLOAD))
    for scope in Scope:
        policy.require_scope(OTHER, scope)
    policy.require_scope(limited, Scope.READ)
    policy.require_scope(limited, Scope.UPLOAD)
    for scope in (Scope.MANAGE, Scope.ADMIN):
        with pytest.raises(Forbidden, match=scope.value):
            policy.require_scope(limited, scope)

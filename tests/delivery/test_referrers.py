"""Whose pages may show what is ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.delivery.referrers import ReferrerRule

RULE = ReferrerRule(("friend.example", "*.family.example"), ("own.example",))


@pytest.mark.parametrize(
    ("referrer", "allowed"),
    [
        (None, True),
        ("", True),
        ("https://own.example/gallery", True),
        ("https://own.example", True),
        ("http://OWN.example:8080/x", True),
        ("https://friend.example/", True),
        ("https://friend.example./", True),
        ("https://www.friend.example/", False),
        ("https://a.family.example/", True),
        ("https://a.b.family.example/", True),
        ("https://family.example/", False),
        ("https://notfamily.example/", False),
        ("https://family.example.thief.test/", False),
        ("https://thief.test/?https://own.example/", False),
        ("https://own.example@thief.test/", False),
        ("https://thief.test/own.example", False),
        ("own.example", False),
        ("//own.example/", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("android-app://own.example", False),
        ("https://[::1", False),
        ("https://", False),
        ("https://own.example\\@thief.test/", False),
    ],
)
def test_a_list_of_hosts_decides(referrer: str | None, allowed: bool):
    assert RULE.allows(referrer) is allowed


def test_nothing_is_refused_without_a_rule():
    assert not ReferrerRule().is_active
    assert ReferrerRule().allows("https://thief.test/")


def test_a_missing_referrer_can_be_refused():
    rule = ReferrerRule(("friend.example",), ("own.example",), allows_none=False)
    assert not rule.allows(None)
    assert not rule.allows(" ")
    assert rule.allows("https://own.example/")


def test_without_hosts_any_page_may_embed_but_it_has_to_say_so():
    rule = ReferrerRule((), ("own.example",), allows_none=False)
    assert rule.allows("https://anybody.example/")
    assert not rule.allows(None)


def test_whoever_follows_a_link_to_the_file_embeds_nothing():
    assert RULE.allows("https://thief.test/", is_visit=True)


@given(st.text(max_size=60))
def test_any_text_is_decided_and_nothing_raises(referrer: str):
    assert RULE.allows(referrer) in (True, False)


@given(st.from_regex(r"[A-Za-z0-9.-]{0,40}", fullmatch=True))
def test_no_name_before_a_foreign_host_makes_it_a_friend(name: str):
    assert RULE.allows(f"https://{name}thief.test/") is False

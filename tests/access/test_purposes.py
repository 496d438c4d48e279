"""A token of one purpose is worthless for every other; and secrets rotate."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.links.links import PURPOSE as LINK
from cimaise.access.signing import Signer
from cimaise.errors import Forbidden
from cimaise.storage.signed_urls import SignedUrls
from cimaise.uploads.doors.companion_form import PURPOSE as FORM

NOW = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)
SECRETS = [bytes([letter]) * 32 for letter in b"abc"]
PURPOSES = (LINK, FORM, "files origin", "signed image")


def urls(secret: bytes, *former: bytes) -> SignedUrls:
    return SignedUrls(secret=secret, former=former, public_url="https://m.example", now=lambda: NOW)


def signed_url_token(secret: bytes) -> str:
    url = urls(secret).get("objects/" + "a" * 22, expires_at=NOW + timedelta(hours=1)).url
    return url.rpartition("/")[2]


def opens(call: Callable[[], object]) -> bool:
    try:
        call()
    except Forbidden as refusal:
        assert refusal.code == "bad_signature"
        return False
    return True


@given(st.sampled_from(PURPOSES), st.sampled_from(PURPOSES), st.binary(max_size=60))
def test_a_token_opens_for_its_own_purpose_only(made_for: str, asked: str, payload: bytes):
    signer = Signer(SECRETS[0])
    token = signer.sign(made_for, payload)
    assert opens(lambda: signer.open(asked, token)) is (made_for == asked)
    assert not opens(lambda: urls(SECRETS[0]).open_grant(token, NOW))


@given(st.text(max_size=30), st.text(max_size=30), st.binary(max_size=60))
def test_any_two_purposes_are_strangers(one: str, other: str, payload: bytes):
    signer = Signer(SECRETS[0])
    assert opens(lambda: signer.open(other, signer.sign(one, payload))) is (one == other)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_signed_storage_url_is_no_token_of_another_purpose(purpose: str):
    token = signed_url_token(SECRETS[0])
    assert urls(SECRETS[0]).open_grant(token, NOW)
    assert not opens(lambda: Signer(SECRETS[0]).open(purpose, token))


@given(
    st.integers(0, 2),
    st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True),
    st.binary(max_size=60),
)
def test_what_was_signed_is_good_as_long_as_its_secret_is_listed(
    signed_by: int, listed: list[int], payload: bytes
):
    now_first, *former = (SECRETS[number] for number in listed)
    today = Signer(now_first, former)
    token = Signer(SECRETS[signed_by]).sign(LINK, payload)
    assert opens(lambda: today.open(LINK, token)) is (signed_by in listed)
    assert today.sign(LINK, payload) == Signer(now_first).sign(LINK, payload)  # the first signs
    url = signed_url_token(SECRETS[signed_by])
    assert opens(lambda: urls(now_first, *former).open_grant(url, NOW)) is (signed_by in listed)


def test_a_short_secret_is_refused_wherever_it_stands():
    with pytest.raises(ValueError, match="16 bytes"):
        Signer(SECRETS[0], [b"short"])
    with pytest.raises(ValueError, match="16 bytes"):
        urls(SECRETS[0], b"short")

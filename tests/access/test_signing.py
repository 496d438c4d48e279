import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.signing import Signer
from cimaise.errors import Forbidden

SIGNER = Signer(b"0123456789abcdef0123456789abcdef")


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_was_signed_is_given_back(payload: bytes, purpose: str):
    token = SIGNER.sign(purpose, payload)
    assert SIGNER.open(purpose, token) == payload
    assert token.isascii()
    assert not set(token) & set("+/=%?&# ")


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{0,60}"))
def test_any_other_text_is_a_bad_signature(text: str):
    with pytest.raises(Forbidden) as caught:
        SIGNER.open("link", text)
    assert caught.value.code == "bad_signature"


@given(st.integers(min_value=0), st.characters(codec="utf-8"))
def test_a_token_with_one_changed_character_is_refused(place: int, other: str):
    token = SIGNER.sign("link", b"some payload that is signed")
    at = place % len(token)
    changed = token[:at] + other + token[at + 1 :]
    if changed != token:
        with pytest.raises(Forbidden):
            SIGNER.open("link", changed)


def test_a_token_of_one_purpose_is_useless_for_another():
    token = SIGNER.sign("link", b"payload")
    for purpose in ("csrf", "link\x01", "", "Link"):
        with pytest.raises(Forbidden):
            SIGNER.open(purpose, token)


def test_a_token_of_another_secret_is_refused():
    with pytest.raises(Forbidden):
        Signer(b"another secret, long enough").open("link", SIGNER.sign("link", b"payload"))


def test_another_spelling_of_the_same_base64_is_refused():
    head, tail = SIGNER.sign("link", b"a").split(".")  # one byte leaves four unused bits
    for spelling in ("YR", "YQ==", "YQ=", " YQ", "YQ\n"):
        assert spelling != head
        with pytest.raises(Forbidden):
            SIGNER.open("link", f"{spelling}.{tail}")


def test_a_payload_that_cannot_be_read_is_not_taken_for_an_empty_one():
    _, tail = SIGNER.sign("link", b"").split(".")
    assert SIGNER.open("link", f".{tail}") == b""
    for head in ("!", "A", "====", "\N{SNOWMAN}"):
        with pytest.raises(Forbidden):
            SIGNER.open("link", f"{head}.{tail}")


def test_a_huge_token_is_refused_unread():
    huge = base64.urlsafe_b64encode(bytes(3_000_000)).decode()
    with pytest.raises(Forbidden):
        SIGNER.open("link", f"{huge}.{huge}")


def test_a_short_secret_is_refused_at_the_start():
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Signer(b"short")

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Invalid
from cimaise.storage.keys import (
    MAX_KEY_LENGTH,
    incoming_key,
    is_valid_key,
    object_key,
    require_key,
)


def test_an_incoming_key_is_the_id_below_incoming():
    assert incoming_key("0123abcd") == "incoming/0123abcd"
    assert incoming_key(lambda: "made-now") == "incoming/made-now"


def test_an_object_key_is_spread_over_two_levels():
    key = object_key("0123abcd")
    assert re.fullmatch(r"objects/[0-9a-f]{2}/[0-9a-f]{2}/0123abcd", key)
    assert object_key(lambda: "0123abcd") == key


def test_ids_in_a_row_are_spread_as_well():
    shards = {object_key(f"id{number:06}").rpartition("/")[0] for number in range(200)}
    assert len(shards) > 190


@pytest.mark.parametrize(
    "bad", ["", "abc", "a/b/c/d", "../..", "with space", "ünïcode", "x" * 129, "a\nbcd", "abcd\n"]
)
def test_what_could_be_a_users_text_is_no_id(bad):
    with pytest.raises(ValueError, match="id of a key"):
        incoming_key(bad)
    with pytest.raises(ValueError, match="id of a key"):
        object_key(lambda: bad)


@given(st.from_regex(r"[A-Za-z0-9_-]{4,128}", fullmatch=True))
def test_every_key_that_is_made_is_valid(new_id):
    assert is_valid_key(incoming_key(new_id))
    assert is_valid_key(object_key(new_id))


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/..",
        "a/./b",
        ".a",
        "a/.b",
        "tmp/a",
        "multipart/a",
        "tmp",
        "a b",
        "a\\b",
        "a%2fb",
        "é",
        "a\0",
        "a\n",
        "x" * (MAX_KEY_LENGTH + 1),
    ],
)
def test_what_could_leave_the_root_is_no_key(bad):
    assert not is_valid_key(bad)
    with pytest.raises(Invalid):
        require_key(bad)


@given(st.text(max_size=40))
def test_a_valid_key_is_plain_and_stays_below_the_root(text):
    if is_valid_key(text):
        assert text.isascii()
        assert all(part and not part.startswith(".") for part in text.split("/"))

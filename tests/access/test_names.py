import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.accounts.names import is_id, is_name, name_of_subject, require_name
from cimaise.errors import Invalid


@pytest.mark.parametrize("name", ["a", "0", "ann", "ann.b-c_d", "a" * 63])
def test_a_fair_name_is_accepted(name: str):
    require_name(name)
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Ann",
        ".ann",
        "-ann",
        "_ann",
        "a" * 64,
        "a b",
        "ann\n",
        "ann~0123456789abcdef",
        "änn",
        "a/b",
        "\0",
    ],
)
def test_any_other_name_is_refused_with_its_field(name: str):
    with pytest.raises(Invalid) as caught:
        require_name(name)
    assert caught.value.field == "name"


@given(st.text(min_size=1, max_size=255))
def test_every_subject_has_a_name_that_can_be_looked_up(subject: str):
    name = name_of_subject(subject)
    assert is_name(name)
    assert len(name) <= 100
    assert name == name_of_subject(subject)


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_different_subjects_never_share_a_name(one: str, other: str):
    assert (name_of_subject(one) == name_of_subject(other)) == (one == other)


@pytest.mark.parametrize(
    "subject", ["Admin", "admin!", " admin", "ADMIN", "admin\u200b", "-admin-"]
)
def test_what_only_looks_like_a_name_does_not_get_it(subject: str):
    assert name_of_subject(subject).startswith("admin~")


def test_the_name_made_for_one_subject_cannot_be_had_by_asking_for_it():
    made = name_of_subject("Ann@Example.org")
    assert made.startswith("ann-example-org~")
    assert name_of_subject(made) != made
    with pytest.raises(Invalid):
        require_name(made)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id000001", True),
        ("A-b_9", True),
        ("", False),
        ("a" * 65, False),
        ("a\0", False),
        ("a/b", False),
        ("\ud800", False),
    ],
)
def test_only_what_could_be_an_id_is_looked_up(text: str, expected: bool):
    assert is_id(text) is expected

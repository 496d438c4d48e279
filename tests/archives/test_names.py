"""Names in an archive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.archives.names import unique_names


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        ([], []),
        (["a.jpg", "b.jpg"], ["a.jpg", "b.jpg"]),
        (["a.jpg", "a.jpg", "a.jpg"], ["a.jpg", "a (2).jpg", "a (3).jpg"]),
        (["a.jpg", "A.JPG"], ["a.jpg", "A (2).JPG"]),
        (["a (2).jpg", "a.jpg", "a.jpg"], ["a (2).jpg", "a.jpg", "a (3).jpg"]),
        (["\u00e9.jpg", "e\u0301.jpg"], ["\u00e9.jpg", "\u00e9 (2).jpg"]),
        (["../../etc/passwd", "/etc/passwd"], ["passwd", "passwd (2)"]),
        (["C:\\boot.ini", "con", ""], ["boot.ini", "_con", "file"]),
        (["写真.jpg", "写真.jpg"], ["写真.jpg", "写真 (2).jpg"]),
        (["README", "readme"], ["README", "readme (2)"]),
    ],
)
def test_names_are_safe_and_differ(names: list[str], unique: list[str]):
    assert unique_names(names) == unique


@given(st.lists(st.text(max_size=12), max_size=30))
def test_any_names_become_as_many_different_ones(names: list[str]):
    unique = unique_names(names)
    assert len(unique) == len(names)
    assert len({name.casefold() for name in unique}) == len(names)
    assert all(name and "/" not in name and len(name.encode()) <= 255 for name in unique)


@pytest.mark.slow
def test_ten_thousand_of_one_name_are_quick_to_tell_apart():
    assert len(set(unique_names(["a" * 255] * 10_000))) == 10_000

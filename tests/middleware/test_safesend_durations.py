import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.middleware.safesend import parse_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("10s", 10.0),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("1.5s", 1.5),
        (" 10 s ", 10.0),
        ("30", 30.0),
        (10, 10.0),
        (0.25, 0.25),
    ],
)
def test_a_duration_is_read_as_seconds(written, seconds):
    assert parse_duration(written) == pytest.approx(seconds)


def test_none_is_no_time_out():
    assert parse_duration(None) is None


@pytest.mark.parametrize(
    "written",
    [
        "",
        "s",
        "ten",
        "10 parsecs",
        "-1s",
        "1e3",
        "0",
        "0ms",
        "1s2s",
        "10S",
        "١٠s",
        "9" * 400,
        "nan",
    ],
)
def test_a_text_that_is_no_duration_is_refused_with_the_form_it_should_have(written):
    with pytest.raises(ValueError, match="500ms"):
        parse_duration(written)


@pytest.mark.parametrize("number", [0, -1, -0.5, float("nan"), float("inf")])
def test_a_number_that_is_no_time_is_refused(number):
    with pytest.raises(ValueError, match="seconds above zero"):
        parse_duration(number)


@pytest.mark.parametrize("value", [True, [], b"10s"])
def test_what_is_neither_text_nor_number_is_refused(value):
    with pytest.raises(TypeError):
        parse_duration(value)


@given(st.text())
def test_any_text_is_a_time_above_zero_or_refused(text):
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert seconds is not None
    assert 0 < seconds < float("inf")

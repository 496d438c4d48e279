from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.secret_texts import (
    digest_of,
    is_key,
    is_opaque,
    new_key,
    new_opaque,
)


@given(st.binary(min_size=24, max_size=24))
def test_every_key_is_recognised_and_has_one_length(raw: bytes):
    text = new_key(lambda _count: raw)
    assert text.startswith("cim_")
    assert len(text) == 43
    assert text.removeprefix("cim_").isalnum()
    assert is_key(text)


@given(st.text(max_size=60) | st.from_regex(r"cim_[0-9A-Za-z]{39}"))
def test_any_text_is_a_key_or_not_without_a_fault(text: str):
    assert is_key(text) in (True, False)
    assert is_opaque(text) in (True, False)


@given(st.integers(min_value=4, max_value=42), st.sampled_from("019AZaz_-"))
def test_a_mistyped_key_is_noticed(place: int, other: str):
    text = new_key(lambda count: bytes(range(count)))
    mistyped = text[:place] + other + text[place + 1 :]
    assert is_key(mistyped) == (mistyped == text)


def test_the_greatest_number_still_fits_a_key():
    assert is_key(new_key(lambda count: b"\xff" * count))


def test_a_trailing_newline_makes_no_key():
    text = new_key(bytes)
    assert not is_key(text + "\n")
    assert not is_opaque(new_opaque(bytes) + "\n")


def test_cookies_have_256_bits():
    asked: list[int] = []

    def random_bytes(count: int) -> bytes:
        asked.append(count)
        return bytes(count)

    assert is_opaque(new_opaque(random_bytes))
    assert asked == [32]


def test_what_is_kept_is_the_sha256():
    assert digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

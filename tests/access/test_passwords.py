import asyncio
import threading

import pytest
from argon2 import extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.accounts.password_rules import require_hard_to_guess
from cimaise.access.accounts.passwords import MAX_BYTES, Costs, Passwords, require_size
from cimaise.errors import Invalid, Unavailable
from tests.kit.access import CHEAP


async def test_a_password_is_kept_as_argon2id_with_the_costs_that_are_set():
    kept = await Passwords(Costs(memory_kib=128, passes=3, lanes=2)).hash("mongoose tale")
    found = extract_parameters(kept)
    assert kept.startswith("$argon2id$")
    assert (found.memory_cost, found.time_cost, found.parallelism) == (128, 3, 2)


async def test_the_costs_of_owasp_are_the_default():
    found = extract_parameters(await Passwords().hash("mongoose tale"))
    assert (found.memory_cost, found.time_cost, found.parallelism) == (19 * 1024, 2, 1)


async def test_the_same_text_in_another_form_of_unicode_is_the_same_password():
    passwords = Passwords(CHEAP)
    kept = await passwords.hash("Z\u00fcrich \u2460")
    assert await passwords.verify(kept, "Zu\u0308rich 1")
    assert not await passwords.verify(kept, "Zurich 1")


async def test_nobody_s_password_is_worked_at_and_never_right():
    passwords = Passwords(CHEAP)
    assert not await passwords.verify(None, "mongoose tale")
    assert not await passwords.verify("no hash at all", "mongoose tale")
    assert not await passwords.verify(await passwords.hash("x" * 8), "\ud800" * 8)


async def test_grown_costs_are_noticed():
    kept = await Passwords(CHEAP).hash("mongoose tale")
    assert not Passwords(CHEAP).is_outgrown(kept)
    assert Passwords(Costs(memory_kib=128, passes=1)).is_outgrown(kept)


async def test_no_more_than_the_set_number_are_worked_at_and_no_more_than_a_hundred_wait(
    monkeypatch: pytest.MonkeyPatch,
):
    passwords = Passwords(Costs(memory_kib=64, passes=1, at_once=2))
    gate, two, working, most = threading.Event(), threading.Event(), 0, 0
    lock = threading.Lock()

    def slow(_kept: str, _password: str) -> bool:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
            if working == 2:
                two.set()
        gate.wait(10)
        with lock:
            working -= 1
        return False

    kept = await passwords.hash("mongoose tale")
    await passwords.verify(None, "x")  # makes what nobody's is compared with
    monkeypatch.setattr(passwords, "_verified", slow)
    waiting = [asyncio.ensure_future(passwords.verify(kept, "x")) for _ in range(100)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refused:
        await passwords.verify(kept, "x")
    assert refused.value.code == "busy"
    assert await asyncio.to_thread(two.wait, 10)
    waiting[0].cancel()  # whoever gives up leaves the thread working, and its place taken
    gate.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert most == 2
    monkeypatch.undo()
    assert await passwords.verify(kept, "mongoose tale")


@given(st.text())
def test_a_size_is_right_or_refused(text: str):
    try:
        kept = require_size(text, 8)
    except Invalid as refusal:
        assert refusal.field == "password"
        return
    assert len(kept) >= 8
    assert len(kept.encode()) <= MAX_BYTES


@pytest.mark.parametrize("size", [MAX_BYTES, MAX_BYTES + 1])
def test_1024_bytes_are_the_most(size: int):
    if size > MAX_BYTES:
        with pytest.raises(Invalid, match="at most 1024 bytes"):
            require_size("x" * size, 8)
    else:
        assert require_size("x" * size, 8)


@pytest.mark.parametrize(
    "password",
    ["password", "12345678", "qwertyuiop", "aaaaaaaaaaaa", "letmein!", "maria-01", "Cimaise1"],
)
def test_what_is_guessed_first_is_refused(password: str):
    with pytest.raises(Invalid, match="first that are guessed"):
        require_hard_to_guess(password, "maria", "maria@example.org")


@pytest.mark.parametrize(
    "password", ["mongoose tale", "kx9$ab2q", "соль и перец", "x" + "7rT!" * 20]
)
def test_no_composition_is_asked_for(password: str):
    require_hard_to_guess(password, "maria")

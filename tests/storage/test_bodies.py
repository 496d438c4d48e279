import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Invalid, TooLarge
from cimaise.storage.bodies import HOP_BYTES, Cut, counted, gathered

chunks = st.lists(st.binary(max_size=12), max_size=30)


async def each(pieces):
    for piece in pieces:
        yield piece


async def all_of(body):
    return [piece async for piece in body]


@given(chunks)
async def test_counting_passes_on_every_byte_and_no_empty_chunk(pieces):
    whole = b"".join(pieces)
    got = await all_of(counted(each(pieces), size=len(whole), max_bytes=len(whole)))
    assert b"".join(got) == whole
    assert all(got)


@given(chunks, st.integers(0, 200))
async def test_counting_passes_on_nothing_beyond_the_declared_length(pieces, size):
    got = []

    async def take():
        async for piece in counted(each(pieces), size=size):
            got.append(piece)

    if len(b"".join(pieces)) == size:
        await take()
        assert len(b"".join(got)) == size
    else:
        with pytest.raises(Invalid) as caught:
            await take()
        assert caught.value.code == "size_mismatch"
        # a service that was told the length must never have all of it
        assert len(b"".join(got)) < size or size == 0


async def test_a_limit_names_itself():
    with pytest.raises(TooLarge) as caught:
        await all_of(counted(each([b"123", b"45"]), max_bytes=4))
    assert caught.value.limit is not None
    assert (caught.value.limit.name, caught.value.limit.value) == ("max_bytes", 4)


async def test_gathering_waits_for_half_a_mebibyte():
    pieces = [b"x" * 100_000] * 13
    lists = await all_of(gathered(each(pieces)))
    assert [sum(map(len, found)) for found in lists] == [600_000, 600_000, 100_000]
    assert HOP_BYTES == 512 * 1024


async def test_gathering_tiny_chunks_gives_lists_that_one_call_can_write():
    pieces = [b"x"] * 600_000
    lists = await all_of(gathered(each(pieces)))
    assert sum(len(piece) for found in lists for piece in found) == 600_000
    assert max(map(len, lists)) <= 512


@given(chunks, st.lists(st.integers(0, 40), max_size=12))
async def test_cutting_gives_each_stretch_its_bytes(pieces, lengths):
    whole = b"".join(pieces)
    cut = Cut(counted(each(pieces)))
    start = 0
    for length in lengths:
        got = b"".join(await all_of(cut.take(length)))
        assert got == whole[start : start + length]
        start += length

"""The short way of a form's files: from the connection's own memory to whoever stores them."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Malformed, TooLarge
from cimaise.storage.bodies import Piece, Take
from cimaise.uploads.doors.multipart_form import Field, FileBytes, FileStart, Form
from tests.uploads.test_multipart_form import TYPE, form, part


class Body:
    """Gives its bytes as a connection does: pieces of any length, never more than asked for."""

    def __init__(self, content: bytes, step: int) -> None:
        self._rest = content
        self._step = step

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in list[bytes]():  # the short way is open: nobody comes here
            yield chunk

    async def pour(self, take: Take, most: int) -> bool:
        while most > 0 and self._rest:
            count = min(self._step, most)
            buffer = bytearray(self._rest[:count])
            self._rest = self._rest[count:]
            take(memoryview(buffer))
            buffer[:] = bytes(len(buffer))  # it is filled again by another connection
            most -= count
        return bool(self._rest)


async def poured(source: FileBytes, most: int) -> bytes:
    """A file, in strides of ``most``."""
    assert source.pour is not None
    pieces: list[bytes] = []
    more = True
    while more:
        before = sum(map(len, pieces))
        more = await source.pour(lambda piece: pieces.append(bytes(piece)), most)
        assert sum(map(len, pieces)) - before <= most
    return b"".join(pieces)


async def files_of(body: bytes, *, step: int, most: int) -> list[bytes]:
    """All files of a form."""
    read = Form(Body(body, step), TYPE)
    files = []
    while (event := await read.next()) is not None:
        if isinstance(event, FileStart):
            files.append(await poured(FileBytes(read), most))
    return files


@given(
    st.lists(
        st.lists(st.sampled_from([b"a", b"\r", b"\n", b"-", b"X", b"\r\n--X"])).map(b"".join),
        max_size=4,
    ),
    st.integers(1, 60),
    st.integers(1, 60),
)
async def test_every_file_comes_whole_however_the_body_is_cut(bodies, step, most):
    bodies = [body for body in bodies if b"\r\n--XX" not in b"\r\n" + body + b"\r\n"]
    parts = [part('name="f"; filename="x"', body) for body in bodies]
    assert await files_of(form(*parts), step=step, most=most) == bodies


@pytest.mark.parametrize("step", [1, 7, 1000])
async def test_a_file_that_is_refused_in_the_middle_leaves_the_form_readable(step: int):
    body = form(part('name="f"; filename="x"', b"x" * 500), part('name="note"', b"still here"))
    read = Form(Body(body, step), TYPE)
    assert isinstance(await read.next(), FileStart)
    source = FileBytes(read)
    assert source.pour is not None

    def refuse(piece: Piece) -> None:
        raise TooLarge("no")

    with pytest.raises(TooLarge):
        await source.pour(refuse, 1_000_000)
    await source.skip()
    assert await read.next() == Field("note", "still here")


@pytest.mark.parametrize("most", [1, 50, 1_000_000])
async def test_a_form_that_breaks_off_in_a_file_is_refused(most: int):
    body = form(part('name="f"; filename="x"', b"x" * 500))[:-20]
    with pytest.raises(Malformed):
        await files_of(body, step=64, most=most)

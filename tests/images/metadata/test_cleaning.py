"""What is taken out of a file is looked for once, of many files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from cimaise.images.metadata.cleaning import Cleaner
from tests.kit.private_pictures import SERIAL, chunk, exif, png_with

FILE = png_with(chunk(b"eXIf", exif()))


@dataclass(frozen=True)
class Bytes:
    """Some bytes, once."""

    body: bytes

    @property
    async def chunks(self) -> AsyncIterator[bytes]:
        """All of them."""
        yield self.body


class Opened:
    """Files, and how often they were opened."""

    count = 0

    @asynccontextmanager
    async def open(self, start: int, stop: int) -> AsyncIterator[Bytes]:
        """Some bytes of any of them."""
        self.count += 1
        yield Bytes(FILE[start:stop])


async def read(cleaner: Cleaner, opened: Opened, versions: range) -> None:
    for number in versions:
        opener = await cleaner.cleaned(f"version {number}", len(FILE), opened.open)
        async with opener(0, len(FILE)) as reading:
            assert SERIAL not in b"".join([piece async for piece in reading.chunks])


async def test_of_a_thousand_files_nothing_is_looked_for_twice():
    cleaner, opened = Cleaner(), Opened()
    await read(cleaner, opened, range(1000))
    opened.count = 0
    await read(cleaner, opened, range(1000))
    assert opened.count == 1000  # only what is sent


async def test_what_is_kept_has_a_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cimaise.images.metadata.cleaning._MOST_KEPT_BYTES", 10_000)
    cleaner, opened = Cleaner(), Opened()
    await read(cleaner, opened, range(100))
    assert 0 < cleaner._kept_bytes <= 10_000
    assert 0 < len(cleaner._known) < 20

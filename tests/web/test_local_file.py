"""Files of folder albums: nothing stays open, whoever leaves."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from cimaise.albums.model import AlbumFile
from cimaise.web.replies import local_file
from cimaise.web.replies.local_file import open_local_file

LIMIT_S = 20


def album_file(path: Path) -> AlbumFile:
    path.write_bytes(b"picture")
    facts = path.stat()
    return AlbumFile(path, facts.st_size, facts.st_mtime_ns, "image/jpeg", "etag", public=True)


async def test_a_file_that_is_opened_for_somebody_who_has_left_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file, real = album_file(tmp_path / "a.jpg"), local_file._open_same
    begun, may_open, opened = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()

    def slowly(file: AlbumFile) -> int:
        loop.call_soon_threadsafe(begun.set)
        assert may_open.wait(LIMIT_S)
        opened.append(real(file))
        return opened[0]

    async def read() -> None:
        async with open_local_file(file)(0, 7):
            pass

    monkeypatch.setattr(local_file, "_open_same", slowly)
    closed, close = asyncio.Event(), os.close

    def noted(descriptor: int) -> None:
        close(descriptor)
        if descriptor in opened:
            closed.set()

    monkeypatch.setattr("os.close", noted)
    reading = asyncio.create_task(read())
    async with asyncio.timeout(LIMIT_S):
        await begun.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        may_open.set()
        await closed.wait()

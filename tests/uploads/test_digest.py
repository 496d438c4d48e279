"""Hashing a file by its descriptor."""

import asyncio
import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cimaise.errors import BrokenTransfer
from cimaise.uploads.digest import hash_and_close, hashed_in_thread


def opened(folder: Path, content: bytes) -> int:
    path = folder / "object"
    path.write_bytes(content)
    return os.open(path, os.O_RDONLY)


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 2_500_000])
def test_it_is_the_sum_of_all_bytes_and_the_descriptor_is_closed(tmp_path, size):
    content = os.urandom(size)
    descriptor = opened(tmp_path, content)
    assert hash_and_close(descriptor, size) == hashlib.sha256(content).hexdigest()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_bytes_that_came_after_the_size_was_known_do_not_count(tmp_path):
    descriptor = opened(tmp_path, b"whole and more")
    assert hash_and_close(descriptor, 5) == hashlib.sha256(b"whole").hexdigest()


def test_a_file_that_shrank_has_no_sum(tmp_path):
    descriptor = opened(tmp_path, b"shor")
    with pytest.raises(BrokenTransfer, match="shorter"):
        hash_and_close(descriptor, 5)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


async def test_a_descriptor_that_waits_for_a_thread_is_closed_where_nobody_waits_for_it(
    tmp_path: Path,
):
    (tmp_path / "file").write_bytes(b"whole")
    loop, may_end = asyncio.get_running_loop(), threading.Event()
    with ThreadPoolExecutor(1) as threads:
        loop.set_default_executor(threads)
        threads.submit(may_end.wait, 20)
        descriptor = os.open(tmp_path / "file", os.O_RDONLY)
        hashing = asyncio.create_task(hashed_in_thread(descriptor, 5))
        await asyncio.sleep(0)
        hashing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hashing
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
        may_end.set()

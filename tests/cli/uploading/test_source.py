"""The file that is sent, and what happens to it meanwhile."""

import base64
import hashlib
import os
from pathlib import Path

import pytest

from cimaise.cli.uploading.source import (
    CHUNK_BYTES,
    look_at,
    read_slice,
    require_unchanged,
    sha256_base64,
)
from cimaise.errors import Invalid, PreconditionFailed
from tests.kit.bodies import content

WHOLE = content(CHUNK_BYTES * 2 + 100)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "noise.bin"
    made.write_bytes(WHOLE)
    return made


async def test_a_slice_is_read_in_chunks_and_each_is_told(file: Path):
    told: list[int] = []
    read = [chunk async for chunk in read_slice(look_at(file), 50, CHUNK_BYTES + 150, told.append)]
    assert b"".join(read) == WHOLE[50 : CHUNK_BYTES + 150]
    assert told == [CHUNK_BYTES, 100]
    assert max(map(len, read)) <= CHUNK_BYTES


async def test_a_file_that_became_shorter_is_noticed_while_it_is_read(file: Path):
    source = look_at(file)
    os.truncate(file, 10)
    with pytest.raises(PreconditionFailed, match="cut short"):
        [chunk async for chunk in read_slice(source, 0, source.size, lambda _count: None)]


def test_a_file_that_was_written_to_is_noticed(file: Path):
    source = look_at(file)
    require_unchanged(source)
    os.utime(file, ns=(source.mtime_ns, source.mtime_ns + 1))
    with pytest.raises(PreconditionFailed, match="changed"):
        require_unchanged(source)


def test_a_file_that_was_removed_is_noticed(file: Path):
    source = look_at(file)
    file.unlink()
    with pytest.raises(PreconditionFailed, match="removed"):
        require_unchanged(source)


def test_what_cannot_be_read_or_has_no_length_is_refused(tmp_path: Path):
    with pytest.raises(Invalid, match="cannot be read"):
        look_at(tmp_path / "absent")
    with pytest.raises(Invalid, match="no file with a length"):
        look_at(Path("/dev/null"))


async def test_the_checksum_is_the_one_that_the_server_compares(file: Path):
    expected = base64.b64encode(hashlib.sha256(WHOLE).digest()).decode()
    assert await sha256_base64(look_at(file)) == expected

"""What is read for a delivery: what was asked for, and nothing before it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from cimaise.database.schema import files
from tests.delivery.conftest import Site
from tests.kit.delivery_client import ask, connect
from tests.kit.sending import make_collection, publish_file

SIZE = 100 * 1024**3
TAIL = bytes(range(256)) * 4


class Reads:
    """Every read of the process from now on, as (position, bytes), whichever way it is done."""

    def __init__(self, path: Path) -> None:
        self._file = (path.stat().st_dev, path.stat().st_ino)
        self.done: list[tuple[int, int]] = []

    def watch(self, name: str, place: Callable[..., int]) -> Callable[..., Any]:
        real = getattr(os, name)

        def watched(*args: Any) -> Any:
            result = real(*args)
            source = os.fstat(args[1] if name == "sendfile" else args[0])
            if (source.st_dev, source.st_ino) == self._file:
                self.done.append((place(*args), result if isinstance(result, int) else len(result)))
            return result

        return watched


@pytest.fixture
def sparse(disk_site: Site) -> Iterator[tuple[str, Path]]:
    """An original of 100 GB that is nothing but a hole with a kilobyte at its end."""
    server, ann = disk_site.server, disk_site.ann
    with server.client(ann) as client:
        file = publish_file(client, make_collection(server, client), "long.bin", TAIL)
    services = server.application.services
    statement = update(files).where(files.c.id == file["id"]).values(size=SIZE).returning(
        files.c.storage_key
    )  # fmt: skip
    key = server.run(services.database.write(lambda c: c.execute(statement).scalar_one()))
    path = next(server.application.settings.data.dir.rglob(key.rpartition("/")[2]))
    with path.open("r+b") as opened:
        opened.truncate(SIZE)
        opened.seek(SIZE - len(TAIL))
        opened.write(TAIL)
    yield f"/files/{file['id']}", path
    path.unlink()


@pytest.mark.parametrize("value", ["bytes=-1024", f"bytes={SIZE - 1024}-"])
def test_a_kilobyte_at_the_end_of_100_gb_is_one_read_of_a_kilobyte(
    disk_site: Site,
    sparse: tuple[str, Path],
    value: str,
    monkeypatch: pytest.MonkeyPatch,
):
    url_path, path = sparse
    reads = Reads(path)
    monkeypatch.setattr(os, "pread", reads.watch("pread", lambda _fd, _length, offset: offset))
    monkeypatch.setattr(
        os, "preadv", reads.watch("preadv", lambda _fd, _into, offset, *_how: offset)
    )
    monkeypatch.setattr(os, "read", reads.watch("read", lambda _fd, _length: 0))
    monkeypatch.setattr(
        os, "sendfile", reads.watch("sendfile", lambda _out, _in, offset, _count: offset)
    )
    with connect(disk_site.server.url) as connection:
        answer = ask(connection, "GET", url_path, (("Range", value),), disk_site.ann.key)
    assert (answer.status, answer.body) == (206, TAIL)
    assert reads.done == [(SIZE - 1024, 1024)]


def test_an_etag_is_never_computed_on_a_read(
    disk_site: Site, sparse: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
):
    """HEAD and 304 of 100 GB read no byte of them."""
    url_path, path = sparse
    reads = Reads(path)
    monkeypatch.setattr(os, "pread", reads.watch("pread", lambda _fd, _length, offset: offset))
    monkeypatch.setattr(
        os, "preadv", reads.watch("preadv", lambda _fd, _into, offset, *_how: offset)
    )
    monkeypatch.setattr(os, "read", reads.watch("read", lambda _fd, _length: 0))
    with connect(disk_site.server.url) as connection:
        head = ask(connection, "HEAD", url_path, (), disk_site.ann.key)
        known = (("If-None-Match", head.headers["etag"]),)
        answer = ask(connection, "GET", url_path, known, disk_site.ann.key)
    assert head.headers["content-length"] == str(SIZE)
    assert answer.status == 304
    assert sum(length for _, length in reads.done) <= 1

"""The server as nobody, on a machine on which only its data folder can be written."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2
import pytest

import cimaise
from tests.kit import read_only
from tests.kit.samples import drawn
from tests.kit.server_process import prepare_data, server_process

pytestmark = pytest.mark.slow
ENVIRONMENT = {"CIMAISE_LOG_FORMAT": "json", "HOME": "/nonexistent"}
PROBE = """
import errno, os, sys, tempfile
for folder in sys.argv[1:]:
    try:
        open(os.path.join(folder, "probe"), "wb").close()
        print(0)
    except OSError as fault:
        print(fault.errno)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty folder that becomes nobody's once it is filled; only where such worlds can be."""
    absent = read_only.missing()
    if absent is not None:
        pytest.skip(absent)
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def give_to_nobody(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, read_only.NOBODY, read_only.NOBODY)


def test_nothing_but_the_data_folder_can_be_written(data_dir: Path):
    give_to_nobody(data_dir)
    source = Path(cimaise.__file__).parent
    closed = [source, Path(pytest.__file__).parent, Path.cwd(), tempfile.gettempdir(), "/var/tmp", "/dev/shm"]  # fmt: skip
    done = subprocess.run(
        [*read_only.inside(data_dir), sys.executable, "-c", PROBE, *map(str, closed), read_only.DATA],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.split() == [str(errno.EROFS)] * len(closed) + ["0"]
    assert (data_dir / "probe").stat().st_uid == read_only.NOBODY


def test_the_server_needs_nothing_but_its_data_folder(data_dir: Path):
    """Uploads, a decoder in the server and one in a process of its own, pages: all of it."""
    key = prepare_data(data_dir, {}, "wall")
    (data_dir / "albums/trip").mkdir(parents=True)
    (data_dir / "albums/trip/a.jpg").write_bytes(drawn(".jpg"))
    give_to_nobody(data_dir)
    texts = ENVIRONMENT | {"CIMAISE_SERVER_WORKERS": "2"}
    with (
        server_process(Path(read_only.DATA), texts, before=read_only.inside(data_dir)) as server,
        httpx2.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        ) as client,
    ):
        assert Path(f"/proc/{server.process.pid}").stat().st_uid == read_only.NOBODY
        for name in ("a.png", "a.tif"):
            _use(client, name)
        for page in ("/", "/gallery/trip", "/gallery/wall", "/api/albums/trip"):
            assert client.get(page).raise_for_status().content
        server.terminate()
        assert server.process.returncode == 0
    assert {path.stat().st_uid for path in data_dir.rglob("*")} == {read_only.NOBODY}


def _use(client: httpx2.Client, name: str) -> None:
    body = drawn(Path(name).suffix)
    made = client.put(f"/api/collections/wall/files/{name}", content=body).raise_for_status().json()
    assert client.get(f"/files/{made['id']}").raise_for_status().content == body
    variant = client.get(f"/images/{made['id']}", params={"width": "8", "format": "webp"})
    assert variant.raise_for_status().content[8:12] == b"WEBP"

"""Moving up in two moves, in either order, as the manual's page says: real servers, real files."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.kit.pictures import quadrants
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.server_process import LIMIT_S, prepare_data, server_process

pytestmark = pytest.mark.slow
PICTURE = bytes(quadrants(60, 40).jpegsave_buffer())


@dataclass
class Site:
    """An installation that moves; ``settings`` are those of its environment.

    Attributes:
        files: Address of each published file by what it holds.
        link: Query of a link to the first.
    """

    folder: Path
    settings: dict[str, str]
    key: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    link: str = ""

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cimaise", *words],
            env=os.environ | self.settings, capture_output=True, text=True, timeout=2 * LIMIT_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def served(self) -> Iterator[httpx2.Client]:
        data = Path(self.settings["CIMAISE_DATA_DIR"])
        with server_process(data, self.settings | {"CIMAISE_LOG_FORMAT": "json"}) as server:
            headers = {"Authorization": f"Bearer {self.key}"}
            with httpx2.Client(base_url=server.url, headers=headers, timeout=LIMIT_S) as client:
                yield client
            server.terminate()

    def objects(self) -> dict[str, int]:
        """Files of the data folder's storage, by what tells one write from another."""
        found = self.folder.glob("data/objects/**/*")
        return {path.name: path.stat().st_ino for path in found if path.is_file()}

    def publish(self, client: httpx2.Client) -> None:
        """One more file; the first gets a link."""
        name = f"{len(self.files)}.jpg"
        made = client.put(f"/api/collections/wall/files/{name}", content=PICTURE)
        assert made.status_code == 201, made.text
        path = f"/files/{made.json()['id']}"
        if not self.files:
            link = client.post(f"/api{path}/links", json={}).json()["url"]
            self.link = link.partition("?")[2]
        self.files[path] = PICTURE

    def look(self, client: httpx2.Client) -> None:
        """Everything is there: whole, in a range, at another size, and by the link."""
        for path, content in self.files.items():
            whole = client.get(path)
            assert whole.content == content
            assert client.get(path, headers={"Range": "bytes=10-19"}).content == content[10:20]
            known = {"If-None-Match": whole.headers["etag"]}
            assert client.get(path, headers=known).status_code == 304
            picture = client.get(f"/images/{path.rpartition('/')[2]}?width=30")
            assert picture.status_code == 200
        with httpx2.Client(base_url=client.base_url, timeout=LIMIT_S) as guest:
            assert guest.get(f"{next(iter(self.files))}?{self.link}").content == PICTURE
        assert client.get("/api/me").json()["quota"]["total_used"] == len(PICTURE) * len(self.files)


Move = Callable[[Site], None]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    data = tmp_path / "data"
    data.mkdir()
    made = Site(tmp_path, {"CIMAISE_DATA_DIR": str(data)})
    made.key = prepare_data(data, {}, "wall")
    return made


@pytest.fixture
def bytes_to_s3(swift: S3Server, tmp_path: Path) -> Move:
    url = swift.url(make_bucket(swift, f"one-by-one-{abs(hash(tmp_path))}"))

    def move(site: Site) -> None:
        where = ["--to", url, "--access-key-id", swift.access_key]
        where += ["--secret-access-key", swift.secret_key]
        with site.served() as client:
            site.publish(client)
            site.run("move-storage", *where)  # beside the server
            site.publish(client)
            site.look(client)
        assert "1 objects copied" in site.run("move-storage", "--verify", *where)
        site.settings |= {
            "CIMAISE_STORAGE_URL": url,
            "CIMAISE_STORAGE_ACCESS_KEY_ID": swift.access_key,
            "CIMAISE_STORAGE_SECRET_ACCESS_KEY": swift.secret_key,
        }

    return move


@pytest.fixture
def rows_to_postgresql(new_database: Callable[[str], str]) -> Move:
    url = new_database("postgresql")

    def move(site: Site) -> None:
        backup = str(site.folder / "backup")
        with site.served() as client:
            site.publish(client)
            site.run("backup", backup)
            site.publish(client)
            site.look(client)
        site.run("backup", backup)
        site.settings |= {"CIMAISE_DATABASE_URL": url}
        before = site.objects()
        site.run("restore", backup)
        assert site.objects() == before, "what was there has not been written again"

    return move


@pytest.mark.parametrize("is_storage_first", [True, False], ids=["bytes-first", "rows-first"])
def test_bytes_and_rows_move_one_after_the_other_in_either_order(
    site: Site, bytes_to_s3: Move, rows_to_postgresql: Move, is_storage_first: bool
):
    moves = [bytes_to_s3, rows_to_postgresql]
    for move in moves if is_storage_first else reversed(moves):
        move(site)
        assert "0 findings" in site.run("fsck")
    with site.served() as client:
        site.look(client)
        site.publish(client)
        site.look(client)
    assert len(site.files) == 5

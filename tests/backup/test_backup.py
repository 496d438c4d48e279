"""A whole installation, written out and read back, on every pair of databases and storages."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cimaise.access.policy import Role
from cimaise.app import build
from cimaise.backup.acts import back_up, restore
from cimaise.backup.manifest import NAME, OBJECTS, ROWS, Manifest
from cimaise.database.audit.sealing import seal, verify
from cimaise.errors import CimaiseError, Invalid, WrongState
from cimaise.settings import Settings, StorageSettings
from tests.kit.application import RunningApplication, running_application
from tests.kit.backends import further
from tests.kit.pictures import quadrants
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.sending import make_collection, publish_file

PICTURE = quadrants(320, 240).jpegsave_buffer()
KINDS = ["sqlite+file", *further("postgresql+s3")]


@dataclass
class Site:
    """Where an installation is: its settings, and how it is opened."""

    settings: Settings

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Run a coroutine function on its services, without a server."""

        async def main() -> Any:
            application = build(self.settings)
            try:
                return await work(application.services)
            finally:
                await application.stop()

        return asyncio.run(main())

    def running(self) -> Any:
        """With a server."""
        return running_application(self.settings.data.dir, self._change)

    def _change(self, settings: Settings) -> Settings:
        return replace(settings, storage=self.settings.storage, database=self.settings.database)

    def back_up(self, folder: Path) -> Manifest:
        return self.run(lambda services: back_up(services.database, services.storage, folder, now=services.clock))  # fmt: skip

    def restore(self, folder: Path) -> Manifest:
        return self.run(lambda services: restore(services.database, services.storage, folder))


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, str], Site]:
    """Makes an empty one of a kind."""

    def make(name: str, kind: str) -> Site:
        folder = tmp_path / name
        folder.mkdir()
        settings = Settings()
        settings = replace(settings, data=replace(settings.data, dir=folder))
        if kind == "sqlite+file":
            return Site(settings)
        swift: S3Server = request.getfixturevalue("swift")
        new_database: Callable[[str], str] = request.getfixturevalue("new_database")
        storage = StorageSettings(
            url=swift.url(make_bucket(swift, f"{name}-{abs(hash(tmp_path))}")),
            access_key_id=swift.access_key,
            secret_access_key=swift.secret_key,
        )
        database = replace(settings.database, url=new_database("postgresql"))
        return Site(replace(settings, storage=storage, database=database))

    return make


def fill(server: RunningApplication) -> dict[str, Any]:
    """An account with a public picture, a private file, a link and an upload that waits."""
    ann = server.person("ann")
    server.person("root", Role.ADMIN)
    with server.client(ann) as client:
        name = make_collection(server, client, visibility="public", title="Ünïcode ✓")
        picture = publish_file(client, name, "photo.jpg", PICTURE, title="A picture")
        hidden = publish_file(client, name, "notes.txt", b"hidden words", visibility="private")
        link = client.post(f"/api/files/{hidden['id']}/links", json={"expires_in": 86400}).json()
        me = client.get("/api/me").json()
    return {
        "key": ann.key,
        "name": name,
        "picture": picture,
        "hidden": hidden,
        "link": link,
        "me": me,
    }


def assert_same(server: RunningApplication, made: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {made['key']}"}
    with httpx2.Client(base_url=server.url, headers=headers, timeout=30) as client:
        me = client.get("/api/me").json()
        assert (me["id"], me["points"]) == (made["me"]["id"], made["me"]["points"])
        assert me["quota"]["total_used"] == made["me"]["quota"]["total_used"]
        picture = client.get(f"/api/files/{made['picture']['id']}").json()
        for field in ("etag", "checksum_sha256", "published_at", "title", "width"):
            assert picture.get(field) == made["picture"].get(field)
        assert client.get(f"/files/{made['picture']['id']}").content == PICTURE
        assert client.get(f"/files/{made['hidden']['id']}").content == b"hidden words"
        assert client.get(f"/images/{made['picture']['id']}?width=100").status_code == 200
        assert client.get(f"/api/collections/{made['name']}").json()["title"] == "Ünïcode ✓"
        path = f"/api/collections/{made['name']}/files/later.txt"
        assert client.put(path, content=b"life goes on").status_code == 201
    guest = httpx2.get(server.url + f"/files/{made['hidden']['id']}")
    assert guest.status_code == 401
    services = server.application.services

    async def chain() -> bool:
        await services.database.write(seal)
        return (await services.database.read(verify)).is_whole

    assert server.run(chain())


@pytest.mark.slow
@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_what_was_backed_up_is_there_again_on_any_pair_of_backends(
    site: Callable[[str, str], Site], tmp_path: Path, source: str, target: str
):
    old, new, folder = site("old", source), site("new", target), tmp_path / "backup"
    with old.running() as server:
        made = fill(server)
        done = old.back_up(folder)  # beside the running server
    assert len(done.objects) == 2
    assert {one.sha256 for one in done.objects} >= {hashlib.sha256(PICTURE).hexdigest()}
    new.restore(folder)
    with new.running() as server:
        assert_same(server, made)


@pytest.fixture
def backed_up(site: Callable[[str, str], Site], tmp_path: Path) -> tuple[Site, Path]:
    """A backup of an installation with files in it."""
    old, folder = site("old", "sqlite+file"), tmp_path / "backup"
    with old.running() as server:
        fill(server)
    old.back_up(folder)
    return old, folder


@pytest.mark.slow
def test_a_second_backup_copies_only_what_is_new(backed_up: tuple[Site, Path]):
    old, folder = backed_up
    before = {path: path.stat().st_mtime_ns for path in (folder / OBJECTS).rglob("*") if path.is_file()}  # fmt: skip
    with old.running() as server, server.client(server.person("ben")) as client:
        client.put("/api/collections/inbox/files/new.txt", content=b"new").raise_for_status()
    assert len(old.back_up(folder).objects) == 3
    after = {path: path.stat().st_mtime_ns for path in (folder / OBJECTS).rglob("*") if path.is_file()}  # fmt: skip
    assert len(after) == 3
    assert before.items() <= after.items()


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("part", ["object", "missing object", "rows", "manifest"])
def test_a_damaged_backup_is_refused_and_leaves_the_database_empty(
    backed_up: tuple[Site, Path], site: Callable[[str, str], Site], part: str
):
    _, folder = backed_up
    objects = sorted(path for path in (folder / OBJECTS).rglob("*") if path.is_file())
    if part == "object":
        damage(objects[0])
    elif part == "missing object":
        objects[0].unlink()
    elif part == "rows":
        damage(folder / ROWS)
    else:
        (folder / NAME).write_text("{}")
    new = site("new", "sqlite+file")
    with pytest.raises(CimaiseError):
        new.restore(folder)
    with new.running() as server:
        assert server.sign_in_token is not None  # it was the first start of an empty one


def test_a_damaged_object_in_the_storage_is_found_and_the_older_backup_stays(
    backed_up: tuple[Site, Path],
):
    old, folder = backed_up
    manifest = json.loads((folder / NAME).read_bytes())
    key = next(one["key"] for one in manifest["objects"] if one["size"] == len(PICTURE))
    damage(old.settings.data.dir / key)
    damage(folder / OBJECTS / key)
    with pytest.raises(Invalid) as caught:
        old.back_up(folder)
    assert caught.value.code == "checksum_mismatch"
    assert json.loads((folder / NAME).read_bytes()) == manifest


def test_an_installation_that_is_in_use_is_not_overwritten(backed_up: tuple[Site, Path]):
    old, folder = backed_up
    with pytest.raises(WrongState):
        old.restore(folder)


def test_a_folder_without_a_backup_is_refused(site: Callable[[str, str], Site], tmp_path: Path):
    with pytest.raises(Invalid):
        site("new", "sqlite+file").restore(tmp_path)


def test_a_backup_is_for_its_owner_alone(backed_up: tuple[Site, Path]):
    _, folder = backed_up
    assert folder.stat().st_mode & 0o077 == 0

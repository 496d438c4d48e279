"""Files under names of older schemes get keys of today's; nothing is lost, nothing is left."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from cimaise.database.schema import collections, discarded_objects, files, key_moves, usage_totals
from cimaise.errors import Invalid, NotFound
from cimaise.library.discarded import Freed
from cimaise.library.files import Files
from cimaise.settings import StorageSettings
from cimaise.storage.keys import is_todays_key, object_key, require_name
from cimaise.uploads.fsck import Fsck
from cimaise.uploads.move_keys import KeyMover
from tests.kit.bodies import chunked, content, read_all
from tests.kit.crashing.operations import clean_late
from tests.kit.s3 import S3Server, make_bucket
from tests.kit.uploading import ANN, MB, Uploading, made_storage

OLD = ("toolset/12/7_tool_a1b2c3d.zip", "2024/05/3f2a9c-photo.jpg", "plain")
FOREIGN = "toolset/12/7_mein Werkzeug (neu)_größe.zip"


async def keep(uploading: Uploading, file_id: str, name: str, body: bytes) -> None:
    """A published file whose bytes an older scheme put under a name."""
    storage = uploading.storage
    seed = object_key(f"seed-{file_id}")
    await storage.write(seed, chunked(body), content_type="application/zip")
    await put_under(storage, seed, name)
    now = uploading.clock()

    def work(connection) -> None:
        collection = connection.execute(select(collections.c.id)).scalar_one()
        connection.execute(
            insert(files).values(
                id=file_id, collection_id=collection, owner_id="ann", filename="tool.zip",
                storage_key=name, storage_etag="old", size=len(body), etag=f"etag-{file_id}",
                content_type="application/zip", is_picture=False, created_at=now,
                published_at=now,
            )
        )  # fmt: skip
        if connection.execute(select(usage_totals.c.account_id)).first() is None:
            connection.execute(insert(usage_totals).values(account_id="ann"))
        connection.execute(
            update(usage_totals).values(used_bytes=usage_totals.c.used_bytes + len(body))
        )

    await uploading.database.write(work)


async def put_under(storage, key: str, name: str) -> None:
    """Rename an object behind the storage's back, as whoever came before us would have."""
    if hasattr(storage, "_shelf"):
        stored = storage._shelf.objects.pop(key)
        storage._shelf.objects[name] = replace(stored, info=replace(stored.info, key=name))
    elif hasattr(storage, "_layout"):
        target = storage._layout.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        storage._layout.path(key).rename(target)
    else:
        location, client = storage._location, storage._control._client
        source = {"Bucket": location.bucket, "Key": location.name(key)}
        client.copy_object(Bucket=location.bucket, Key=location.prefix + name, CopySource=source)
        await storage.delete([key])


def mover(uploading: Uploading) -> KeyMover:
    return KeyMover(uploading.database, uploading.storage, uploading.clock, uploading.new_id)


async def assert_moved(uploading: Uploading, bodies: dict[str, bytes]) -> None:
    found = Files(uploading.database, uploading.clock)
    for file_id, body in bodies.items():
        file = await found.find(ANN, file_id)
        assert is_todays_key(file.storage_key or "")
        assert await read_all(uploading.storage, file.storage_key or "") == body
    assert len(await everything(uploading)) == len(bodies)
    report = await Fsck(uploading.database, uploading.storage, uploading.clock).run()
    assert report.findings == []


async def everything(uploading: Uploading) -> list[str]:
    return [info.key async for info in uploading.storage.list("")]


async def test_old_names_become_keys_and_a_map_of_them_stays(uploading: Uploading):
    bodies = {f"file{n}": content(5000 + n, n) for n in range(len(OLD))}
    for name, (file_id, body) in zip(OLD, bodies.items(), strict=True):
        await keep(uploading, file_id, name, body)
    size = sum(map(len, bodies.values()))
    assert await mover(uploading).count() == Freed(3, size)
    told: list[Freed] = []
    moves = await mover(uploading).run(on_moved=told.append)
    assert moves.moved == Freed(3, size)
    assert len(told) == 3
    assert moves.missing == ()
    await assert_moved(uploading, bodies)
    rows = await uploading.database.read(
        lambda connection: connection.execute(select(key_moves)).all()
    )
    assert {(row.old_key, row.file_id, row.state) for row in rows} == {
        (name, file_id, "done") for name, file_id in zip(OLD, bodies, strict=True)
    }
    assert (await mover(uploading).run()).moved == Freed()


async def test_names_with_peoples_words_are_taken_over_too(uploading: Uploading):
    body = content(4000)
    await keep(uploading, "file1", FOREIGN, body)
    assert (await mover(uploading).run()).moved == Freed(1, len(body))
    await assert_moved(uploading, {"file1": body})


async def test_todays_keys_are_left_alone(uploading: Uploading):
    await keep(uploading, "file1", object_key("abcdefgh"), b"today")
    assert (await mover(uploading).run()).moved == Freed()
    assert await uploading.objects() == [object_key("abcdefgh")]


async def test_a_file_without_bytes_is_told_and_the_rest_goes_on(uploading: Uploading):
    await keep(uploading, "lost", "old/lost", b"lost")
    await keep(uploading, "there", "old/there", b"there")
    assert uploading.storage.foreign is not None
    await uploading.storage.foreign.drop("old/lost")
    moves = await mover(uploading).run()
    assert moves.missing == ("lost",)
    assert moves.moved.count == 1


async def test_a_file_that_is_deleted_meanwhile_leaves_nothing(uploading: Uploading):
    await keep(uploading, "file1", "old/one", b"body")
    deleting = replace(uploading)
    deleting.storage = Deleting(uploading)
    await mover(deleting).run()
    await mover(uploading).run()
    await clean_late(uploading, {})
    assert await everything(uploading) == []


async def test_a_file_under_an_old_name_can_be_deleted_before_it_is_moved(uploading: Uploading):
    """The name is no key of ours; the clean-up has to get rid of it, and of what comes after it."""
    await keep(uploading, "old", FOREIGN, b"old")
    await keep(uploading, "new", object_key("abcdefgh"), b"new")
    for file_id in ("old", "new"):
        await Files(uploading.database, uploading.clock).delete(ANN, file_id)
    await clean_late(uploading, {})
    assert uploading.storage.foreign is not None
    with pytest.raises(NotFound):
        await uploading.storage.foreign.adopt(FOREIGN, object_key("target00"))
    assert await everything(uploading) == []
    left = await uploading.database.read(
        lambda connection: connection.execute(select(discarded_objects.c.storage_key)).all()
    )
    assert left == []


class Deleting:
    """A storage during whose copying the file's owner deletes the file."""

    def __init__(self, uploading: Uploading) -> None:
        self._uploading = uploading
        self.foreign = self

    def __getattr__(self, name: str):
        return getattr(self._uploading.storage, name)

    async def adopt(self, name: str, target: str):
        assert self._uploading.storage.foreign is not None
        info = await self._uploading.storage.foreign.adopt(name, target)
        await Files(self._uploading.database, self._uploading.clock).delete(ANN, "file1")
        return info


async def test_long_objects_are_copied_in_parts(
    swift: S3Server, new_database: Callable[[str], str], new_id, tmp_path: Path
):
    from cimaise.database.engine import open_database  # noqa: PLC0415

    settings = StorageSettings(
        url=swift.url(make_bucket(swift, f"move-{abs(hash(tmp_path))}"), "media"),
        access_key_id=swift.access_key,
        secret_access_key=swift.secret_key,
        copy_single_max_bytes=5 * MB,
        copy_part_bytes=5 * MB,
    )
    database = open_database(new_database("sqlite"), data_dir=tmp_path)
    storage = made_storage(settings, tmp_path, lambda: datetime.now(UTC))
    uploading = Uploading(database, storage, lambda: datetime.now(UTC), new_id)
    await uploading.prepare()
    body = content(11 * MB)
    await keep(uploading, "file1", "old/long one", body)
    await mover(uploading).run()
    file = await Files(database, uploading.clock).find(ANN, "file1")
    assert file.storage_key is not None
    etag = (await storage.stat(file.storage_key)).etag
    assert etag.endswith("-3"), "it was not copied in three parts"
    await assert_moved(uploading, {"file1": body})
    await storage.close()
    database.close()


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "a/../b", "..", "a//b", "a\0b", "tmp/x", "multipart/x", "x" * 1025]
)
async def test_a_name_that_leads_elsewhere_is_refused(uploading: Uploading, name: str):
    assert uploading.storage.foreign is not None
    with pytest.raises(Invalid):
        require_name(name)
    with pytest.raises(Invalid):
        await uploading.storage.foreign.adopt(name, object_key("abcdefgh"))
    with pytest.raises(Invalid):
        await uploading.storage.foreign.drop(name)


async def test_a_link_on_disk_is_not_followed(tmp_path: Path, clock):
    storage = made_storage(StorageSettings(url=f"file://{tmp_path}/storage"), tmp_path, clock)
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "storage" / "old").symlink_to(tmp_path)
    (tmp_path / "storage" / "link").symlink_to(tmp_path / "secret")
    assert storage.foreign is not None
    for name in ("old/secret", "link"):
        with pytest.raises(NotFound):
            await storage.foreign.adopt(name, object_key("abcdefgh"))
    assert [info.key async for info in storage.list("")] == []
    await storage.close()

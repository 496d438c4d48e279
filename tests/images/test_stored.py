"""Originals in a bucket as sources of pictures: copied while they are looked at, and gone after."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pyvips

from cimaise.errors import NotFound, TooLarge, TypeNotAllowed, Unavailable
from cimaise.images.spool import IN_MEMORY_BYTES
from cimaise.images.stored import stored_source
from cimaise.settings import StorageSettings
from cimaise.storage.base import Storage
from cimaise.storage.measured import MeasuredStorage
from cimaise.storage.memory import MemoryStorage
from cimaise.storage.table import open_storage
from tests.kit.bad_network import bad_network
from tests.kit.bodies import chunked
from tests.kit.pictures import animation, decoded, make, quadrants
from tests.kit.s3 import S3Server, make_bucket

KEY = "library/a/picture"
MIB = 1024 * 1024
Open = Callable[[S3Server], Storage]


@pytest.fixture(scope="module")
def bucket(swift: S3Server) -> str:
    return make_bucket(swift, "pictures-of-a-bucket")


@pytest.fixture
async def opened(bucket: str, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the bucket through a server's address, which may be that of a network in between."""
    async with AsyncExitStack() as stack:

        def open_(server: S3Server) -> Storage:
            settings = StorageSettings(
                url=server.url(bucket),
                access_key_id=server.access_key,
                secret_access_key=server.secret_key,
            )
            made = open_storage(
                settings,
                data_dir=tmp_path,
                signing_secret=b"of no use here, but long enough",
                public_url="http://127.0.0.1:1",
                now=lambda: datetime.now(UTC),
            )
            stack.push_async_callback(made.close)
            return made

        yield open_


async def put(storage: Storage, body: bytes) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield body

    await storage.write(KEY, chunks(), content_type="application/octet-stream", size=len(body))


def written(suffix: str) -> bytes:
    return bytes(quadrants(240, 160).write_to_buffer(suffix))


def large_png() -> bytes:
    """Longer than what is held in memory; nothing packs noise."""
    noise = pyvips.Image.gaussnoise(1200, 900, sigma=60, mean=128).cast("uchar")
    body = bytes((quadrants(1200, 900) + noise).cast("uchar").pngsave_buffer(compression=0))
    assert len(body) > IN_MEMORY_BYTES + MIB
    return body


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".tif", ".avif"])
async def test_pictures_of_every_kind_are_made_from_a_bucket(suffix, opened, swift, tmp_path):
    storage, body = opened(swift), written(suffix)
    await put(storage, body)
    async with stored_source(storage, KEY, max_bytes=10 * MIB, folder=tmp_path)() as source:
        assert source == body
        made = make(source, width=120)
    image = decoded(made.body)
    assert (image.width, image.height) == (120, 80)
    assert make(body, width=120).body == made.body


@pytest.mark.parametrize("name", ["iphone_13_pro_max.HEIC", "relax.jp2", "gain-map.jpg"])
async def test_pictures_of_cameras_are_made_from_a_bucket(name, opened, swift, tmp_path, corpus):
    storage, body = opened(swift), (corpus / "formats" / name).read_bytes()
    await put(storage, body)
    async with stored_source(storage, KEY, max_bytes=50 * MIB, folder=tmp_path)() as source:
        assert make(source, width=60).body == make(body, width=60).body


async def test_moving_pictures_move_when_they_come_from_a_bucket(opened, swift, tmp_path):
    storage = opened(swift)
    await put(storage, animation())
    async with stored_source(storage, KEY, max_bytes=10 * MIB, folder=tmp_path)() as source:
        made = make(source, width=20)
    assert pyvips.Image.new_from_buffer(made.body, "", n=-1).get("n-pages") == 5


async def test_a_large_original_lies_in_a_file_while_it_is_looked_at(opened, swift, tmp_path):
    storage, body = opened(swift), large_png()
    await put(storage, body)
    folder = tmp_path / "fetched"
    folder.mkdir()
    async with stored_source(storage, KEY, max_bytes=50 * MIB, folder=folder)() as source:
        assert isinstance(source, Path)
        assert source.parent == folder
        assert source.read_bytes() == body
        assert make(source, width=100).body == make(body, width=100).body
    assert list(folder.iterdir()) == []


async def test_a_larger_original_than_allowed_is_refused_before_it_is_copied(
    opened, swift, tmp_path
):
    storage = opened(swift)
    await put(storage, written(".png"))
    with pytest.raises(TooLarge) as refusal:
        async with stored_source(storage, KEY, max_bytes=100, folder=tmp_path)():
            pass
    assert refusal.value.limit is not None
    assert list(tmp_path.glob("fetch-*")) == []


@pytest.mark.parametrize("after", [64 * 1024, 3 * MIB])
async def test_an_original_that_breaks_off_is_no_picture_and_leaves_nothing(
    after, opened, swift, tmp_path
):
    await put(opened(swift), large_png())
    folder = tmp_path / "fetched"
    folder.mkdir()
    with bad_network() as network:
        network.lead_to(int(swift.endpoint.rpartition(":")[2]))
        far = opened(replace(swift, endpoint=network.url))
        network.most_answered = after  # also of a second try: HTTP clients make one of their own
        with pytest.raises(Unavailable):
            async with stored_source(far, KEY, max_bytes=50 * MIB, folder=folder)() as source:
                make(source, width=100)
        assert network.cuts > 0
        assert list(folder.iterdir()) == []
        network.most_answered = None
        async with stored_source(far, KEY, max_bytes=50 * MIB, folder=folder)() as source:
            assert make(source, width=100).width == 100


async def test_what_is_absent_or_no_picture_is_said_to_be_that(opened, swift, tmp_path):
    storage = opened(swift)
    with pytest.raises(NotFound) as absent:
        async with stored_source(storage, "library/none", max_bytes=MIB, folder=tmp_path)():
            pass
    assert absent.value.code == "file_missing"
    await put(storage, b"\xff\xd8\xff" + bytes(5000))
    async with stored_source(storage, KEY, max_bytes=MIB, folder=tmp_path)() as source:
        with pytest.raises(TypeNotAllowed):
            make(source, width=100)


async def test_what_goes_wrong_with_a_picture_is_seen_by_whoever_measures_the_storage():
    memory = MemoryStorage(
        urls=None, now=lambda: datetime(2026, 3, 9, tzinfo=UTC), random=lambda: "etag"
    )
    await memory.write(KEY, chunked(b"picture"), content_type="image/png")
    outcomes: list[str] = []
    measured = MeasuredStorage(memory, lambda one: outcomes.append(one.outcome))
    with pytest.raises(TypeNotAllowed):
        async with stored_source(measured, KEY, max_bytes=MIB)():
            raise TypeNotAllowed("no picture", code="not_an_image")
    assert outcomes == ["not_an_image"]

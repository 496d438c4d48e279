import asyncio
import base64
import hashlib
import itertools
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from cimaise.errors import Invalid, NotFound, PreconditionFailed, TypeNotAllowed
from cimaise.storage.memory import MemoryStorage
from cimaise.uploads import inspect
from cimaise.uploads.digest import StreamingSha256, require_checksum
from cimaise.uploads.inspect import Inspection, PictureFacts, inspect_object, judge, open_places
from tests.kit.sample_table import GOOD
from tests.kit.samples import drawn, executable, zipped

KEY = "incoming/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
TAKEN_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Header:
    width: int = 16
    height: int = 12
    frames: int = 1
    taken_at: datetime | None = None


@dataclass
class Reader:
    """A decoder that needs so many bytes, and remembers what it was given."""

    needs_bytes: int = 0
    header: Header = field(default_factory=Header)
    fault: Exception | None = None
    given: list[int] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def __call__(self, content: bytes) -> Header:
        self.given.append(len(content))
        self.threads.add(threading.get_ident())
        if self.fault:
            raise self.fault
        if len(content) < self.needs_bytes:
            raise TypeNotAllowed("The picture cannot be read.", code="not_an_image")
        return self.header


@pytest.fixture
def storage() -> MemoryStorage:
    numbers = itertools.count()
    return MemoryStorage(urls=None, now=lambda: TAKEN_AT, random=lambda: f"etag{next(numbers)}")


@pytest.fixture
def look(storage: MemoryStorage) -> Callable[..., object]:
    async def inspected(
        content: bytes,
        filename: str,
        *,
        reader: Reader | None = None,
        declared_type: str | None = None,
        declared_sha256: str | None = None,
        hash_all: bool = False,
    ) -> Inspection:
        await storage.write(KEY, in_chunks(content), content_type="application/octet-stream")
        return await inspect_object(
            storage,
            KEY,
            filename=filename,
            declared_type=declared_type,
            declared_sha256=declared_sha256,
            hash_all=hash_all,
            whole_at_once=open_places(),
            read_header=reader or Reader(),
        )

    return inspected


async def in_chunks(content: bytes, size: int = 300_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def checksum(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


async def test_a_picture_is_known_with_its_header(look):
    content = drawn(".jpg")
    found = await look(content, "a.jpg", reader=Reader(header=Header(40, 30, 2, TAKEN_AT)))
    assert found == Inspection(
        len(content), "image/jpeg", None, "etag0", PictureFacts(40, 30, 2, TAKEN_AT)
    )
    assert found.picture_json() == {
        "width": 40,
        "height": 30,
        "frames": 2,
        "taken_at": "2026-03-01T12:00:00+00:00",
        "placeholder": None,
    }


async def test_a_header_is_read_in_a_thread(look):
    reader = Reader()
    await look(drawn(".png"), "a.png", reader=reader)
    assert reader.threads
    assert threading.get_ident() not in reader.threads


async def test_what_is_no_picture_has_no_header_read(look):
    reader = Reader(fault=AssertionError())
    found = await look(zipped("a"), "a.zip", reader=reader)
    assert found.content_type == "application/zip"
    assert found.picture is None
    assert found.picture_json() is None


async def test_a_picture_no_decoder_is_here_for_is_kept_as_a_file(look):
    for fault in (TypeNotAllowed("no decoder"), Invalid("too large", code="too_many_pixels")):
        found = await look(GOOD["phone.heic"][0](), "a.heic", reader=Reader(fault=fault))
        assert found.content_type == "image/heic"
        assert found.picture is None


async def test_one_that_can_be_read_is_shown(look):
    found = await look(GOOD["phone.heic"][0](), "a.heic", reader=Reader(header=Header(40, 30, 1)))
    assert found.picture == PictureFacts(40, 30, 1)


async def test_the_first_megabytes_are_enough_where_the_decoder_says_so(look):
    reader = Reader(needs_bytes=inspect.FIRST_BYTES)
    await look(drawn(".jpg") + b"\0" * 5_000_000, "a.jpg", reader=reader)
    assert reader.given == [inspect.FIRST_BYTES]


async def test_the_whole_picture_is_read_where_the_first_megabytes_are_not_enough(look):
    content = drawn(".jpg") + b"\0" * 5_000_000
    reader = Reader(needs_bytes=len(content))
    found = await look(content, "a.jpg", reader=reader)
    assert found.picture
    assert reader.given == [inspect.FIRST_BYTES, len(content)]


async def test_a_picture_whose_frames_lie_throughout_is_read_whole_at_once(look):
    content = drawn(".gif") + b"\0" * 5_000_000
    reader = Reader()
    await look(content, "a.gif", reader=reader)
    assert reader.given == [len(content)]


async def test_a_picture_too_large_to_be_read_whole_has_to_do_with_its_beginning(look, monkeypatch):
    monkeypatch.setattr(inspect, "MAX_WHOLE_BYTES", 4_500_000)
    content = drawn(".jpg") + b"\0" * 5_000_000
    reader = Reader(needs_bytes=len(content))
    with pytest.raises(TypeNotAllowed) as refusal:
        await look(content, "a.jpg", reader=reader)
    assert refusal.value.code == "not_an_image"
    assert reader.given == [inspect.FIRST_BYTES]


async def test_a_small_picture_that_cannot_be_read_is_tried_once(look):
    reader = Reader(needs_bytes=10**9)
    with pytest.raises(TypeNotAllowed) as refusal:
        await look(drawn(".jpg"), "a.jpg", reader=reader)
    assert refusal.value.code == "not_an_image"
    assert len(reader.given) == 1


async def test_too_many_pixels_are_refused_without_a_second_look(look):
    reader = Reader(fault=Invalid("Too many.", code="too_many_pixels"))
    with pytest.raises(Invalid) as refusal:
        await look(drawn(".jpg") + b"\0" * 5_000_000, "a.jpg", reader=reader)
    assert refusal.value.code == "too_many_pixels"
    assert len(reader.given) == 1


@pytest.mark.parametrize(
    ("content", "filename", "named"),
    [
        (executable(), "a.zip", "portable-executable"),
        (zipped("a"), "a.jpg", "application/zip"),
        (b"<html>", "a.png", "text/html"),
        (b"\x89PNG\r\n", "a.png", "unknown"),
        (b"", "a.jpg", "text/plain"),
        (b"a text", "a.7z", "text/plain"),
    ],
)
async def test_content_that_is_not_what_the_name_says_is_refused_and_named(
    look, content, filename, named
):
    reader = Reader(fault=AssertionError())
    with pytest.raises(TypeNotAllowed) as refusal:
        await look(content, filename, hash_all=True, reader=reader)
    assert refusal.value.code == "type_not_allowed"
    assert named in refusal.value.message


async def test_a_zip_that_was_cut_off_is_refused(look):
    content = zipped("a", contents={"a": bytes(range(256)) * 1000})
    assert (await look(content, "a.zip")).content_type == "application/zip"
    with pytest.raises(TypeNotAllowed, match="not whole"):
        await look(content[:-30], "a.zip")


async def test_a_large_zip_is_whole_by_its_last_bytes(look):
    content = zipped("a", "b", contents={"a": b"x" * 200_000}, method=0)
    assert (await look(content, "a.zip")).content_type == "application/zip"


async def test_everything_is_hashed_when_asked(look):
    content = b"text " * 1_000_000
    found = await look(content, "a.txt", hash_all=True)
    assert found.sha256_hex == hashlib.sha256(content).hexdigest()
    assert found.size == len(content)


async def test_a_declared_checksum_is_verified(look):
    found = await look(b"text", "a.txt", declared_sha256=checksum(b"text"))
    assert found.sha256_hex == hashlib.sha256(b"text").hexdigest()


@pytest.mark.parametrize("declared", [checksum(b"other"), "", "not base64", "AAAA"])
async def test_another_checksum_is_refused(look, declared):
    with pytest.raises(Invalid) as refusal:
        await look(b"text", "a.txt", declared_sha256=declared)
    assert refusal.value.code == "checksum_mismatch"


@pytest.mark.parametrize(
    ("content", "filename", "declared", "taken"),
    [
        (b"text", "a.txt", "image/png", "text/plain"),
        (b"text", "a", "text/html", "text/plain"),
        (b"a,b", "a.csv", "text/csv; charset=utf-8", "text/csv"),
        (b"{}", "a.json", "application/json", "application/json"),
        (b"<html>", "a", "text/plain", "text/html"),
        (b"<svg/>", "a", "image/png", "image/svg+xml"),
        (GOOD["clip.mp4"][0](), "a.m4a", "Audio/MP4", "audio/mp4"),
        (zipped("a"), "a.zip", "image/jpeg", "application/zip"),
        (b"\0\1", "a", "video/mp4", "application/octet-stream"),
    ],
)
async def test_the_found_type_wins_over_the_declared_one(look, content, filename, declared, taken):
    found = await look(content, filename, declared_type=declared)
    assert found.content_type == taken


async def test_an_object_that_is_not_there_is_not_found(storage):
    with pytest.raises(NotFound):
        await inspect_object(
            storage, KEY, filename="a", declared_type=None, declared_sha256=None, hash_all=True,
            whole_at_once=open_places(), read_header=Reader(),
        )  # fmt: skip


async def test_an_object_replaced_meanwhile_is_noticed(storage):
    loop = asyncio.get_running_loop()

    class Replacing(Reader):
        def __call__(self, content: bytes) -> Header:
            written = storage.write(KEY, in_chunks(b"another"), content_type="text/plain")
            asyncio.run_coroutine_threadsafe(written, loop).result(timeout=10)
            return super().__call__(content)

    await storage.write(KEY, in_chunks(drawn(".jpg")), content_type="image/jpeg")
    with pytest.raises(PreconditionFailed):
        await inspect_object(
            storage, KEY, filename="a.jpg", declared_type=None, declared_sha256=None,
            hash_all=True, whole_at_once=open_places(), read_header=Replacing(),
        )  # fmt: skip


async def test_an_unforeseen_fault_of_the_decoder_is_not_hidden(look):
    with pytest.raises(ZeroDivisionError):
        await look(drawn(".jpg"), "a.jpg", reader=Reader(fault=ZeroDivisionError()))


def test_bytes_on_their_way_are_judged_by_their_head():
    assert judge(b"<html>", 9_999, filename="a.html", declared_type=None) == "text/html"
    with pytest.raises(TypeNotAllowed):
        judge(b"<html>", 9_999, filename="a.zip", declared_type="application/zip")


async def test_chunks_of_any_size_give_the_same_hash():
    sha256 = StreamingSha256()
    for size in (0, 1, 1_048_575, 1, 2_000_000, 7):
        await sha256.add(b"x" * size)
    assert sha256.hex() == hashlib.sha256(b"x" * 3_048_584).hexdigest()


def test_nothing_declared_is_nothing_to_compare():
    require_checksum("00", None)

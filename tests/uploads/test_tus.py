"""The tus door on every pair of backends: what is sent is what is published."""

import pytest

from cimaise.access.policy import GUEST
from cimaise.errors import (
    Forbidden,
    Gone,
    Invalid,
    Malformed,
    NotFound,
    NotSignedIn,
    TooLarge,
    TypeNotAllowed,
    WrongState,
)
from cimaise.library.discarded import Freed
from cimaise.library.model import Policy
from cimaise.rfc.tus import Checksum
from cimaise.settings import Quota, Settings
from cimaise.uploads.abandoned import end_abandoned
from cimaise.uploads.session import State
from cimaise.uploads.tus.receiving import Body
from tests.kit.bodies import chunked, content
from tests.kit.tus import DIGESTS, Tus, broken, metadata, sha1
from tests.kit.uploading import ANN, BOB, MB, Uploading, zipped

ZIP = zipped(9 * MB)
"""A file of more than one part."""

SMALL = zipped(100_000)


@pytest.fixture
def tus(uploading: Uploading) -> Tus:
    return Tus(uploading)


async def test_a_file_in_one_request_is_published_as_it_was_sent(tus: Tus):
    upload = await tus.create(len(ZIP))
    assert await tus.send(upload, 0, ZIP) == len(ZIP)
    assert await tus.published(upload) == ZIP
    assert await tus.uploading.state(upload) is State.PUBLISHED
    assert await tus.offset(upload) == len(ZIP)
    used = await tus.uploading.used()
    assert (used.total_used, used.daily_files_used) == (len(ZIP), 1)
    assert len(await tus.clean_up()) == 1


async def test_a_file_in_many_requests_is_published_as_it_was_sent(tus: Tus):
    upload, offset = await tus.create(len(ZIP)), 0
    for size in (1, 3_000_000, 0, 5_388_607, 2, 1_000_000):
        offset = await tus.send(upload, offset, ZIP[offset : offset + size])
        assert await tus.offset(upload) == offset
        assert await tus.uploading.state(upload) is State.PENDING
    assert await tus.send(upload, offset, ZIP[offset:]) == len(ZIP)
    assert await tus.published(upload) == ZIP
    assert len(await tus.clean_up()) == 1


async def test_every_byte_that_arrived_before_a_break_is_kept(tus: Tus):
    upload = await tus.create(len(ZIP))
    for start, stop in ((0, 5), (5, 100_000), (100_000, 9 * MB)):
        rest = ZIP[start:]
        with pytest.raises(Exception, match="closed the connection"):
            await tus.send(upload, start, rest, chunks=broken(rest[: stop - start]))
        assert await tus.another().offset(upload) == stop
    await tus.send(upload, 9 * MB, ZIP[9 * MB :])
    assert await tus.published(upload) == ZIP


async def test_another_offset_is_refused_with_the_right_one_and_changes_nothing(tus: Tus):
    upload = await tus.create(len(SMALL))
    await tus.send(upload, 0, SMALL[:10])
    for wrong in (0, 9, 11, len(SMALL)):
        with pytest.raises(WrongState) as refusal:
            await tus.send(upload, wrong, SMALL[wrong:])
        assert refusal.value.limit is not None
        assert refusal.value.limit.value == 10
    assert await tus.offset(upload) == 10


@pytest.mark.parametrize("is_size_known", [True, False])
async def test_more_than_the_length_is_refused_and_none_of_it_is_kept(
    tus: Tus, is_size_known: bool
):
    upload = await tus.create(len(ZIP))
    await tus.send(upload, 0, ZIP[:1000])
    with pytest.raises(TooLarge):
        await tus.send(upload, 1000, ZIP[1000:] + b"x", is_size_known=is_size_known)
    assert await tus.offset(upload) == 1000
    await tus.send(upload, 1000, ZIP[1000:])
    assert await tus.published(upload) == ZIP
    with pytest.raises(TooLarge):
        await tus.send(upload, len(ZIP), b"x", is_size_known=is_size_known)


async def test_asking_a_complete_upload_for_nothing_more_is_answered(tus: Tus):
    upload = await tus.create(len(SMALL))
    await tus.send(upload, 0, SMALL)
    assert await tus.send(upload, len(SMALL), b"") == len(SMALL)
    with pytest.raises(WrongState):
        await tus.send(upload, 0, SMALL)


@pytest.mark.parametrize("algorithm", DIGESTS)
async def test_bytes_with_the_right_checksum_are_kept(tus: Tus, algorithm: str):
    upload = await tus.create(len(ZIP))
    for start, stop in ((0, 70_000), (70_000, 9 * MB), (9 * MB, len(ZIP))):
        piece = ZIP[start:stop]
        checksum = Checksum(algorithm, DIGESTS[algorithm](piece))
        assert await tus.send(upload, start, piece, checksum=checksum) == stop
    assert await tus.published(upload) == ZIP


async def test_bytes_with_a_wrong_checksum_are_discarded(tus: Tus):
    upload = await tus.create(len(ZIP))
    await tus.send(upload, 0, ZIP[:1000])
    for start, size in ((1000, 10), (1000, len(ZIP) - 1000)):
        damaged = bytes(size)
        with pytest.raises(Invalid) as refusal:
            await tus.send(upload, start, damaged, checksum=sha1(ZIP[start : start + size]))
        assert refusal.value.code == "checksum_mismatch"
        assert await tus.offset(upload) == 1000
    await tus.send(upload, 1000, ZIP[1000:], checksum=sha1(ZIP[1000:]))
    assert await tus.published(upload) == ZIP


async def test_damaged_first_bytes_are_not_taken_for_other_content(tus: Tus):
    upload = await tus.create(len(ZIP))
    with pytest.raises(Invalid) as refusal:
        await tus.send(upload, 0, bytes(100_000), checksum=sha1(ZIP[:100_000]))
    assert refusal.value.code == "checksum_mismatch"
    await tus.send(upload, 0, ZIP)
    assert await tus.published(upload) == ZIP


async def test_bytes_that_could_not_be_verified_are_discarded(tus: Tus):
    upload = await tus.create(len(ZIP))
    await tus.send(upload, 0, ZIP[:1000])
    rest = ZIP[1000:]
    with pytest.raises(Exception, match="closed the connection"):
        await tus.send(upload, 1000, rest, chunks=broken(rest[: 9 * MB]), checksum=sha1(rest))
    assert await tus.offset(upload) == 1000
    await tus.send(upload, 1000, rest)
    assert await tus.published(upload) == ZIP


async def test_first_bytes_may_come_with_the_creation(tus: Tus):
    first = Body(chunked(SMALL[:500]), 500)
    upload = await tus.create(len(SMALL), body=first)
    assert await tus.offset(upload) == 500
    await tus.send(upload, 500, SMALL[500:])
    assert await tus.published(upload) == SMALL


async def test_a_creation_whose_bytes_break_off_leaves_nothing(tus: Tus):
    with pytest.raises(Exception, match="closed the connection"):
        await tus.create(len(ZIP), body=Body(broken(ZIP[: 9 * MB]), len(ZIP)))
    assert await tus.clean_up() == []
    used = await tus.uploading.used()
    assert (used.total_used, used.daily_files_used) == (0, 0)


async def test_a_deferred_length_may_be_declared_with_any_later_bytes(tus: Tus):
    upload = await tus.create(None)
    await tus.send(upload, 0, ZIP[: 9 * MB])
    assert (await tus.door.status(upload)).upload.length is None
    with pytest.raises(Malformed):
        await tus.send(upload, 9 * MB, b"", length=9 * MB - 1)
    await tus.send(upload, 9 * MB, ZIP[9 * MB :], length=len(ZIP))
    assert await tus.published(upload) == ZIP
    assert (await tus.uploading.used()).total_used == len(ZIP)


async def test_a_deferred_length_may_be_declared_behind_the_last_byte(tus: Tus):
    upload = await tus.create(None)
    await tus.send(upload, 0, ZIP)
    assert await tus.published(upload) is None
    await tus.send(upload, len(ZIP), b"", length=len(ZIP))
    assert await tus.published(upload) == ZIP
    assert len(await tus.clean_up()) == 1


async def test_a_length_never_changes(tus: Tus):
    upload = await tus.create(None)
    await tus.send(upload, 0, SMALL[:10], length=len(SMALL))
    for other in (len(SMALL) + 1, 10):
        with pytest.raises(Malformed):
            await tus.send(upload, 10, b"x", length=other)
    fixed = await tus.create(100)
    with pytest.raises(Malformed):
        await tus.send(fixed, 0, b"x", length=200)
    assert await tus.offset(fixed) == 0
    assert await tus.send(fixed, 0, b"x", length=100) == 1


async def test_an_upload_of_no_bytes_is_complete_and_never_a_file(tus: Tus):
    upload = await tus.create(0)
    assert await tus.offset(upload) == 0
    assert await tus.published(upload) is None
    tus.clock.advance(86_401)
    await end_abandoned(tus.uploading.database, tus.storage, now=tus.clock())
    assert (await tus.uploading.used()).daily_files_used == 0


async def test_terminating_gives_everything_back(tus: Tus):
    upload = await tus.create(len(ZIP))
    await tus.send(upload, 0, ZIP[: 9 * MB])
    assert await tus.door.terminate(upload) is None
    with pytest.raises(Gone):
        await tus.offset(upload)
    with pytest.raises(Gone):
        await tus.door.terminate(upload)
    used = await tus.uploading.used()
    assert (used.total_used, used.daily_files_used) == (0, 0)
    assert await tus.clean_up() == []


async def test_terminating_a_published_upload_names_its_file(tus: Tus):
    upload = await tus.create(len(SMALL))
    await tus.send(upload, 0, SMALL)
    assert await tus.door.terminate(upload)
    assert await tus.published(upload) == SMALL


async def test_past_its_time_an_upload_is_gone_and_leaves_nothing(tus: Tus):
    by_job, by_use = await tus.create(len(ZIP)), await tus.create(len(ZIP))
    for upload in (by_job, by_use):
        await tus.send(upload, 0, ZIP[: 9 * MB])
    tus.clock.advance(86_401)
    with pytest.raises(Gone) as refusal:
        await tus.offset(by_use)
    assert refusal.value.code == "expired"
    ended = await end_abandoned(tus.uploading.database, tus.storage, now=tus.clock())
    assert ended == Freed(1, 9 * MB)
    with pytest.raises(Gone):
        await tus.send(by_job, 9 * MB, ZIP[9 * MB :])
    assert await tus.clean_up() == []
    assert (await tus.uploading.used()).total_used == 0


async def test_an_upload_that_goes_on_lives_longer(tus: Tus):
    upload = await tus.create(len(SMALL))
    for offset in range(3):
        tus.clock.advance(80_000)
        await tus.send(upload, offset, SMALL[offset : offset + 1])
    await tus.send(upload, 3, SMALL[3:])
    assert await tus.published(upload) == SMALL


async def test_an_unknown_upload_is_not_found(tus: Tus):
    for refused in (tus.offset("nothing"), tus.send("nothing", 0, b"x"), tus.door.terminate("x")):
        with pytest.raises(NotFound):
            await refused


async def test_a_direct_upload_is_none_of_this_door(tus: Tus):
    started = await tus.uploading.begin(SMALL)
    with pytest.raises(NotFound):
        await tus.offset(started.session.id)


async def test_who_may_not_upload_there_is_refused_before_anything_is_kept(tus: Tus):
    with pytest.raises(NotSignedIn):
        await tus.create(10, principal=GUEST)
    with pytest.raises(NotFound):
        await tus.create(10, principal=BOB)
    with pytest.raises(NotFound):
        await tus.create(10, metadata=metadata(collection="nowhere"))
    with pytest.raises(Invalid) as refusal:
        await tus.create(10, metadata=metadata(filename="a.zip"))
    assert refusal.value.field == "collection"
    assert (await tus.uploading.used()).daily_files_used == 0


async def test_a_fixed_collection_needs_no_metadata_and_bears_no_other(tus: Tus):
    upload = await tus.create(len(SMALL), metadata=None, collection="tools")
    await tus.send(upload, 0, SMALL)
    assert await tus.published(upload) == SMALL
    with pytest.raises(Forbidden):
        await tus.create(1, metadata=metadata(collection="other"), collection="tools")


async def test_content_that_its_name_belies_ends_the_upload_as_soon_as_it_shows(tus: Tus):
    upload = await tus.create(20 * MB, "photo.jpg")
    with pytest.raises(TypeNotAllowed):
        await tus.send(upload, 0, ZIP[: 1 * MB])
    with pytest.raises(Gone):
        await tus.offset(upload)
    short = await tus.create(1000, "photo.jpg")
    with pytest.raises(TypeNotAllowed):
        await tus.send(short, 0, ZIP[:1000])
    assert await tus.uploading.state(short) is State.REJECTED
    assert await tus.clean_up() == []
    assert (await tus.uploading.used()).total_used == 0


async def test_content_that_its_name_belies_shows_also_where_its_first_bytes_came_in_turns(
    tus: Tus,
):
    upload, offset = await tus.create(20 * MB, "photo.jpg"), 0
    for size in (1000, 40_000):
        offset = await tus.send(upload, offset, ZIP[offset : offset + size])
    with pytest.raises(TypeNotAllowed):
        await tus.send(upload, offset, ZIP[offset : offset + 40_000], step=500)
    assert await tus.uploading.state(upload) is State.REJECTED


async def test_the_policy_may_leave_publishing_to_a_call_of_its_own(uploading: Uploading):
    await uploading.collections.create(ANN, "later", policy=Policy(publish="separately"))
    tus = Tus(uploading)
    upload = await tus.create(len(SMALL), metadata=metadata(collection="later", filename="a.zip"))
    await tus.send(upload, 0, SMALL)
    assert await uploading.state(upload) is State.UPLOADED
    assert await tus.offset(upload) == len(SMALL)
    await tus.door.terminate(upload)
    assert await tus.clean_up() == []


@pytest.fixture
def narrow(uploading: Uploading) -> Tus:
    """With a quota of 10 MB a day."""
    uploading.settings = Settings(quota=Quota(daily_bytes=10 * MB))
    return Tus(uploading)


async def test_a_length_beyond_the_quota_is_refused_at_once(narrow: Tus):
    with pytest.raises(TooLarge) as refusal:
        await narrow.create(10 * MB + 1)
    assert refusal.value.code == "quota_exceeded"
    await narrow.create(10 * MB)


async def test_a_deferred_length_is_refused_where_the_quota_ends(narrow: Tus):
    upload = await narrow.create(None, "noise.bin")
    whole = content(11 * MB)
    with pytest.raises(TooLarge) as refusal:
        await narrow.send(upload, 0, whole)
    assert refusal.value.code == "quota_exceeded"
    with pytest.raises(Gone):
        await narrow.offset(upload)
    assert (await narrow.uploading.used()).total_used == 0
    assert await narrow.uploading.objects() == []
    await narrow.create(10 * MB)


async def test_a_length_that_is_declared_late_keeps_to_the_limit_of_the_collection(
    uploading: Uploading,
):
    await uploading.collections.create(ANN, "small", policy=Policy(max_bytes=1000))
    tus = Tus(uploading)
    for body, length in ((b"x", 1001), (bytes(1001), None)):
        upload = await tus.create(None, metadata=metadata(collection="small", filename="a.bin"))
        with pytest.raises(TooLarge):
            await tus.send(upload, 0, body, length=length, is_size_known=False)
        with pytest.raises(Gone):
            await tus.offset(upload)

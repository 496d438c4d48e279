"""Final uploads: partial ones, one after the other."""

import pytest

from cimaise.errors import (
    Forbidden,
    Gone,
    Malformed,
    NotFound,
    TooLarge,
    TypeNotAllowed,
    WrongState,
)
from cimaise.library.discarded import Freed
from cimaise.settings import Quota, Settings
from cimaise.uploads.abandoned import end_abandoned
from cimaise.uploads.session import State
from cimaise.uploads.tus.creating import Creation
from tests.kit.tus import Tus, metadata
from tests.kit.uploading import ANN, BOB, MB, Uploading, zipped

ZIP = zipped(9 * MB)
CUTS = ((0, 1000), (1000, 1000), (1000, 8_500_000), (8_500_000, len(ZIP)))


@pytest.fixture
def tus(uploading: Uploading) -> Tus:
    return Tus(uploading)


async def partial(tus: Tus, whole: bytes, *, sent: int | None = None) -> str:
    """A partial upload of these bytes, of which some are sent."""
    status = await tus.door.create(ANN, Creation(len(whole), concat="partial"))
    if sent != 0:
        await tus.send(status.upload.id, 0, whole[:sent])
    return status.upload.id


async def test_partial_uploads_become_one_file_in_the_order_listed(tus: Tus):
    pieces = [await partial(tus, ZIP[start:stop]) for start, stop in CUTS]
    status = await tus.final(*pieces)
    assert status.offset == status.upload.length == len(ZIP)
    assert await tus.published(status.upload.id) == ZIP
    assert await tus.offset(status.upload.id) == len(ZIP)


async def test_a_partial_upload_is_never_a_file_and_needs_no_collection(tus: Tus):
    piece = await partial(tus, ZIP)
    assert await tus.uploading.state(piece) is State.UPLOADED
    assert await tus.published(piece) is None


async def test_a_partial_upload_may_be_used_again_and_repeated(tus: Tus):
    piece = await partial(tus, b"again ")
    for repetitions in (1, 3):
        status = await tus.final(*[piece] * repetitions, filename="words.txt")
        assert await tus.published(status.upload.id) == b"again " * repetitions


async def test_the_quota_counts_the_file_and_not_its_pieces(tus: Tus):
    tus.uploading.settings = Settings(quota=Quota(total_bytes=len(ZIP), daily_files=2))
    tus = tus.another()
    pieces = [await partial(tus, ZIP[: 1 * MB]), await partial(tus, ZIP[1 * MB :])]
    with pytest.raises(TooLarge):
        await partial(tus, b"x")
    await tus.final(*pieces)
    used = await tus.uploading.used()
    assert (used.total_used, used.daily_files_used) == (len(ZIP), 1)


async def test_a_final_upload_beyond_the_quota_is_refused_and_its_pieces_stay_counted(tus: Tus):
    tus.uploading.settings = Settings(quota=Quota(total_bytes=1000))
    tus = tus.another()
    piece = await partial(tus, bytes(400))
    with pytest.raises(TooLarge) as refusal:
        await tus.final(piece, piece, piece, filename="a.bin")
    assert refusal.value.code == "quota_exceeded"
    assert (await tus.uploading.used()).total_used == 400
    await tus.door.terminate(piece)
    assert (await tus.uploading.used()).total_used == 0


async def test_a_final_upload_may_come_before_the_last_bytes_of_its_pieces(tus: Tus):
    first = await partial(tus, ZIP[:5000], sent=4000)
    second = await partial(tus, ZIP[5000:], sent=0)
    status = await tus.final(first, second)
    final = status.upload.id
    assert (status.offset, status.upload.length) == (4000, len(ZIP))
    await tus.send(first, 4000, ZIP[4000:5000])
    assert await tus.offset(final) == 5000
    assert await tus.published(final) is None
    await tus.send(second, 0, ZIP[5000:])
    assert await tus.published(final) == ZIP
    assert await tus.offset(final) == len(ZIP)


async def test_a_final_upload_takes_no_bytes(tus: Tus):
    piece = await partial(tus, ZIP[:5000], sent=100)
    final = (await tus.final(piece)).upload.id
    with pytest.raises(Forbidden):
        await tus.send(final, 100, ZIP[100:5000])
    assert await tus.offset(final) == 100


async def test_content_that_its_name_belies_refuses_the_file_and_not_its_pieces(tus: Tus):
    piece = await partial(tus, ZIP)
    with pytest.raises(TypeNotAllowed):
        await tus.final(piece, filename="photo.jpg")
    assert (await tus.uploading.used()).total_used == 0
    status = await tus.final(piece)
    assert await tus.published(status.upload.id) == ZIP


async def test_a_refused_file_does_not_fail_the_request_that_brought_the_last_bytes(tus: Tus):
    piece = await partial(tus, ZIP, sent=100)
    final = (await tus.final(piece, filename="photo.jpg")).upload.id
    assert await tus.send(piece, 100, ZIP[100:]) == len(ZIP)
    with pytest.raises(Gone):
        await tus.offset(final)
    assert await tus.uploading.state(final) is State.REJECTED


async def test_what_is_no_partial_upload_of_ones_own_is_refused(tus: Tus):
    whole = await tus.create(len(ZIP))
    deferred = (await tus.door.create(ANN, Creation(None, concat="partial"))).upload.id
    ended = await partial(tus, b"x")
    await tus.door.terminate(ended)
    for piece in (whole, deferred, ended):
        with pytest.raises(Malformed):
            await tus.final(piece)
    with pytest.raises(NotFound):
        await tus.final("nothing-like-this")
    mine = await partial(tus, b"x")
    await tus.uploading.collections.create(BOB, "theirs")
    told = metadata(collection="theirs")
    with pytest.raises(Forbidden):
        await tus.door.create(BOB, Creation(None, told, "final;/tus/x", (mine,)))


async def test_a_final_upload_of_an_ended_piece_is_past_help(tus: Tus):
    piece = await partial(tus, ZIP[:5000], sent=100)
    final = (await tus.final(piece)).upload.id
    await tus.door.terminate(piece)
    assert await tus.uploading.state(final) is State.PENDING
    await tus.door.terminate(final)
    assert await tus.clean_up() == []
    assert (await tus.uploading.used()).total_used == 0


async def test_pieces_end_at_their_time_and_the_file_stays(tus: Tus):
    pieces = [await partial(tus, ZIP[: 1 * MB]), await partial(tus, ZIP[1 * MB :])]
    final = (await tus.final(*pieces)).upload.id
    tus.clock.advance(86_401)
    ended = await end_abandoned(tus.uploading.database, tus.storage, now=tus.clock())
    assert ended == Freed(2, len(ZIP))
    assert len(await tus.clean_up()) == 1
    assert await tus.published(final) == ZIP
    used = await tus.uploading.used()
    assert used.total_used == len(ZIP)
    with pytest.raises(Gone):
        await tus.offset(pieces[0])


async def test_only_empty_pieces_make_an_upload_that_is_never_a_file(tus: Tus):
    piece = await partial(tus, b"", sent=0)
    assert await tus.uploading.state(piece) is State.UPLOADED
    status = await tus.final(piece, piece)
    assert (status.offset, status.upload.length) == (0, 0)
    assert await tus.published(status.upload.id) is None


async def test_a_complete_partial_upload_answers_like_any_other(tus: Tus):
    piece = await partial(tus, ZIP[:5000])
    assert await tus.offset(piece) == 5000
    with pytest.raises(WrongState):
        await tus.send(piece, 0, ZIP[:5000])

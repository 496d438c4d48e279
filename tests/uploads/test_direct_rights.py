"""Direct uploads: ending them, who may, what is refused, what they cost."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from cimaise.access.policy import GUEST
from cimaise.errors import (
    CimaiseError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    NotSignedIn,
    TooLarge,
    TypeNotAllowed,
    WrongState,
)
from cimaise.library.collections import Changes
from cimaise.library.model import Policy
from cimaise.settings import Quota, Settings
from cimaise.settings import Uploads as UploadSettings
from cimaise.uploads.doors.direct import Intent
from cimaise.uploads.session import State
from tests.conftest import StandingClock
from tests.kit.bodies import read_all
from tests.kit.direct import LARGE, SMALL, assert_nothing_is_left
from tests.kit.uploading import ADMIN, ANN, BOB, MB, Uploading


async def test_aborting_frees_bytes_and_quota_at_any_time_and_again(uploading: Uploading):
    for body, strategy in [(SMALL, "single"), (LARGE, "multipart")]:
        for sent in (False, True):
            started = await uploading.begin(body, strategy=strategy)
            if sent and strategy == "single":
                await uploading.send(started, body)
            elif sent:
                await uploading.send_parts(started, body)
            await uploading.direct.abort(ANN, started.session.id)
            await uploading.direct.abort(ANN, started.session.id)
            await assert_nothing_is_left(uploading)


async def test_aborting_a_complete_upload_frees_it_too(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    await uploading.direct.complete(ANN, started.session.id, None)
    await uploading.direct.abort(ANN, started.session.id)
    await assert_nothing_is_left(uploading)


async def test_an_aborted_upload_can_do_nothing_more(uploading: Uploading):
    started = await uploading.begin(LARGE, strategy="multipart")
    await uploading.direct.abort(ANN, started.session.id)
    with pytest.raises(WrongState):
        await uploading.direct.complete(ANN, started.session.id, None)
    with pytest.raises(WrongState):
        await uploading.direct.fresh_urls(ANN, started.session.id, [1])


async def test_a_session_past_its_time_is_gone_with_everything(uploading: Uploading):
    started = await uploading.begin(SMALL)
    await uploading.send(started, SMALL)
    uploading.clock = lambda: started.session.expires_at + timedelta(seconds=1)
    for _ in range(2):
        with pytest.raises(Gone) as caught:
            await uploading.direct.complete(ANN, started.session.id, None)
        assert caught.value.code == "expired"
    assert await uploading.objects() == []
    assert (await uploading.used()).total_used == 0


async def test_others_may_not_touch_an_upload_and_admins_may(uploading: Uploading):
    started = await uploading.begin(SMALL)
    upload_id = started.session.id
    for act in (
        uploading.direct.progress(BOB, upload_id),
        uploading.direct.complete(BOB, upload_id, None),
        uploading.direct.abort(BOB, upload_id),
        uploading.direct.fresh_urls(BOB, upload_id, [1]),
    ):
        with pytest.raises(Forbidden):
            await act
    with pytest.raises(NotSignedIn):
        await uploading.direct.progress(GUEST, upload_id)
    with pytest.raises(NotFound):
        await uploading.direct.progress(ANN, "no-such-id")
    await uploading.direct.abort(ADMIN, upload_id)


async def test_without_a_right_to_the_collection_nothing_begins(uploading: Uploading):
    intent = Intent("tools", "tool.zip", 100)
    with pytest.raises(NotFound):
        await uploading.direct.create(BOB, intent)
    with pytest.raises(NotSignedIn):
        await uploading.direct.create(GUEST, intent)
    with pytest.raises(NotFound):
        await uploading.direct.create(ANN, replace(intent, collection="nowhere"))


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"size": 0}, Invalid, "size"),
        ({"size": -5}, Invalid, "size"),
        ({"filename": ""}, Invalid, "filename"),
        ({"filename": "x" * 2000}, Invalid, "filename"),
        ({"content_type": "not a type"}, Invalid, "content_type"),
        ({"checksum_sha256": "short"}, Invalid, "checksum_sha256"),
        ({"strategy": "single", "size": 51 * MB}, Invalid, "strategy"),
        ({"strategy": "multipart", "part_size": 1}, Invalid, "part_size"),
        ({"size": 6 * 1024**4}, TooLarge, None),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_reserved(
    uploading: Uploading, change: dict, error: type[CimaiseError], field: str | None
):
    with pytest.raises(error) as caught:
        await uploading.direct.create(ANN, replace(Intent("tools", "tool.zip", 100), **change))
    assert caught.value.field == field
    await assert_nothing_is_left(uploading)


async def test_the_policy_of_the_collection_is_kept(uploading: Uploading):
    policy = Policy(extensions=(".zip",), types=("application/zip",), max_bytes=1000)
    await uploading.collections.change(ANN, "tools", Changes(policy=policy))
    with pytest.raises(TypeNotAllowed):
        await uploading.direct.create(ANN, Intent("tools", "tool.rar", 100))
    with pytest.raises(TypeNotAllowed):
        await uploading.direct.create(ANN, Intent("tools", "a.zip", 100, "image/png"))
    with pytest.raises(TooLarge) as caught:
        await uploading.direct.create(ANN, Intent("tools", "a.zip", 1001))
    assert caught.value.limit is not None
    assert caught.value.limit.name == "policy.max_bytes"


async def test_bytes_are_held_against_the_policy_too(uploading: Uploading):
    await uploading.collections.change(ANN, "tools", Changes(policy=Policy(types=("image/*",))))
    started = await uploading.begin(SMALL, "picture")
    await uploading.send(started, SMALL)
    with pytest.raises(TypeNotAllowed, match="application/zip"):
        await uploading.direct.complete(ANN, started.session.id, None)
    await assert_nothing_is_left(uploading)


async def test_the_quota_is_reserved_when_an_upload_begins(uploading: Uploading):
    uploading.settings = Settings(quota=Quota(total_bytes=len(SMALL) + 10))
    await uploading.begin(SMALL)
    with pytest.raises(TooLarge) as caught:
        await uploading.begin(SMALL)
    assert caught.value.code == "quota_exceeded"


async def test_fresh_urls_are_given_for_any_parts_of_a_living_upload(uploading: Uploading):
    started = await uploading.begin(LARGE, strategy="multipart", part_size=5 * MB)
    renewed = await uploading.direct.fresh_urls(ANN, started.session.id, [3, 1, 3])
    assert [(one.part_number, one.size) for one in renewed.parts] == [
        (1, 5 * MB),
        (3, len(LARGE) - 10 * MB),
    ]
    for numbers in ([], [0], [4], list(range(1, 1002))):
        with pytest.raises(Invalid):
            await uploading.direct.fresh_urls(ANN, started.session.id, numbers)


async def test_a_single_upload_gets_its_url_anew(uploading: Uploading):
    started = await uploading.begin(SMALL)
    renewed = await uploading.direct.fresh_urls(ANN, started.session.id, [1])
    assert renewed.single is not None
    assert [(one.part_number, one.size) for one in renewed.parts] == [(1, len(SMALL))]
    with pytest.raises(Invalid):
        await uploading.direct.fresh_urls(ANN, started.session.id, [2])


async def test_only_a_thousand_urls_come_with_the_first_answer(uploading: Uploading):
    started = await uploading.direct.create(ANN, Intent("tools", "big.zip", 60 * 1024**3))
    assert started.session.part_count == 6144
    assert len(started.parts) == 1000


async def test_sessions_and_parts_survive_a_new_process(uploading: Uploading):
    started = await uploading.begin(LARGE, strategy="multipart", part_size=5 * MB)
    first = await uploading.send_parts(started, LARGE, [1, 2])
    later = replace(uploading, settings=Settings(uploads=UploadSettings()))
    progress = await later.direct.progress(ANN, started.session.id)
    assert {part.part_number for part in progress.parts} == {1, 2}
    etags = first | await later.send_parts(started, LARGE, [3])
    done = await later.direct.complete(ANN, started.session.id, etags)
    whole = await read_all(uploading.storage, done.session.storage_key)
    assert hashlib.sha256(whole).digest() == hashlib.sha256(LARGE).digest()


async def test_ones_own_uploads_are_listed_newest_first(uploading: Uploading, clock: StandingClock):
    ids = []
    for _ in range(3):
        clock.advance(1)
        ids.append((await uploading.begin(SMALL)).session.id)
    found = await uploading.direct.list(ANN, state=None, before=None, limit=2)
    assert [one.id for one in found] == ids[:0:-1]
    last = found[-1]
    rest = await uploading.direct.list(
        ANN, state=State.PENDING, before=(last.created_at, last.id), limit=2
    )
    assert [one.id for one in rest] == ids[:1]
    assert await uploading.direct.list(BOB, state=None, before=None, limit=5) == []

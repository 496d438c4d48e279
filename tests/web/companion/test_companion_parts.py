"""Files in parts, as ``@uppy/aws-s3`` sends them."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from cimaise.errors import Unavailable
from tests.kit.application import Person, RunningApplication
from tests.kit.companion import (
    LARGE,
    MB,
    PART,
    SMALL,
    Companion,
    lose_in_storage,
    quota_of,
    state_of,
)


def test_a_file_in_parts_is_published_and_comes_back_the_same(uppy: Companion):
    upload = uppy.create()
    parts = uppy.send_all(upload, LARGE)
    assert len(parts) == 3
    done = uppy.complete(upload, parts)
    assert done.status_code == 200, done.text
    assert set(done.json()) >= {"location", "key"}
    got = httpx2.get(done.json()["location"], timeout=30)
    assert got.content == LARGE
    listed = uppy.client.get(f"/api/collections/{uppy.meta['collection']}/files").json()["files"]
    assert [(one["filename"], one["size"]) for one in listed] == [("tool.zip", len(LARGE))]


@pytest.mark.parametrize("step", [PART + 7, 6 * MB])
def test_a_page_may_cut_parts_of_another_size(uppy: Companion, step: int):
    upload = uppy.create()
    done = uppy.complete(upload, uppy.send_all(upload, LARGE, step))
    assert httpx2.get(done.json()["location"], timeout=30).content == LARGE


def test_a_small_file_may_be_one_part(uppy: Companion):
    upload = uppy.create()
    done = uppy.complete(upload, uppy.send_all(upload, SMALL))
    assert httpx2.get(done.json()["location"]).content == SMALL


def test_parts_at_once_and_the_last_one_first(uppy: Companion):
    upload = uppy.create()
    pieces = {1: LARGE[:PART], 2: LARGE[PART : 2 * PART], 3: LARGE[2 * PART :]}
    etags = {3: uppy.send(upload, 3, pieces[3]).headers["etag"]}
    with ThreadPoolExecutor(2) as pool:
        sent = pool.map(lambda number: uppy.send(upload, number, pieces[number]), (1, 2))
        etags |= {
            number: answer.headers["etag"] for number, answer in zip((1, 2), sent, strict=True)
        }
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in etags.items()]
    done = uppy.complete(upload, parts)
    assert httpx2.get(done.json()["location"], timeout=30).content == LARGE


def test_a_batch_signs_several_parts(uppy: Companion):
    upload = uppy.create()
    answer = uppy.ask("GET", f"/s3/multipart/{upload}/batch?key={upload}&partNumbers=1,2,3")
    urls = answer.json()["presignedUrls"]
    assert sorted(urls) == ["1", "2", "3"]
    assert httpx2.put(urls["2"], content=b"x").status_code == 200
    for numbers in ("", "0", "1,x", "10001", "-1", "1," * 20_000):
        path = f"/s3/multipart/{upload}/batch?key={upload}&partNumbers={numbers}"
        assert uppy.ask("GET", path).status_code in (400, 414, 422), numbers[:20]


def test_the_signed_answer_says_for_how_long_the_url_is_good(uppy: Companion):
    upload = uppy.create()
    answer = uppy.ask("GET", uppy.path(upload, "/1")).json()
    assert 1800 < answer["expires"] <= 3600
    assert answer["url"].startswith("http")


def test_etags_come_back_with_and_without_quotation_marks_mixed(uppy: Companion):
    upload = uppy.create()
    parts = uppy.send_all(upload, LARGE)
    assert all(part["ETag"].startswith('"') for part in uppy.parts(upload))
    parts[0]["ETag"] = parts[0]["ETag"].strip('"')
    parts[1] = {"PartNumber": 2, "etag": parts[1]["ETag"]}
    assert uppy.complete(upload, parts).status_code == 200


def test_after_a_reload_only_what_is_missing_is_sent(server: RunningApplication, uppy: Companion):
    upload = uppy.create()
    uppy.send(upload, 1, LARGE[:PART])
    listed = uppy.parts(upload)
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [(1, PART)]
    two = uppy.send(upload, 2, LARGE[PART : 2 * PART])
    three = uppy.send(upload, 3, LARGE[2 * PART :])
    named = [
        listed[0],
        {"PartNumber": 2, "ETag": two.headers["etag"]},
        {"PartNumber": 3, "ETag": three.headers["etag"]},
    ]
    assert uppy.complete(upload, named).status_code == 200


def test_a_lost_answer_to_complete_is_asked_for_again_without_sending_a_byte(uppy: Companion):
    upload = uppy.create()
    first = uppy.complete(upload, uppy.send_all(upload, LARGE))
    used = quota_of(uppy.client)
    listed = uppy.parts(upload)
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [
        (1, PART), (2, PART), (3, len(LARGE) - 2 * PART),
    ]  # fmt: skip
    again = uppy.complete(upload, listed)
    assert (again.status_code, again.json()) == (200, first.json())
    assert quota_of(uppy.client) == used


def test_an_upload_that_the_storage_lost_goes_on_under_its_id(
    server: RunningApplication, uppy: Companion
):
    upload = uppy.create()
    uppy.send(upload, 1, LARGE[:PART])
    lose_in_storage(server, upload)
    assert uppy.parts(upload) == []
    done = uppy.complete(upload, uppy.send_all(upload, LARGE))
    assert httpx2.get(done.json()["location"], timeout=30).content == LARGE


def test_completing_what_the_storage_lost_says_so_and_goes_on(
    server: RunningApplication, uppy: Companion
):
    upload = uppy.create()
    parts = uppy.send_all(upload, LARGE)
    lose_in_storage(server, upload)
    refused = uppy.complete(upload, parts)
    assert (refused.status_code, refused.json()["code"]) == (409, "part_mismatch")
    assert uppy.parts(upload) == []
    assert uppy.complete(upload, uppy.send_all(upload, LARGE)).status_code == 200


def test_what_was_joined_before_a_failure_is_completed_without_sending_a_byte(
    server: RunningApplication, uppy: Companion, monkeypatch: pytest.MonkeyPatch
):
    def away(*_: object, **__: object) -> None:
        raise Unavailable("The storage cannot be reached.")

    upload = uppy.create()
    parts = uppy.send_all(upload, LARGE)
    with monkeypatch.context() as patch:
        patch.setattr(server.application.services.storage, "open", away)
        assert uppy.complete(upload, parts).status_code == 503
    listed = uppy.parts(upload)
    assert [part["PartNumber"] for part in listed] == [1, 2, 3]
    done = uppy.complete(upload, listed)
    assert done.status_code == 200, done.text
    assert httpx2.get(done.json()["location"], timeout=30).content == LARGE


@pytest.mark.parametrize("what", ["missing", "etag", "short", "long last", "gap", "nothing"])
def test_parts_that_are_no_file_are_refused_and_can_be_mended(uppy: Companion, what: str):
    upload = uppy.create()
    parts = uppy.send_all(upload, LARGE)
    claimed = list(parts)
    if what == "missing":
        claimed = [*parts, {"PartNumber": 4, "ETag": "x"}]
    elif what == "etag":
        claimed = [parts[0] | {"ETag": parts[1]["ETag"]}, *parts[1:]]
    elif what == "short":
        claimed = [
            {"PartNumber": 1, "ETag": uppy.send(upload, 1, b"x").headers["etag"]},
            *parts[1:],
        ]
    elif what == "long last":
        answer = uppy.send(upload, 3, b"x" * (PART + 1))
        claimed = [*parts[:2], {"PartNumber": 3, "ETag": answer.headers["etag"]}]
    elif what == "gap":
        claimed = [parts[0], parts[2]]
    else:
        claimed = []
    refused = uppy.complete(upload, claimed)
    assert refused.status_code in (409, 422), refused.text
    assert refused.json()["message"] == refused.json()["error"]
    mended = uppy.send_all(upload, LARGE)
    assert uppy.complete(upload, mended).status_code == 200


def test_a_part_of_another_session_of_the_page_is_found_out_by_its_size(uppy: Companion):
    uppy.meta["size"] = len(LARGE)
    upload = uppy.create()
    parts = uppy.send_all(upload, LARGE[: 2 * PART])
    refused = uppy.complete(upload, parts)
    assert (refused.status_code, refused.json()["code"]) == (409, "part_mismatch")
    last = uppy.send(upload, 3, LARGE[2 * PART :]).headers["etag"]
    assert uppy.complete(upload, [*parts, {"PartNumber": 3, "ETag": last}]).status_code == 200


def test_bodies_of_complete_that_are_none_are_refused(uppy: Companion):
    upload = uppy.create()
    path = uppy.path(upload, "/complete")
    bodies = [
        {}, {"parts": 3}, {"parts": [{}]}, {"parts": [{"PartNumber": 0, "ETag": "x"}]},
        {"parts": [{"PartNumber": 10_001, "ETag": "x"}]}, {"parts": [{"PartNumber": "1"}]},
        {"parts": [{"PartNumber": 1, "ETag": "x" * 400}]},
        {"parts": [{"PartNumber": 1, "ETag": "a"}, {"PartNumber": 1, "ETag": "b"}]},
        {"parts": [{"PartNumber": 1}]}, {"parts": [{"PartNumber": 1, "ETag": "\x00"}]},
    ]  # fmt: skip
    for body in bodies:
        answer = uppy.ask("POST", path, content=json.dumps(body))
        assert answer.status_code in (400, 409, 422), (body, answer.text)
    assert state_of(uppy.client, upload) == "pending"


@pytest.mark.parametrize("number", ["0", "-1", "10001", "x", "1.5", "%00", "9" * 30, "١"])
def test_a_part_that_cannot_be_is_not_signed(uppy: Companion, number: str):
    upload = uppy.create()
    answer = uppy.ask("GET", f"/s3/multipart/{upload}/{number}?key={upload}")
    assert answer.status_code in (404, 422)


def test_another_key_than_the_uploads_is_not_found(uppy: Companion):
    upload, other = uppy.create(), uppy.create()
    for method, rest in (("GET", ""), ("GET", "/1"), ("POST", "/complete"), ("DELETE", "")):
        answer = uppy.ask(method, f"/s3/multipart/{upload}{rest}?key={other}")
        assert answer.status_code == 404, (method, rest)
    assert uppy.parts(upload) == []


def test_an_upload_that_is_none_is_not_found_in_any_way(uppy: Companion):
    direct = uppy.client.post(
        "/api/uploads",
        json={"collection": uppy.meta["collection"], "filename": "a.zip", "size": 60 * MB},
    ).json()["id"]
    for upload in ("nothing", direct, "a" * 500, "%2e%2e", "'or'1"):
        assert uppy.ask("GET", f"/s3/multipart/{upload}").status_code == 404, upload
        assert uppy.ask("GET", f"/s3/multipart/{upload}/1").status_code == 404
        assert uppy.ask("DELETE", f"/s3/multipart/{upload}").status_code == 404
        body = {"parts": [{"PartNumber": 1, "ETag": "x"}]}
        answer = uppy.ask("POST", f"/s3/multipart/{upload}/complete", json=body)
        assert answer.status_code == 404


def test_the_other_doors_calls_cannot_finish_an_upload_of_this_one(uppy: Companion):
    upload = uppy.create()
    uppy.send_all(upload, LARGE)
    for body in ({}, {"parts": [{"part_number": 1, "etag": "x"}]}):
        answer = uppy.client.post(f"/api/uploads/{upload}/complete", json=body)
        assert answer.status_code in (409, 422), answer.text
    fresh = uppy.client.post(f"/api/uploads/{upload}/parts", json={"part_numbers": [1]})
    assert fresh.status_code == 422
    assert uppy.client.get(f"/api/uploads/{upload}").json()["state"] == "uploading"


def test_somebody_elses_upload_is_out_of_reach(
    server: RunningApplication, bob: Person, uppy: Companion
):
    upload = uppy.create()
    with server.client(bob) as client:
        strange = Companion(client, "/companion", **uppy.meta)
        assert strange.ask("GET", strange.path(upload)).status_code == 403
        assert strange.ask("GET", strange.path(upload, "/1")).status_code == 403
        assert strange.abort(upload).status_code == 403
        assert strange.complete(upload, []).status_code == 403
        body = {"filename": "a.zip", "metadata": uppy.meta}
        assert strange.ask("POST", "/s3/multipart", json=body).status_code == 403
        assert strange.params().status_code == 403
    assert uppy.parts(upload) == []


def test_cancelling_frees_everything_and_answers_200_in_any_state(
    server: RunningApplication, ann: Person, uppy: Companion
):
    before = quota_of(uppy.client)
    upload = uppy.create()
    uppy.send_all(upload, LARGE)
    assert quota_of(uppy.client)["total_used"] > before["total_used"]
    for _ in range(3):
        answer = uppy.abort(upload)
        assert (answer.status_code, answer.json()) == (200, {})
    assert quota_of(uppy.client) == before
    assert uppy.ask("GET", uppy.path(upload)).status_code == 409
    assert state_of(uppy.client, upload) == "aborted"


def test_cancelling_after_the_end_keeps_what_is_published(uppy: Companion):
    upload = uppy.create()
    done = uppy.complete(upload, uppy.send_all(upload, SMALL))
    assert uppy.abort(upload).status_code == 200
    assert httpx2.get(done.json()["location"]).content == SMALL


def test_after_cancelling_a_part_url_is_worthless(uppy: Companion):
    upload = uppy.create()
    url = uppy.sign(upload, 1)
    uppy.abort(upload)
    assert httpx2.put(url, content=b"x").status_code in (404, 409)


def test_a_client_that_only_completes_twice_at_once_gets_one_file(
    server: RunningApplication, uppy: Companion
):
    upload = uppy.create()
    parts = uppy.send_all(upload, LARGE)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: uppy.complete(upload, parts), range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert any(answer.status_code == 200 for answer in answers)
    listed = uppy.client.get(f"/api/collections/{uppy.meta['collection']}/files").json()["files"]
    assert len(listed) == 1

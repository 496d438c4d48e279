"""``@uppy/aws-s3`` 5 and 6 against the Companion door, to disk."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cimaise.database.schema import uploads
from cimaise.storage.signed_urls import SignedUrls
from tests.browser.uppy.conftest import LENGTH, MB, Visit, assert_arrived
from tests.kit.served_application import ServedApplication


def test_a_small_file_goes_in_one_request(visit: Visit):
    visit.uppy()
    visit.add(length=300_000)
    assert_arrived(visit, visit.run(), 300_000)
    assert visit.served.sent("POST /files") == ["POST /files"]


def test_a_large_file_goes_in_parts(visit: Visit):
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    assert_arrived(visit, visit.run(), LENGTH)
    assert visit.puts() == 3
    assert max(visit.page.evaluate("() => uppy.progress()")) == LENGTH


def test_several_files_go_at_once(visit: Visit):
    visit.uppy(shouldUseMultipart=True)
    for number in range(4):
        visit.add(f"{number}.bin", 6 * MB + number)
    result = visit.run()
    assert (len(result["successful"]), result["failed"]) == (4, [])
    sizes = sorted(file["size"] for file in visit.files())
    assert sizes == [6 * MB + number for number in range(4)]


def test_an_empty_file_fails_and_does_not_hang(visit: Visit):
    visit.uppy(retryDelays=[])
    visit.add(length=0)
    result = visit.run()
    assert [one["name"] for one in result["failed"]] == ["file.bin"]
    assert visit.files() == []


def test_a_refused_file_fails_with_the_servers_sentence_where_uppy_shows_it(visit: Visit):
    url = f"/api/collections/{visit.collection}"
    visit.client.patch(url, json={"policy": {"extensions": [".zip"]}})
    visit.uppy(retryDelays=[])
    visit.add(length=1000)
    (failed,) = visit.run()["failed"]
    if visit.version == "five":
        assert "Only .zip files" in failed["error"]


def test_cancelling_frees_what_was_sent(visit: Visit):
    reached, released = threading.Event(), asyncio.Event()
    seen = 0

    async def hook(scope: Any, _: Any) -> None:
        nonlocal seen
        if scope["method"] == "PUT":
            seen += 1
            if seen == 2:
                reached.set()
                await released.wait()
        if scope["method"] == "DELETE":
            released.set()

    visit.served.hook = hook
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    visit.page.evaluate("() => uppy.begin()")
    assert reached.wait(30)
    with visit.page.expect_response(lambda answer: answer.request.method == "DELETE") as answered:
        visit.page.evaluate("() => uppy.cancel()")
    assert answered.value.status == 200
    (upload,) = visit.upload_ids()[:1]
    assert visit.client.get(f"/api/uploads/{upload}").json()["state"] == "aborted"
    shown = visit.client.get("/api/upload-tokens").json()["upload_tokens"]
    mine = next(one for one in shown if one["id"] == visit.token["id"])
    assert (mine["used_bytes"], mine["used_files"]) == (0, 0)


def test_a_part_that_fails_is_sent_again(visit: Visit):
    failures = 1 if visit.version == "five" else 4  # the one tries longer, the other fails
    seen: dict[str, int] = {"left": failures}

    async def hook(scope: Any, _: Any) -> int | None:
        if scope["method"] == "PUT" and len(visit.served.sent("PUT ")) > 1 and seen["left"]:
            seen["left"] -= 1
            return 500
        return None

    visit.served.hook = hook
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    result = visit.run()
    if visit.version == "six":
        assert len(result["failed"]) == 1
        result = visit.run("retry")
        lists = [
            line for line in visit.served.sent("GET /companion/")
            if line.rpartition("/multipart/")[2] in visit.upload_ids()
        ]  # fmt: skip
        assert len(lists) == 1
    assert_arrived(visit, result, LENGTH)
    assert visit.puts() == 3 + failures
    assert len(visit.served.sent("POST /companion/")) == 2  # begun once, completed once


def test_an_expired_url_costs_no_byte_that_had_arrived(visit: Visit):
    """Uppy 5 fetches a fresh URL by itself; Uppy 6 fails, and goes on when it is told to."""
    expired: list[str] = []

    async def hook(scope: Any, _: Any) -> None:
        if scope["method"] == "PUT" and not expired and len(visit.served.sent("PUT ")) > 1:
            expired.append(scope["path"])
            scope["path"] = await expired_path(visit.served)

    visit.served.hook = hook
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    result = visit.run()
    if visit.version == "six":
        assert len(result["failed"]) == 1
        result = visit.run("retry")
    assert_arrived(visit, result, LENGTH)
    assert len(expired) == 1
    assert visit.puts() == 4


async def expired_path(served: ServedApplication) -> str:
    """Path of a URL that this server signed two hours ago."""
    services = served.application.services
    newest = select(uploads).order_by(uploads.c.created_at.desc()).limit(1)
    row = await services.database.read(lambda connection: connection.execute(newest).one())
    past = services.clock() - timedelta(hours=2)
    secret = (services.settings.data.dir / "secret.key").read_bytes().strip()
    urls = SignedUrls(secret=secret, public_url=served.url, now=lambda: past)
    signed = urls.part(
        row.incoming_key, row.storage_upload_id, 2, max_bytes=LENGTH, session_id=row.id,
        expires_at=past + timedelta(hours=1),
    )  # fmt: skip
    return signed.url.removeprefix(served.url)


def is_complete(scope: Any) -> bool:
    return scope["method"] == "POST" and scope["path"].endswith("/complete")


@pytest.mark.parametrize("version", ["six"], indirect=True)  # five deletes the upload by itself
def test_a_failed_completion_loses_nothing(visit: Visit):
    failures = [503]

    async def hook(scope: Any, _: Any) -> int | None:
        return failures.pop() if failures and is_complete(scope) else None

    visit.served.hook = hook
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    assert len(visit.run()["failed"]) == 1
    assert_arrived(visit, visit.run("retry"), LENGTH)
    assert visit.puts() == 3


@pytest.mark.parametrize("version", ["six"], indirect=True)
def test_an_answer_to_complete_that_got_lost_is_had_again(visit: Visit):
    served = visit.served
    lost: list[str] = []

    async def hook(scope: Any, receive: Any) -> int | None:
        if lost or not is_complete(scope):
            return None
        lost.append(scope["path"])

        async def nowhere(_: Any) -> None:
            """The connection broke."""

        await served.application(dict(scope), receive, nowhere)
        return 502

    served.hook = hook
    visit.uppy(shouldUseMultipart=True)
    visit.add()
    assert len(visit.run()["failed"]) == 1
    assert len(visit.files()) == 1
    assert_arrived(visit, visit.run("retry"), LENGTH)
    assert visit.puts() == 3


@pytest.mark.parametrize("version", ["five"], indirect=True)  # six has no option for headers
def test_a_page_can_send_a_key_in_place_of_a_token(visit: Visit):
    headers = {"Authorization": f"Bearer {visit.served.key}"}
    visit.uppy(endpoint=f"{visit.served.url}/companion", headers=headers, shouldUseMultipart=True)
    visit.add(collection=visit.collection)
    assert_arrived(visit, visit.run(), LENGTH)


@pytest.mark.parametrize("version", ["six"], indirect=True)
def test_xhr_upload_sends_to_the_form_of_a_token(visit: Visit):
    options = {"endpoint": visit.token["form_url"], "fieldName": "file"}
    visit.page.evaluate("(options) => { window.uppy = xhr(options) }", options)
    visit.add(length=LENGTH, title="By XHR")
    assert_arrived(visit, visit.run(), LENGTH)
    assert visit.files()[0]["title"] == "By XHR"


def test_a_revoked_token_stops_the_page(visit: Visit):
    visit.client.delete(f"/api/upload-tokens/{visit.token['id']}")
    visit.uppy(retryDelays=[], shouldUseMultipart=True)
    visit.add()
    result = visit.run()
    assert (len(result["failed"]), result["successful"]) == (1, [])
    if visit.version == "five":
        assert "taken back" in result["failed"][0]["error"]

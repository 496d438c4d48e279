"""What the Companion door refuses, when, and what stays of it."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from cimaise.database.schema import uploads
from cimaise.storage.signed_urls import SignedUrls
from tests.kit.application import Person, RunningApplication
from tests.kit.companion import (
    LARGE,
    MB,
    ORIGIN,
    PART,
    SMALL,
    Companion,
    is_local,
    quota_of,
    reserved,
    set_policy,
    set_row,
    state_of,
)
from tests.kit.sending import make_collection


@pytest.mark.parametrize("publish", ["by_door", "on_complete", "separately"])
def test_the_policy_says_whether_it_is_published_at_once(
    server: RunningApplication, ann_client: httpx2.Client, publish: str
):
    name = make_collection(server, ann_client, visibility="public", policy={"publish": publish})
    uppy = Companion(ann_client, "/companion", collection=name)
    upload = uppy.create()
    done = uppy.complete(upload, uppy.send_all(upload, SMALL)).json()
    state = state_of(ann_client, upload)
    form = uppy.params().json()
    posted = uppy.post(form, SMALL)
    assert posted.status_code == 201
    if publish == "separately":
        assert state == "uploaded"
        assert done["location"].endswith(f"/api/uploads/{upload}")
        again = uppy.post(form, SMALL)
        assert again.headers["location"] == posted.headers["location"]
        made = ann_client.post(f"/api/collections/{name}/files", json={"upload": upload})
        assert made.status_code == 201
    else:
        assert state == "published"


def test_a_collection_has_to_be_named(ann_client: httpx2.Client):
    uppy = Companion(ann_client, "/companion")
    for meta in ({}, {"collection": ""}, {"collection": None}, {"collection": 7}, None):
        answer = uppy.ask("POST", "/s3/multipart", json={"filename": "a.zip", "metadata": meta})
        assert (answer.status_code, answer.json()["field"]) == (422, "metadata[collection]")
    assert uppy.params().status_code == 422
    absent = Companion(ann_client, "/companion", collection="nothing-like-this")
    assert absent.params().status_code == 404
    body = {"filename": "a.zip", "metadata": absent.meta}
    assert absent.ask("POST", "/s3/multipart", json=body).status_code == 404


def test_what_a_policy_refuses_is_refused_before_a_byte(
    server: RunningApplication, ann_client: httpx2.Client
):
    policy = {"extensions": [".zip"], "types": ["application/zip"], "max_bytes": 1000}
    name = make_collection(server, ann_client, policy=policy)
    uppy = Companion(ann_client, "/companion", collection=name)
    cases: list[tuple[dict[str, Any], dict[str, Any], int]] = [
        ({"filename": "a.exe"}, {}, 415), ({"type": "image/png"}, {}, 415),
        ({}, {"size": 1001}, 413), ({}, {"size": "1001"}, 413), ({}, {"size": 0}, 422),
        ({"filename": ""}, {}, 422), ({"filename": "a" * 2000 + ".zip"}, {}, 422),
        ({"type": "null"}, {}, 200), ({"type": ""}, {"size": "large"}, 200),
        ({"type": None}, {"relativePath": None}, 200),
    ]  # fmt: skip
    for body, meta, status in cases:
        whole: dict[str, Any] = {
            "filename": "a.zip",
            "type": "application/zip",
            "metadata": uppy.meta | meta,
        } | body
        answer = uppy.ask("POST", "/s3/multipart", json=whole)
        assert answer.status_code == status, (body, meta, answer.text)
        query = {"filename": whole["filename"], "type": whole["type"] or ""} | {
            f"metadata[{key}]": str(value) for key, value in whole["metadata"].items()
        }
        assert uppy.ask("GET", "/s3/params", params=query).status_code == status, (body, meta)


def test_more_than_the_policy_allows_is_refused_and_freed(
    server: RunningApplication, ann: Person, uppy: Companion
):
    before = quota_of(uppy.client)
    set_policy(server, uppy.meta["collection"], {"max_bytes": PART + 10})
    upload = uppy.create()
    one = uppy.send(upload, 1, LARGE[:PART])
    assert one.status_code == 200
    if is_local(server):
        refused = uppy.send(upload, 2, LARGE[:11])
        assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    else:
        two = uppy.send(upload, 2, LARGE[:PART])
        parts = [
            {"PartNumber": number, "ETag": answer.headers["etag"]}
            for number, answer in ((1, one), (2, two))
        ]
        refused = uppy.complete(upload, parts)
        assert refused.status_code == 413
        assert refused.json()["limit"]["value"] == PART + 10
    assert state_of(uppy.client, upload) == "rejected"
    assert quota_of(uppy.client) == before


def test_a_part_sent_again_is_not_counted_twice_against_a_limit(
    server: RunningApplication, uppy: Companion
):
    set_policy(server, uppy.meta["collection"], {"max_bytes": len(LARGE)})
    upload = uppy.create()
    for _ in range(4):
        assert uppy.send(upload, 1, LARGE[:PART]).status_code == 200
    assert uppy.complete(upload, uppy.send_all(upload, LARGE)).status_code == 200


def test_a_quota_is_used_to_the_byte_and_no_further(server: RunningApplication):
    carla = server.person(f"carla-{id(server)}", total_bytes=len(LARGE))
    with server.client(carla) as client:
        name = make_collection(server, client)
        uppy = Companion(client, "/companion", collection=name)
        upload = uppy.create()
        parts = uppy.send_all(upload, LARGE)
        other = uppy.create()
        late = uppy.ask("GET", uppy.path(other, "/1"))
        if late.status_code == 200:  # URLs of this server: the bytes are refused as they come
            late = httpx2.put(late.json()["url"], content=SMALL)
        sent_more = late.status_code == 200
        assert uppy.complete(upload, parts).status_code == 200
        if sent_more:  # URLs of the storage: found out when it is complete
            named = [{"PartNumber": 1, "ETag": late.headers["etag"]}]
            late = uppy.complete(other, named)
        assert (late.status_code, late.json()["code"]) == (413, "quota_exceeded")
        quota = quota_of(client)
        assert (quota["total_used"], quota["daily_files_used"]) == (len(LARGE), 1)
        assert reserved(server, carla.id) == 0


def test_an_empty_file_in_parts_is_refused_and_freed(server: RunningApplication, uppy: Companion):
    before = quota_of(uppy.client)
    upload = uppy.create()
    answer = uppy.send(upload, 1, b"")
    assert answer.status_code == 200
    named = [{"PartNumber": 1, "ETag": answer.headers["etag"]}]
    refused = uppy.complete(upload, named)
    assert (refused.status_code, refused.json()["field"]) == (422, "size")
    assert quota_of(uppy.client) == before


def test_bytes_that_are_not_what_the_name_says_are_refused_and_freed(uppy: Companion):
    before = quota_of(uppy.client)
    upload = uppy.create("picture.jpg")
    refused = uppy.complete(upload, uppy.send_all(upload, b"<script>" * 1000))
    assert refused.status_code == 415
    assert state_of(uppy.client, upload) == "rejected"
    assert quota_of(uppy.client) == before


def test_rights_lost_on_the_way_stop_it_at_the_end(
    server: RunningApplication, bob: Person, uppy: Companion
):
    name = uppy.meta["collection"]
    member = f"/api/collections/{name}/members/{bob.id}"
    uppy.client.put(member, json={"role": "contributor"})
    with server.client(bob) as client:
        theirs = Companion(client, "/companion", collection=name)
        upload = theirs.create()
        parts = theirs.send_all(upload, SMALL)
        uppy.client.delete(member)
        assert theirs.complete(upload, parts).status_code == 403
        assert theirs.abort(upload).status_code == 200


def test_a_session_past_its_time_is_gone_and_freed(server: RunningApplication, uppy: Companion):
    before = quota_of(uppy.client)
    upload = uppy.create()
    parts = uppy.send_all(upload, SMALL)
    set_row(server, upload, expires_at=server.application.services.clock())
    for answer in (
        uppy.ask("GET", uppy.path(upload)),
        uppy.complete(upload, parts),
        uppy.ask("GET", uppy.path(upload, "/1")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (410, "expired")
    assert uppy.abort(upload).status_code == 200
    assert quota_of(uppy.client) == before


def test_temporary_credentials_are_not_given_out(uppy: Companion):
    assert uppy.ask("GET", "/s3/sts").status_code == 403


def test_nobody_without_an_account_gets_anything(server: RunningApplication):
    with server.client() as guest:
        uppy = Companion(guest, "/companion", collection="inbox")
        assert uppy.params().status_code == 401
        body = {"filename": "a.zip", "metadata": uppy.meta}
        assert uppy.ask("POST", "/s3/multipart", json=body).status_code == 401


def test_an_endpoint_with_a_slash_at_its_end_works_as_well(uppy: Companion):
    slashed = Companion(uppy.client, "/companion/", **uppy.meta)
    upload = slashed.create()
    assert slashed.complete(upload, slashed.send_all(upload, SMALL)).status_code == 200
    assert uppy.client.get("/api//me").status_code == 404


def test_pages_of_allowed_origins_can_read_what_they_need(uppy: Companion):
    upload = uppy.create()
    headers = {"Origin": ORIGIN}
    for method, path in (
        ("GET", uppy.path(upload)),
        ("GET", uppy.path(upload, "/1")),
        ("GET", "/s3/params?filename=a"),
    ):
        answer = uppy.ask(method, path, headers=headers)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
    preflight = httpx2.options(
        f"{uppy.client.base_url}/companion/s3/multipart",
        headers=headers
        | {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,uppy-auth-token",
        },
    )
    assert preflight.status_code == 204
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "uppy-auth-token" in preflight.headers["access-control-allow-headers"]
    form = uppy.params().json()
    posted = httpx2.post(
        form["url"], data=form["fields"], files={"file": ("b", SMALL)}, headers=headers
    )
    exposed = {
        name.strip().lower() for name in posted.headers["access-control-expose-headers"].split(",")
    }
    assert {"etag", "location"} <= exposed
    strange = uppy.ask("GET", uppy.path(upload), headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in strange.headers


def test_an_expired_part_url_says_it_in_the_words_that_uppy_looks_for(
    server: RunningApplication, uppy: Companion
):
    if not is_local(server):
        return
    services = server.application.services
    upload = uppy.create()
    row = server.run(
        services.database.read(
            lambda connection: connection.execute(
                select(uploads).where(uploads.c.id == upload)
            ).one()
        )
    )
    past = services.clock() - timedelta(hours=2)
    file = services.settings.data.dir / "secret.key"
    urls = SignedUrls(secret=file.read_bytes().strip(), public_url=server.url, now=lambda: past)
    url = urls.part(
        row.incoming_key, row.storage_upload_id, 1, max_bytes=100, session_id=upload,
        expires_at=past + timedelta(hours=1),
    ).url  # fmt: skip
    answer = httpx2.put(url, content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (403, "expired_signature")
    assert "<Message>Request has expired</Message>" in answer.text


def test_a_part_longer_than_any_limit_is_refused_unread_and_ends_the_upload(
    server: RunningApplication, uppy: Companion
):
    if not is_local(server):
        return
    set_policy(server, uppy.meta["collection"], {"max_bytes": 1000})
    upload = uppy.create()
    unknown = httpx2.put(uppy.sign(upload, 1), content=iter([b"x"]))
    assert unknown.status_code == 411
    assert state_of(uppy.client, upload) in ("pending", "uploading")
    answer = httpx2.put(uppy.sign(upload, 1), content=b"x" * 1001)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert state_of(uppy.client, upload) == "rejected"


def test_lengths_that_nothing_binds_are_measured_on_the_way(
    server: RunningApplication, uppy: Companion
):
    if is_local(server):
        return
    before = quota_of(uppy.client)
    set_policy(server, uppy.meta["collection"], {"max_bytes": 81 * MB})
    upload = uppy.create()
    statuses = set()
    for number in range(1, 5):
        assert uppy.send(upload, number, bytes(21 * MB)).status_code == 200
    for number in range(5, 22):
        statuses.add(uppy.ask("GET", uppy.path(upload, f"/{number}")).status_code)
    assert 413 in statuses
    assert state_of(uppy.client, upload) == "rejected"
    assert quota_of(uppy.client) == before


def test_nothing_stays_reserved_when_all_is_done(
    server: RunningApplication, ann: Person, ann_client: httpx2.Client
):
    """After everything above: what is on its way is what has not ended."""
    cursor: str | None = ""
    while cursor is not None:
        page = ann_client.get(f"/api/uploads?limit=100&cursor={cursor}").json()
        for one in page["uploads"]:
            if one["state"] in ("pending", "uploading"):
                assert ann_client.delete(f"/api/uploads/{one['id']}").status_code == 204
        cursor = page["next_cursor"]
    assert reserved(server, ann.id) == 0

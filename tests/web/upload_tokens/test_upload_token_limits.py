"""Limits of upload tokens, and how they end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from cimaise.web.routes import LINES
from tests.kit.application import Person, RunningApplication
from tests.kit.companion import LARGE, MB, PART, SMALL, Companion
from tests.kit.sending import make_collection
from tests.kit.upload_tokens import listed, make_token, send_form, set_token


def test_one_tokens_uploads_are_no_other_tokens(ann_client: httpx2.Client, collection: str):
    one, two = make_token(ann_client, collection), make_token(ann_client, collection)
    with httpx2.Client() as client:
        uppy = Companion(client, one["companion_url"])
        strange = Companion(client, two["companion_url"])
        upload = uppy.create()
        own = Companion(ann_client, "/companion", collection=collection).create()
        for other in (upload, own):
            assert strange.ask("GET", strange.path(other)).status_code == 404
            assert strange.ask("GET", strange.path(other, "/1")).status_code == 404
            assert strange.abort(other).status_code == 404
        assert uppy.parts(upload) == []
    mine = Companion(ann_client, "/companion")
    assert mine.parts(upload) == []  # whoever made the token sees to its uploads


def test_max_files_holds_however_many_come_at_once(ann_client: httpx2.Client, collection: str):
    token = make_token(ann_client, collection, max_files=3)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send_form(token["form_url"]), range(8)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] * 3 + [413] * 5
    refused = next(answer for answer in answers if answer.status_code == 413).json()
    assert refused["code"] == "quota_exceeded"
    assert refused["limit"] == {"name": "upload_token.max_files", "value": 3, "actual": 4}
    assert listed(ann_client, token)["used_files"] == 3


def test_max_bytes_holds_for_all_files_together(ann_client: httpx2.Client, collection: str):
    token = make_token(ann_client, collection, max_bytes=2 * len(SMALL))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send_form(token["form_url"]), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 413, 413]
    shown = listed(ann_client, token)
    assert (shown["used_bytes"], shown["used_files"]) == (2 * len(SMALL), 2)
    with httpx2.Client() as client:
        uppy = Companion(client, token["companion_url"])
        upload = uppy.create()
        refused = uppy.send(upload, 1, b"x")
        assert (refused.status_code, refused.json()["limit"]["name"]) == (
            413, "upload_token.max_bytes",
        )  # fmt: skip
    assert listed(ann_client, token)["used_files"] == 2


def test_what_comes_to_nothing_is_given_back_to_the_token(
    ann_client: httpx2.Client, collection: str
):
    token = make_token(ann_client, collection, max_files=1, max_bytes=len(LARGE))
    assert send_form(token["form_url"], b"no zip").status_code == 415
    with httpx2.Client() as client:
        uppy = Companion(client, token["companion_url"])
        upload = uppy.create()
        uppy.send(upload, 1, LARGE[:PART])
        assert listed(ann_client, token)["used_bytes"] == PART
        assert uppy.ask("POST", "/s3/multipart", json={"filename": "a.zip"}).status_code == 413
        uppy.abort(upload)
        shown = listed(ann_client, token)
        assert (shown["used_bytes"], shown["used_files"]) == (0, 0)
        upload = uppy.create()
        assert uppy.complete(upload, uppy.send_all(upload, LARGE)).status_code == 200
    assert send_form(token["form_url"]).status_code == 413


def test_the_makers_quota_holds_beside_the_tokens_limits(server: RunningApplication):
    small = server.person("small", daily_files=1)
    with server.client(small) as client:
        name = make_collection(server, client)
        token = make_token(client, name, max_files=5)
        assert send_form(token["form_url"]).status_code == 201
        refused = send_form(token["form_url"])
        assert refused.json()["limit"]["name"] == "quota.daily_files"
        assert listed(client, token)["used_files"] == 1


@pytest.mark.parametrize("told", [{}, {"size": 40 * MB}])
def test_revoking_ends_everything_at_once(
    ann_client: httpx2.Client, collection: str, told: dict[str, int]
):
    token = make_token(ann_client, collection)
    with httpx2.Client() as client:
        uppy = Companion(client, token["companion_url"], **told)
        upload = uppy.create()
        parts = uppy.send_all(upload, SMALL)
        url = uppy.sign(upload, 2)
        form = uppy.params().json()
        for _ in range(2):
            revoked = ann_client.delete(f"/api/upload-tokens/{token['id']}")
            assert revoked.status_code == 204
        for answer in (
            uppy.complete(upload, parts),
            uppy.ask("GET", uppy.path(upload)),
            uppy.ask("GET", uppy.path(upload, "/3")),
            uppy.abort(upload),
            uppy.params(),
            uppy.post(form, SMALL),
            httpx2.put(url, content=b"x"),
            send_form(token["form_url"]),
            client.get(token["form_url"]),
        ):
            assert (answer.status_code, answer.json()["code"]) == (410, "gone"), answer.url
    assert ann_client.get("/api/upload-tokens").json()["upload_tokens"].count(token) == 0
    assert ann_client.get(f"/api/collections/{collection}/files").json()["files"] == []


def test_revoking_in_the_middle_of_a_form_keeps_it_from_arriving(
    server: RunningApplication, ann_client: httpx2.Client, collection: str
):
    token = make_token(ann_client, collection)
    before = ann_client.get("/api/me").json()["quota"]
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head + LARGE[: 6 * MB]
        assert ann_client.delete(f"/api/upload-tokens/{token['id']}").status_code == 204
        yield LARGE[6 * MB :] + b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        answer = httpx2.post(token["form_url"], content=body(), headers=headers, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    except httpx2.TransportError:
        pass  # refused before the whole body was read
    assert ann_client.get(f"/api/collections/{collection}/files").json()["files"] == []
    assert ann_client.get("/api/me").json()["quota"] == before


def test_a_token_past_its_time_begins_nothing(
    server: RunningApplication, ann_client: httpx2.Client, collection: str
):
    token = make_token(ann_client, collection)
    form = Companion(ann_client, token["companion_url"]).params().json()
    set_token(server, token, expires_at=server.application.services.clock())
    answer = send_form(token["form_url"])
    assert (answer.status_code, answer.json()["code"]) == (410, "expired")
    posted = Companion(ann_client, "").post(form, SMALL)
    assert (posted.status_code, posted.json()["code"]) == (410, "expired")
    found = ann_client.get("/api/upload-tokens").json()["upload_tokens"]
    assert token["id"] not in {one["id"] for one in found}


def test_a_token_ends_with_its_makers_account_and_rights(
    server: RunningApplication, bob: Person, ann_client: httpx2.Client, collection: str
):
    gone = server.person("leaving")
    member = f"/api/collections/{collection}/members"
    for person in (gone, bob):
        ann_client.put(f"{member}/{person.id}", json={"role": "contributor"})
    with server.client(gone) as client, server.client(bob) as other:
        token, theirs = make_token(client, collection), make_token(other, collection)
        assert send_form(token["form_url"]).status_code == 201
        assert send_form(theirs["form_url"]).status_code == 201
    server.run(server.application.services.access.accounts.disable(None, gone.name))
    assert send_form(token["form_url"]).status_code == 410
    ann_client.delete(f"{member}/{bob.id}")
    assert send_form(theirs["form_url"]).status_code == 403


def test_a_token_goes_with_its_collection(server: RunningApplication, ann_client: httpx2.Client):
    name = make_collection(server, ann_client)
    token = make_token(ann_client, name)
    assert ann_client.delete(f"/api/collections/{name}").status_code == 204
    assert send_form(token["form_url"]).status_code == 404


def test_tokens_are_their_makers_and_admins_to_revoke(
    server: RunningApplication,
    bob: Person,
    root: Person,
    ann_client: httpx2.Client,
    collection: str,
):
    token = make_token(ann_client, collection)
    with server.client(bob) as client:
        assert client.delete(f"/api/upload-tokens/{token['id']}").status_code == 404
        mine = client.get("/api/upload-tokens").json()["upload_tokens"]
        assert token["id"] not in {one["id"] for one in mine}
    assert ann_client.delete("/api/upload-tokens/nothing").status_code == 404
    with server.client(root) as client:
        assert client.delete(f"/api/upload-tokens/{token['id']}").status_code == 204
    assert send_form(token["form_url"]).status_code == 410


def test_an_admins_token_uploads_and_does_nothing_else(
    server: RunningApplication, root: Person, ann_client: httpx2.Client, collection: str
):
    with server.client(root) as client:
        token = make_token(client, collection)
    file = send_form(token["form_url"])
    assert file.status_code == 201
    own = Companion(ann_client, "/companion", collection=collection).create()
    with httpx2.Client() as guest:
        uppy = Companion(guest, token["companion_url"])
        assert uppy.ask("GET", uppy.path(own)).status_code == 404


def test_every_address_of_a_token_is_a_door_for_uploads():
    paths = {line.path for line in LINES if "{token}" in line.path}
    others = ("/s/", "/api/invitations/", "/join/")  # shared albums, invitations
    paths = {path for path in paths if not path.startswith(others)}
    doors = ("/upload/", "/companion/", "/tus/", "/storage/")
    assert all(path.startswith(doors) for path in paths)

"""The right to upload into one collection, carried in a URL."""

import base64

import httpx2
import pytest
from sqlalchemy import select

from cimaise.database.schema import upload_tokens
from tests.kit.application import Person, RunningApplication
from tests.kit.companion import LARGE, SMALL, Companion
from tests.kit.sending import make_collection
from tests.kit.upload_tokens import listed, make_token, send_form


def test_a_token_comes_with_its_urls_and_only_once(
    server: RunningApplication, ann_client: httpx2.Client, collection: str
):
    token = make_token(ann_client, collection, expires_in=60, max_bytes=10, max_files=2)
    text = token["token"]
    assert token["tus_url"] == f"{server.url}/tus/{text}/"
    assert token["companion_url"] == f"{server.url}/companion/{text}"
    assert token["form_url"] == f"{server.url}/upload/{text}"
    assert token["expires_at"].endswith("Z")
    assert len(text) == 43
    shown = listed(ann_client, token)
    assert text not in str(shown)
    assert (shown["collection"], shown["max_bytes"], shown["max_files"]) == (collection, 10, 2)
    assert (shown["used_bytes"], shown["used_files"]) == (0, 0)


def test_only_a_digest_of_it_is_kept(
    server: RunningApplication, ann_client: httpx2.Client, collection: str
):
    token = make_token(ann_client, collection)
    database = server.application.services.database
    row = server.run(
        database.read(
            lambda connection: connection.execute(
                select(upload_tokens).where(upload_tokens.c.id == token["id"])
            ).one()
        )
    )
    assert token["token"] not in str(row)
    assert len(row.hash) == 64


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expires_in", 0), ("expires_in", -1), ("expires_in", 1e12), ("expires_in", "x"),
        ("max_bytes", 0), ("max_bytes", -1), ("max_bytes", 2**63), ("max_bytes", 1.5),
        ("max_files", 0), ("max_files", -1), ("max_files", 2**40), ("collection", None),
        ("collection", 3),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_field(
    ann_client: httpx2.Client, collection: str, field: str, value: object
):
    answer = ann_client.post("/api/upload-tokens", json={"collection": collection} | {field: value})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_misspelt_limit_makes_no_token_without_it(ann_client: httpx2.Client, collection: str):
    answer = ann_client.post("/api/upload-tokens", json={"collection": collection, "max_file": 1})
    assert answer.status_code == 422
    assert "`max_file`" in answer.json()["error"]
    assert collection not in ann_client.get("/api/upload-tokens").text


def test_nobody_gives_away_what_they_do_not_have(
    server: RunningApplication, bob: Person, guest: httpx2.Client, ann_client, collection: str
):
    body = {"collection": collection}
    assert guest.post("/api/upload-tokens", json=body).status_code == 401
    with server.client(bob) as client:
        assert client.post("/api/upload-tokens", json=body).status_code == 404
    absent = ann_client.post("/api/upload-tokens", json={"collection": "nothing-like-this"})
    assert absent.status_code == 404
    key = ann_client.post("/api/keys", json={"name": "k", "scopes": ["manage"]}).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    limited = httpx2.post(f"{server.url}/api/upload-tokens", json=body, headers=headers)
    assert limited.status_code == 403


def test_a_guest_sends_a_form_and_it_belongs_to_the_maker(
    ann: Person, ann_client: httpx2.Client, collection: str
):
    token = make_token(ann_client, collection)
    answer = send_form(token["form_url"], title="From afar")
    assert answer.status_code == 201, answer.text
    file = answer.json()["files"][0]
    assert (file["owner"], file["collection"], file["title"]) == (ann.id, collection, "From afar")
    assert answer.json()["url"] == file["url"]
    assert ann_client.get(file["url"]).content == SMALL
    shown = listed(ann_client, token)
    assert (shown["used_bytes"], shown["used_files"]) == (len(SMALL), 1)


def test_a_guest_with_a_browser_has_a_page_to_choose_files_on(
    guest: httpx2.Client, ann_client: httpx2.Client, collection: str
):
    token = make_token(ann_client, collection)
    path = token["form_url"].removeprefix(str(guest.base_url))
    page = guest.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert f'action="/{path.strip("/")}"' in page.text
    sent = httpx2.post(
        token["form_url"], files={"file": ("a.zip", SMALL)}, headers={"Accept": "text/html"}
    )
    assert sent.status_code == 303
    after = guest.get(sent.headers["location"], headers={"Accept": "text/html"})
    assert after.status_code == 200
    assert "1 file arrived" in after.text


def test_a_token_leads_nowhere_else(
    server: RunningApplication, ann_client: httpx2.Client, collection: str
):
    token = make_token(ann_client, collection)
    other = make_collection(server, ann_client)
    for sent in (
        send_form(token["form_url"], collection=other),
        send_form(f"{token['form_url']}?collection={other}"),
    ):
        assert sent.status_code == 403
    uppy = Companion(httpx2.Client(), token["companion_url"], collection=other)
    assert uppy.params().status_code == 403
    body = {"filename": "a.zip", "metadata": uppy.meta}
    assert uppy.ask("POST", "/s3/multipart", json=body).status_code == 403
    assert listed(ann_client, token)["used_files"] == 0
    uppy.client.close()


def test_a_token_is_no_key(server: RunningApplication, ann_client: httpx2.Client, collection: str):
    token = make_token(ann_client, collection)
    headers = {"Authorization": f"Bearer {token['token']}"}
    assert httpx2.get(f"{server.url}/api/me", headers=headers).status_code == 401
    assert httpx2.get(f"{server.url}/api/me", cookies={"cimaise_session": token["token"]}).status_code == 401  # fmt: skip


@pytest.mark.parametrize("text", ["nothing", "a" * 43, "a" * 5000, "%00", "cim_x", "s3"])
def test_what_is_no_token_is_not_found(server: RunningApplication, text: str):
    assert send_form(f"{server.url}/upload/{text}").status_code == 404
    assert httpx2.get(f"{server.url}/upload/{text}").status_code == 404
    assert httpx2.get(f"{server.url}/companion/{text}/s3/params?filename=a").status_code == 404
    body = {"filename": "a.zip"}
    url = f"{server.url}/companion/{text}/s3/multipart"
    assert httpx2.post(url, json=body).status_code == 404


def test_uppy_with_a_token_needs_nothing_else(ann_client: httpx2.Client, collection: str):
    token = make_token(ann_client, collection)
    with httpx2.Client() as client:
        uppy = Companion(client, token["companion_url"])
        upload = uppy.create()
        done = uppy.complete(upload, uppy.send_all(upload, LARGE))
        assert done.status_code == 200
        posted = uppy.post(uppy.params().json(), SMALL)
        assert posted.status_code == 201
    shown = listed(ann_client, token)
    assert (shown["used_bytes"], shown["used_files"]) == (len(LARGE) + len(SMALL), 2)
    assert ann_client.get(posted.headers["location"]).content == SMALL


def test_tus_with_a_token_needs_nothing_else(ann_client: httpx2.Client, collection: str):
    token = make_token(ann_client, collection, max_bytes=len(SMALL), max_files=1)
    name = base64.b64encode(b"a.zip").decode()
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(SMALL)),
        "Upload-Metadata": f"filename {name}",
    }
    made = httpx2.post(token["tus_url"], headers=headers)
    assert made.status_code == 201, made.text
    refused = httpx2.post(token["tus_url"], headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (413, "quota_exceeded")
    sent = httpx2.patch(
        made.headers["location"],
        content=SMALL,
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
        },
    )
    assert sent.status_code == 204, sent.text
    files = ann_client.get(f"/api/collections/{collection}/files").json()["files"]
    assert [file["size"] for file in files] == [len(SMALL)]
    shown = listed(ann_client, token)
    assert (shown["used_bytes"], shown["used_files"]) == (len(SMALL), 1)

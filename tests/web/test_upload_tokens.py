"""The right to upload into one collection, carried in a URL."""

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from sqlalchemy import select, update

from cimaise.database.schema import upload_tokens
from cimaise.web.routes import LINES
from tests.kit.application import Person, RunningApplication
from tests.kit.companion import LARGE, MB, PART, SMALL, Companion
from tests.kit.sending import make_collection


@pytest.fixture
def ann_client(server: RunningApplication, ann: Person) -> Iterator[httpx2.Client]:
    with server.client(ann) as client:
        yield client


@pytest.fixture
def guest(server: RunningApplication) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def collection(server: RunningApplication, ann_client: httpx2.Client) -> str:
    return make_collection(server, ann_client)


def make_token(client: httpx2.Client, collection: str, **more: object) -> dict:
    answer = client.post("/api/upload-tokens", json={"collection": collection, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def send_form(url: str, body: bytes = SMALL, **fields: str) -> httpx2.Response:
    return httpx2.post(url, data=fields, files={"file": ("a.zip", body)}, timeout=30)


def listed(client: httpx2.Client, token: dict) -> dict:
    found = client.get("/api/upload-tokens").json()["upload_tokens"]
    return next(one for one in found if one["id"] == token["id"])


def set_token(server: RunningApplication, token: dict, **values: object) -> None:
    database = server.application.services.database
    server.run(
        database.write(
            lambda connection: (
                connection.execute(
                    update(upload_tokens).where(upload_tokens.c.id == token["id"]).values(**values)
                ).rowcount
            )
        )
    )


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


def test_nobody_gives_away_what_they_do_not_have(
    server: RunningApplication, bob: Person, guest: httpx2.Client, ann_client, collection: str
):
    body = {"collection": collection}
    assert guest.post("/api/upload-tokens", json=body).status_code == 401
    with server.client(bob) as client:
        assert client.post("/api/upload-tokens", json=body).status_code == 403
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
    server.run(server.application.services.accounts.disable(None, gone.name))
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

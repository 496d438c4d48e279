"""Files in one request, as ``@uppy/aws-s3`` sends them."""

from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import httpx2
import pytest

from cimaise.access.policy import Role
from tests.kit.application import RunningApplication
from tests.kit.companion import LARGE, SMALL, Companion, quota_of
from tests.kit.sending import make_collection


def test_a_form_brings_a_file_that_its_key_leads_to(server: RunningApplication, uppy: Companion):
    form = uppy.params().json()
    assert form["method"] == "POST"
    assert form["url"].startswith(server.url)
    assert form["expires"] > 0
    assert set(form["fields"]) == {"key", "policy", "Content-Type"}
    answer = uppy.post(form, SMALL)
    assert answer.status_code == 201, answer.text
    location = f"{server.url}/files/{form['fields']['key']}"
    assert answer.headers["location"] == location
    assert f"{form['url']}/{form['fields']['key']}" == location  # as Uppy 6 makes it
    root = ET.fromstring(answer.text)
    assert root.tag == "PostResponse"
    assert root.findtext("Location") == location
    assert root.findtext("ETag") == answer.headers["etag"]
    assert root.findtext("Key") == form["fields"]["key"]
    assert httpx2.get(location).content == SMALL


def test_a_form_sent_again_stores_nothing_twice(uppy: Companion):
    form = uppy.params().json()
    first = uppy.post(form, SMALL)
    used = quota_of(uppy.client)
    again = uppy.post(form, SMALL)
    assert (again.status_code, again.headers["location"]) == (201, first.headers["location"])
    assert again.headers["etag"] == first.headers["etag"]
    assert quota_of(uppy.client) == used


def test_a_form_that_failed_may_be_sent_again(uppy: Companion):
    form = uppy.params().json()
    assert uppy.post(form, b"").status_code == 422
    assert uppy.post(form, b"no zip at all").status_code == 415
    answer = uppy.post(form, SMALL)
    assert answer.status_code == 201
    assert httpx2.get(answer.headers["location"]).content == SMALL
    assert uppy.post(form, SMALL).headers["location"] == answer.headers["location"]


def test_the_same_form_twice_at_once_is_one_file(uppy: Companion):
    form = uppy.params().json()
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(
            answer.status_code for answer in pool.map(lambda _: uppy.post(form, LARGE), range(4))
        )
    assert statuses[0] == 201
    assert set(statuses) <= {201, 409}
    listed = uppy.client.get(f"/api/collections/{uppy.meta['collection']}/files").json()["files"]
    assert len(listed) == 1


@pytest.mark.parametrize("body", [b"", LARGE])
def test_an_empty_file_is_refused_with_its_reason_and_a_large_one_is_not(
    uppy: Companion, body: bytes
):
    answer = uppy.post(uppy.params().json(), body)
    if body:
        assert answer.status_code == 201
    else:
        assert (answer.status_code, answer.json()["field"]) == (422, "size")
        assert "empty" in answer.json()["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"key": ""}, {"key": "other"}, {"policy": ""}, {"policy": "x.y"}, {"policy": "x" * 5000},
        {"Content-Type": "text/html"}, {"key": "${filename}"}, {"key": "../../etc/passwd"},
    ],
)  # fmt: skip
def test_fields_that_were_not_signed_are_refused(uppy: Companion, fields: dict[str, str]):
    answer = uppy.post(uppy.params().json(), SMALL, **fields)
    assert (answer.status_code, answer.json()["code"]) == (403, "bad_signature")


def test_a_policy_of_another_form_is_refused(uppy: Companion):
    one, two = uppy.params().json(), uppy.params().json()
    answer = uppy.post(one, SMALL, policy=two["fields"]["policy"])
    assert answer.status_code == 403
    token = uppy.sign(uppy.create(), 1).rpartition("/")[2]
    assert uppy.post(one, SMALL, policy=token).status_code == 403


def test_a_form_without_a_file_or_with_the_file_first_is_refused(uppy: Companion):
    form = uppy.params().json()
    none = httpx2.post(form["url"], data=form["fields"], files={"other": ("x", b"x")})
    assert (none.status_code, none.json()["field"]) == (422, "file")
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nPK\r\n'
        + b"".join(
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
            for name, text in form["fields"].items()
        )
        + b"--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert httpx2.post(form["url"], content=body, headers=headers).status_code == 403
    for content in (b"", b"--b\r\n", b"nothing", body[:-20]):
        answer = httpx2.post(form["url"], content=content, headers=headers)
        assert answer.status_code in (400, 403), content[:20]
    assert httpx2.post(form["url"], content=b"x").status_code == 415


def test_a_form_that_breaks_off_behind_its_file_leaves_nothing(uppy: Companion):
    before = quota_of(uppy.client)
    form = uppy.params().json()
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in form["fields"].items()
    ]
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + SMALL
    body = b"".join(parts) + file + b"\r\n--b\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = httpx2.post(form["url"], content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert quota_of(uppy.client) == before
    assert httpx2.get(f"{form['url']}/{form['fields']['key']}").status_code == 404


def test_a_told_size_binds_the_form(uppy: Companion):
    uppy.meta["size"] = len(SMALL)
    form = uppy.params().json()
    refused = uppy.post(form, SMALL + b"x")
    assert (refused.status_code, refused.json()["code"]) == (422, "size_mismatch")
    assert uppy.post(form, SMALL).status_code == 201


def test_names_of_any_language_arrive_and_hurt_nobody(uppy: Companion):
    for name in (
        "naïve 日本語 ✓.zip",
        "../../etc/passwd.zip",
        'a"b<c>&\r\nX: y.zip',
        "${filename}.zip",
    ):
        answer = uppy.post(uppy.params(name).json(), SMALL)
        assert answer.status_code == 201
        ET.fromstring(answer.text)
        file = uppy.client.get(f"/api/files/{answer.headers['location'].rpartition('/')[2]}").json()
        assert "/" not in file["filename"]
        upload = uppy.create(name)
        assert uppy.complete(upload, uppy.send_all(upload, SMALL)).status_code == 200


def test_a_disabled_account_sends_no_form(server: RunningApplication):
    gone = server.person(f"gone-{id(server)}")
    with server.client(gone) as client:
        name = make_collection(server, client)
        uppy = Companion(client, "/companion", collection=name)
        form = uppy.params().json()
        server.run(server.application.services.access.accounts.disable(None, gone.name))
        assert uppy.post(form, SMALL).status_code == 403


def test_a_banned_account_sends_no_form(server: RunningApplication):
    noisy, root = (
        server.person(f"noisy-{id(server)}"),
        server.person(f"root-{id(server)}", Role.ADMIN),
    )
    with server.client(noisy) as client, server.client(root) as admin:
        name = make_collection(server, client)
        form = Companion(client, "/companion", collection=name).params().json()
        ban = {"account": noisy.name, "reason": "noise"}
        admin.post("/api/admin/bans", json=ban).raise_for_status()
    with server.client() as guest:
        refused = Companion(guest, "/companion", collection=name).post(form, SMALL)
    assert (refused.status_code, refused.json()["code"]) == (403, "banned")

import hashlib
import json
import socket
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.sending import make_collection, publish_file, send_file, send_part
from tests.kit.uploading import MB, zipped

SMALL = zipped(50_000)
LARGE = zipped(11 * MB)


def begin(client: httpx2.Client, collection: str, body: bytes, **more: object) -> dict:
    answer = client.post(
        "/api/uploads",
        json={"collection": collection, "filename": "a.zip", "size": len(body), **more},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_create_answers_with_everything_the_interface_promises(
    server: RunningApplication, ann: Person
):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        answer = client.post(
            "/api/uploads",
            json={"collection": collection, "filename": "a.zip", "size": len(SMALL)},
        )
        upload = answer.json()
        assert answer.headers["location"].endswith(f"/api/uploads/{upload['id']}")
        assert {"id", "collection", "filename", "size", "state", "strategy", "expires_at"} <= set(
            upload
        )
        assert (upload["state"], upload["strategy"]) == ("pending", "single")
        assert (upload["method"], set(upload["headers"])) == ("PUT", {"Content-Type"})
        parts = begin(client, collection, LARGE, strategy="multipart", part_size=5 * MB)
        assert (parts["part_size"], parts["part_count"]) == (5 * MB, 3)
        assert [one["part_number"] for one in parts["parts"]] == [1, 2, 3]
        assert sum(one["size"] for one in parts["parts"]) == len(LARGE)


def test_a_file_in_parts_goes_all_the_way_and_comes_back_the_same(
    server: RunningApplication, ann: Person
):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        done = send_file(client, collection, "a.zip", LARGE, strategy="multipart")
        assert done["state"] == "uploaded"
        assert done["quota"]["total_used"] >= len(LARGE)
        file = client.post(f"/api/collections/{collection}/files", json={"upload": done["id"]})
        assert file.status_code == 201
        got = client.get(file.json()["original_url"])
        assert hashlib.sha256(got.content).digest() == hashlib.sha256(LARGE).digest()


def test_what_was_not_published_is_nowhere_to_be_seen(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client, visibility="public")
        send_file(client, collection, "a.zip", SMALL)
        assert client.get(f"/api/collections/{collection}/files").json()["files"] == []


def test_publishing_twice_gives_the_same_file_and_pays_once(
    server: RunningApplication, ann: Person
):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        before = client.get("/api/me").json()["points"]
        done = send_file(client, collection, "a.zip", SMALL)
        url = f"/api/collections/{collection}/files"
        first = client.post(url, json={"upload": done["id"], "title": "A"})
        second = client.post(url, json={"upload": done["id"], "title": "B"})
        assert first.json()["id"] == second.json()["id"]
        assert client.get("/api/me").json()["points"] == before + 3
        assert len(client.get(url).json()["files"]) == 1


def test_a_file_that_was_deleted_is_no_answer_to_publishing_it_again(
    server: RunningApplication, ann: Person
):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        done = send_file(client, collection, "a.zip", SMALL)
        url = f"/api/collections/{collection}/files"
        file = client.post(url, json={"upload": done["id"]}).json()
        client.delete(f"/api/files/{file['id']}").raise_for_status()
        again = client.post(url, json={"upload": done["id"]})
        assert (again.status_code, again.json()["code"]) == (410, "gone")


def test_publishing_by_policy_needs_no_call(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client, policy={"publish": "on_complete"})
        done = send_file(client, collection, "a.zip", SMALL)
        assert done["state"] == "published"
        assert client.get(f"/api/files/{done['file_id']}").status_code == 200


def test_only_what_is_complete_can_be_published(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        upload = begin(client, collection, SMALL)
        httpx2.put(upload["url"], content=SMALL, headers=upload["headers"])
        answer = client.post(f"/api/collections/{collection}/files", json={"upload": upload["id"]})
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


def test_others_cannot_publish_it_and_it_cannot_go_elsewhere(
    server: RunningApplication, ann: Person, bob: Person
):
    with server.client(ann) as client, server.client(bob) as other:
        collection, elsewhere = make_collection(server, client), make_collection(server, client)
        bobs = make_collection(server, other)
        done = send_file(client, collection, "a.zip", SMALL)
        post = {"upload": done["id"]}
        assert other.post(f"/api/collections/{collection}/files", json=post).status_code == 404
        assert other.post(f"/api/collections/{bobs}/files", json=post).status_code == 403
        assert client.post(f"/api/collections/{elsewhere}/files", json=post).status_code == 422


def test_a_link_kept_elsewhere_is_published_as_such(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        url = f"/api/collections/{collection}/files"
        body = {
            "external_url": "https://example.org/a.zip",
            "title": "Elsewhere",
            "size": 5,
            "access_code": "x1",
        }
        file = client.post(url, json=body).json()
        assert file["url"] == "https://example.org/a.zip"
        assert file["access_code"] == "x1"
        answer = client.get(f"/files/{file['id']}")
        assert (answer.status_code, answer.headers["location"]) == (302, body["external_url"])
        for bad in ("javascript:alert(1)", "file:///etc/passwd", "https://", "http://a b", "x"):
            assert client.post(url, json=body | {"external_url": bad}).status_code == 422, bad
        assert client.post(url, json=body | {"title": " "}).status_code == 422
        assert client.post(url, json={"title": "neither"}).status_code == 422


def test_the_signed_url_takes_exactly_what_was_signed(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        upload = begin(client, collection, SMALL, content_type="application/zip")
        url = upload["url"]
        others = {"Content-Type": "text/html"}
        for code, address, content, headers in (
            ("size_mismatch", url, SMALL[:-1], upload["headers"]),
            ("size_mismatch", url, SMALL + b"x", upload["headers"]),
            ("type_mismatch", url, SMALL, others),
            ("bad_signature", url[:-4] + "AAAA", SMALL, {}),
            ("bad_signature", url[:-1], SMALL, {}),
        ):
            answer = httpx2.put(address, content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, code)
        short = httpx2.put(url, content=SMALL[:-1], headers=upload["headers"]).json()
        sizes = {"value": len(SMALL), "actual": len(SMALL) - 1}
        assert short["limit"] == {"name": "signed_bytes", **sizes}
        chunked = httpx2.put(url, content=iter([SMALL]), headers=upload["headers"])
        assert (chunked.status_code, chunked.json()["code"]) == (411, "length_required")
        reading = httpx2.get(url)
        assert reading.status_code == 403
        state = client.get(f"/api/uploads/{upload['id']}").json()
        assert state["received_bytes"] == 0


def test_a_body_that_breaks_off_leaves_nothing(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        upload = begin(client, collection, SMALL)
        parts = urlsplit(upload["url"])
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            head = f"PUT {parts.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(SMALL)}\r\n\r\n"
            connection.sendall(head.encode() + SMALL[:1000])
        state = client.get(f"/api/uploads/{upload['id']}").json()
        assert (state["state"], state["received_bytes"]) == ("pending", 0)
        answer = client.post(f"/api/uploads/{upload['id']}/complete")
        assert answer.status_code == 409


def test_an_upload_goes_on_with_fresh_urls_after_a_pause(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        upload = begin(client, collection, LARGE, strategy="multipart", part_size=5 * MB)
        send_part(upload["parts"][1], upload, LARGE)
        state = client.get(f"/api/uploads/{upload['id']}").json()
        assert state["state"] == "uploading"
        have = {one["part_number"] for one in state["uploaded_parts"]}
        assert have == {2}
        missing = sorted(set(range(1, state["part_count"] + 1)) - have)
        fresh = client.post(
            f"/api/uploads/{upload['id']}/parts", json={"part_numbers": missing}
        ).json()
        for part in fresh["parts"]:
            send_part(part, upload, LARGE)
        listed = client.get(f"/api/uploads/{upload['id']}").json()["uploaded_parts"]
        unquoted = [
            {"part_number": one["part_number"], "etag": json.loads(one["etag"])} for one in listed
        ]
        done = client.post(f"/api/uploads/{upload['id']}/complete", json={"parts": unquoted[::-1]})
        assert done.status_code == 200


def test_the_url_of_an_upload_that_has_ended_takes_no_more_bytes(
    server: RunningApplication, ann: Person
):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        for end in ("abort", "complete"):
            upload = begin(client, collection, SMALL)
            assert client.put(upload["url"], content=SMALL).status_code == 200
            if end == "abort":
                client.delete(f"/api/uploads/{upload['id']}").raise_for_status()
            else:
                client.post(f"/api/uploads/{upload['id']}/complete").raise_for_status()
            late = client.put(upload["url"], content=SMALL)
            assert (late.status_code, late.json()["code"]) == (410, "gone")


def test_aborting_answers_204_twice_and_frees_the_quota(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        before = client.get("/api/me").json()["quota"]
        upload = begin(client, collection, SMALL)
        assert client.delete(f"/api/uploads/{upload['id']}").status_code == 204
        assert client.delete(f"/api/uploads/{upload['id']}").status_code == 204
        assert client.get("/api/me").json()["quota"] == before
        assert client.get(f"/api/uploads/{upload['id']}").json()["state"] == "aborted"
        assert client.post(f"/api/uploads/{upload['id']}/complete").status_code == 409


def test_a_picture_is_refused_where_it_is_none(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        body = b"<html><script>alert(1)</script></html>" * 20
        upload = client.post(
            "/api/uploads",
            json={"collection": collection, "filename": "a.jpg", "size": len(body)},
        ).json()
        httpx2.put(upload["url"], content=body, headers=upload["headers"])
        answer = client.post(f"/api/uploads/{upload['id']}/complete")
        assert answer.status_code == 415
        assert client.get(f"/api/uploads/{upload['id']}").json()["state"] == "rejected"


def test_uploads_are_listed_by_pages(server: RunningApplication):
    carla = server.person("carla")
    with server.client(carla) as client:
        collection = make_collection(server, client)
        made = [begin(client, collection, SMALL)["id"] for _ in range(3)]
        first = client.get("/api/uploads?limit=2").json()
        second = client.get(f"/api/uploads?limit=2&cursor={first['next_cursor']}").json()
        found = [one["id"] for one in first["uploads"] + second["uploads"]]
        assert sorted(found) == sorted(made)
        assert second["next_cursor"] is None
        for query in ("limit=0", "limit=101", "limit=x", "cursor=%00", "state=odd"):
            assert client.get(f"/api/uploads?{query}").status_code == 422, query


@pytest.mark.parametrize("name", ["naïve 日本語 ✓.zip", "../../etc/passwd.zip", 'a"b\r\nX: y.zip'])
def test_file_names_of_any_language_come_back_safe(
    server: RunningApplication, ann: Person, name: str
):
    with server.client(ann) as client:
        collection = make_collection(server, client)
        file = publish_file(client, collection, name, SMALL)
        answer = client.get(file["original_url"], params={"download": "1"})
        disposition = answer.headers["content-disposition"]
        assert disposition.startswith("attachment; filename=")
        assert "\r" not in disposition
        assert "/" not in file["filename"]
        assert answer.content == SMALL

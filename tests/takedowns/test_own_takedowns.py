"""What whoever published a file sees of its removal, and how they object."""

import html
from typing import Any

import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection, publish_file

PICTURE = bytes(quadrants(320, 240).jpegsave_buffer())
HTML = {"accept": "text/html"}
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def ben(server: RunningApplication) -> Person:
    return server.person("ben")


@pytest.fixture
def removed(server: RunningApplication, ann: Person, ben: Person, root: Person) -> dict[str, Any]:
    """The receipt of a take-down that removed a file of Ann's and the same of Ben's."""
    published = []
    for who in (ann, ben):
        with server.client(who) as client:
            collection = make_collection(server, client, visibility="public")
            published.append(publish_file(client, collection, "photo.jpg", PICTURE)["id"])
    with server.client(root) as admin:
        body = {"file_id": published[0], "reason": "a notice", "reference": "DMCA-7"}
        receipt = admin.post("/api/admin/takedowns", json=body).json()
    assert set(receipt["file_ids"]) == set(published)
    return receipt | {"anns": published[0]}


def test_an_owner_sees_what_was_removed_of_theirs_and_nothing_of_others(
    server: RunningApplication, ann: Person, removed: dict[str, Any]
):
    with server.client(ann) as client:
        (seen,) = client.get("/api/takedowns").json()["takedowns"]
    assert seen["id"] == removed["id"]
    assert seen["file_ids"] == [removed["anns"]]
    assert (seen["reason"], seen["reference"], seen["state"]) == ("a notice", "DMCA-7", "held")
    assert "made_by" not in seen
    with server.client(server.person("carl")) as client:
        assert client.get("/api/takedowns").json() == {"takedowns": []}
    with server.client() as guest:
        assert guest.get("/api/takedowns").status_code == 401


def test_an_owner_objects_on_the_page_and_the_administrator_reads_it(
    server: RunningApplication, ann: Person, root: Person, removed: dict[str, Any]
):
    with server.client(ann) as client, server.client(root) as admin:
        assert "/me/removed" in client.get("/me/files", headers=HTML).text
        page = client.get("/me/removed", headers=HTML).text
        assert "a notice" in page
        assert removed["anns"] in page
        where = f"/me/removed/{removed['id']}"
        sent = client.post(where, data={"statement": "It is my own work."}, headers=OWN | HTML)
        assert (sent.status_code, sent.headers["location"]) == (303, "/me/removed?did=objected")
        after = client.get("/me/removed?did=objected", headers=HTML).text
        assert "It is my own work." in after
        assert "Object<" not in after
        assert "It is my own work." in admin.get("/admin/takedowns", headers=HTML).text
        (listed,) = admin.get("/api/admin/takedowns?state=countered").json()["takedowns"]
        assert listed["statement"] == "It is my own work."


def test_an_objection_is_read_by_whoever_made_it_and_by_no_other_owner(
    server: RunningApplication, ann: Person, ben: Person, removed: dict[str, Any]
):
    with server.client(ann) as client:
        where = f"/api/takedowns/{removed['id']}/counter-notice"
        told = client.post(where, json={"statement": "Ann's own work."}).json()
        (listed,) = client.get("/api/takedowns").json()["takedowns"]
    assert told == listed
    assert (told["file_ids"], told["statement"]) == ([removed["anns"]], "Ann's own work.")
    assert "made_by" not in told
    with server.client(ben) as client:
        (others,) = client.get("/api/takedowns").json()["takedowns"]
        page = client.get("/me/removed", headers=HTML).text
    assert (others["state"], others["statement"]) == ("countered", None)
    assert "own work" not in page


def test_each_owner_may_object_once_and_the_operator_reads_all_of_it(
    server: RunningApplication, ann: Person, ben: Person, root: Person, removed: dict[str, Any]
):
    where = f"/api/takedowns/{removed['id']}/counter-notice"
    with server.client(ann) as hers, server.client(ben) as his, server.client(root) as admin:
        assert hers.post(where, json={"statement": "Ann's own."}).status_code == 200
        assert "Object<" in his.get("/me/removed", headers=HTML).text
        told = his.post(where, json={"statement": "Ben has a licence."})
        assert (told.status_code, told.json()["statement"]) == (200, "Ben has a licence.")
        assert [one["statement"] for one in told.json()["objections"]] == ["Ben has a licence."]
        for client in (hers, his):
            assert client.post(where, json={"statement": "again"}).status_code == 409
        (listed,) = admin.get("/api/admin/takedowns?state=countered").json()["takedowns"]
        made = [(one["account"], one["statement"]) for one in listed["objections"]]
        assert made == [(ann.id, "Ann's own."), (ben.id, "Ben has a licence.")]
        page = admin.get("/admin/takedowns", headers=HTML).text
        for text in ("Ann's own.", "Ben has a licence."):
            assert html.escape(text, quote=True).replace("&#x27;", "&#39;") in page


def test_one_restoration_brings_back_the_files_of_all_whoever_objected(
    server: RunningApplication, ann: Person, ben: Person, root: Person, removed: dict[str, Any]
):
    with server.client(ann) as hers, server.client(ben) as his, server.client(root) as admin:
        where = f"/api/takedowns/{removed['id']}/counter-notice"
        hers.post(where, json={"statement": "Ann's own."}).raise_for_status()
        admin.post(f"/api/admin/takedowns/{removed['id']}/restore", json={}).raise_for_status()
        assert his.post(where, json={"statement": "too late"}).status_code == 409
        for file_id in removed["file_ids"]:
            assert admin.get(f"/files/{file_id}").content == PICTURE


def test_another_site_cannot_object_in_an_owners_name(
    server: RunningApplication, ann: Person, removed: dict[str, Any]
):
    with server.client() as browser:
        browser.post("/api/login", json={"key": ann.key})
        where = f"/me/removed/{removed['id']}"
        foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
        sent = browser.post(where, data={"statement": "no"}, headers=foreign | HTML)
        assert sent.status_code == 403
    with server.client(ann) as client:
        assert client.get("/api/takedowns").json()["takedowns"][0]["statement"] is None


def test_whoever_has_lost_nothing_reads_so(server: RunningApplication):
    with server.client(server.person("dora")) as client:
        assert "Nothing of yours was removed." in client.get("/me/removed", headers=HTML).text

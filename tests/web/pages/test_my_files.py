"""One's own files: as a list for programs, and as a page that works by plain forms."""

import itertools
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from cimaise.images.limits import RenderLimits
from cimaise.images.placeholder import make_placeholder
from cimaise.jobs.base import Turn
from cimaise.jobs.placeholders import make_placeholders
from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants

_numbers = itertools.count(1)
SELF = {"sec-fetch-site": "same-origin", "accept": "text/html"}
ELSEWHERE = {"sec-fetch-site": "cross-site", "accept": "text/html"}


@pytest.fixture
def album(server: RunningApplication, ann: Person) -> str:
    name = f"desk-{next(_numbers)}"
    with server.client(ann) as client:
        assert client.post("/api/collections", json={"name": name}).status_code == 201
    return name


def put(server: RunningApplication, person: Person, album: str, filename: str) -> str:
    picture = bytes(quadrants(80, 60).write_to_buffer(".png"))
    with server.client(person) as client:
        answer = client.put(f"/api/collections/{album}/files/{quote(filename)}", content=picture)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_the_callers_files_of_all_collections_come_page_by_page(
    server: RunningApplication, album: str
) -> None:
    carl = server.person(f"carl-{album}")
    with server.client(carl) as client:
        assert client.post("/api/collections", json={"name": f"{album}-2"}).status_code == 201
        for number in range(3):
            put(server, carl, f"{album}-2", f"{number}.png")
        first = client.get("/api/files", params={"limit": 2}).json()
        second = client.get(
            "/api/files", params={"limit": 2, "cursor": first["next_cursor"]}
        ).json()
    names = [one["filename"] for page in (first, second) for one in page["files"]]
    assert names == ["2.png", "1.png", "0.png"]
    assert second["next_cursor"] is None


def test_nobody_sees_the_files_of_others_in_it(
    server: RunningApplication, album: str, ann: Person, bob: Person
) -> None:
    put(server, ann, album, "hers.png")
    with server.client(bob) as client:
        assert client.get("/api/files").json()["files"] == []
        assert client.get("/me/files", headers=SELF).text.count("hers.png") == 0


@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_a_limit_out_of_bounds_is_refused(
    server: RunningApplication, ann: Person, limit: str
) -> None:
    with server.client(ann) as client:
        assert client.get("/api/files", params={"limit": limit}).status_code == 422


def test_a_form_changes_a_file(server: RunningApplication, album: str, ann: Person) -> None:
    file_id = put(server, ann, album, "a.png")
    form = {"action": "save", "title": "Dawn", "note": "one\r\ntwo", "visibility": "unlisted"}
    with server.client(ann) as client:
        answer = client.post(f"/me/files/{file_id}", data=form, headers=SELF)
        assert (answer.status_code, answer.headers["location"]) == (303, "/me/files?did=saved")
        record = client.get(f"/api/files/{file_id}").json()
        shown = client.get("/me/files?did=saved", headers=SELF).text
    assert (record["title"], record["note"], record["visibility"]) == (
        "Dawn",
        "one\ntwo",
        "unlisted",
    )
    assert 'value="Dawn"' in shown
    assert "Saved." in shown


def test_a_form_deletes_a_file(server: RunningApplication, album: str, ann: Person) -> None:
    file_id = put(server, ann, album, "b.png")
    with server.client(ann) as client:
        form = {"action": "delete", "cursor": "x&y"}
        answer = client.post(f"/me/files/{file_id}", data=form, headers=SELF)
        assert answer.headers["location"] == "/me/files?did=deleted&cursor=x%26y"
        assert client.get(f"/files/{file_id}").status_code == 404


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"action": "burn"}, "action"),
        ({"title": "x"}, "action"),
        ({"action": "save", "title": "x" * 301}, "title"),
        ({"action": "save", "note": "x" * 20_001}, "note"),
        ({"action": "save", "visibility": "secret"}, "visibility"),
    ],
)
def test_a_form_that_cannot_be_meant_changes_nothing(
    server: RunningApplication, album: str, ann: Person, form: dict[str, str], field: str
) -> None:
    file_id = put(server, ann, album, "c.png")
    with server.client(ann) as client:
        answer = client.post(
            f"/me/files/{file_id}", data=form, headers={"sec-fetch-site": "same-origin"}
        )
        assert answer.status_code == 422
        assert answer.json()["field"] == field
        assert client.get(f"/api/files/{file_id}").json()["title"] == ""


def test_forms_of_other_people_and_other_sites_are_refused(
    server: RunningApplication, album: str, ann: Person, bob: Person
) -> None:
    file_id = put(server, ann, album, "d.png")
    form = {"action": "delete"}
    with server.client(bob) as client:
        assert client.post(f"/me/files/{file_id}", data=form, headers=SELF).status_code in (
            401,
            403,
        )
    with server.client(ann) as client:
        assert client.post(f"/me/files/{file_id}", data=form, headers=ELSEWHERE).status_code == 403
        assert client.get(f"/files/{file_id}").status_code == 200


def test_a_key_that_may_only_read_changes_nothing_by_a_pages_form(
    server: RunningApplication, album: str, ann: Person
) -> None:
    file = put(server, ann, album, "kept.png")
    with server.client(ann) as client:
        made = client.post("/api/keys", json={"name": "reader", "scopes": ["read"]}).json()
        headers = {"Authorization": f"Bearer {made['key']}"}
        for action in ("save", "delete"):
            form = {"action": action, "title": "theirs", "visibility": "public"}
            answer = client.post(f"/me/files/{file}", data=form, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert client.get(f"/api/files/{file}").json()["title"] == ""


def test_a_damaged_picture_is_called_so_and_not_shown_as_a_broken_one(
    server: RunningApplication, album: str, ann: Person
) -> None:
    whole = bytes(quadrants(400, 300).write_to_buffer(".png"))
    with server.client(ann) as client:
        sent = client.put(
            f"/api/collections/{album}/files/cut.png", content=whole[: len(whole) // 2]
        )
        assert sent.status_code == 201, sent.text
        file_id = sent.json()["id"]
        assert client.get(f"/images/{file_id}?width=100").status_code == 415
        look_at_pictures(server)
        page = client.get("/me/files", headers=SELF).text
    about = page[page.index(f'id="file-{file_id}"') :]
    about = about[: about.index("</li>")]
    assert "Cannot be shown" in about
    assert "<img" not in about


def look_at_pictures(server: RunningApplication) -> None:
    """What a job does after a while: draw each picture small, and note of which that failed."""
    services = server.application.services
    turn = Turn(datetime.now(UTC), services.database)

    async def draw(source: bytes | Path) -> str:
        return make_placeholder(source, RenderLimits())

    server.run(make_placeholders(turn, services.storage, draw, max_bytes=10**8))

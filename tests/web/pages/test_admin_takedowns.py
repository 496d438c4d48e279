"""Take-downs and what was delivered, on the pages of administrators."""

import hashlib
import itertools
import re

import pytest

from tests.kit.application import Person, RunningApplication

_numbers = itertools.count(1)
SELF = {"sec-fetch-site": "same-origin", "accept": "text/html"}
ELSEWHERE = {"sec-fetch-site": "cross-site", "accept": "text/html"}
PAGE = "/admin/takedowns"


def publish(server: RunningApplication, person: Person) -> tuple[str, bytes]:
    """A public file of its own content: its id and bytes."""
    number = next(_numbers)
    name, body = f"notes-{number}", f"words that somebody wrote, {number}".encode()
    with server.client(person) as client:
        client.post("/api/collections", json={"name": name, "visibility": "public"})
        made = client.put(f"/api/collections/{name}/files/{name}.txt", content=body)
    assert made.status_code == 201, made.text
    return made.json()["id"], body


@pytest.mark.parametrize("form_of", ["{id}", "/files/{id}", "{url}/images/{id}/original?download"])
def test_a_file_is_taken_down_by_its_id_or_address_and_brought_back(
    server: RunningApplication, ann: Person, root: Person, form_of: str
) -> None:
    file_id, _ = publish(server, ann)
    what = form_of.format(id=file_id, url=server.url)
    with server.client(root) as admin, server.client() as guest:
        form = {"what": what, "reason": f"A notice <{file_id}>", "reference": "N-7"}
        taken = admin.post(PAGE, data=form, headers=SELF)
        assert (taken.status_code, taken.headers["location"]) == (303, f"{PAGE}?did=taken")
        assert guest.get(f"/files/{file_id}").status_code == 451
        shown = admin.get(PAGE, headers=SELF).text
        assert f"A notice &lt;{file_id}&gt;" in shown
        found = re.search(r'action="([^"]+)">(?=(?:(?!</li>).)*?)', shown[shown.index(file_id) :])
        assert found is not None
        back = admin.post(found[1], data={"reason": "a mistake"}, headers=SELF)
        assert back.headers["location"] == f"{PAGE}?did=restored"
        assert guest.get(f"/files/{file_id}").status_code == 200
        assert file_id not in admin.get(f"{PAGE}?state=held", headers=SELF).text
        assert file_id in admin.get(f"{PAGE}?state=restored", headers=SELF).text
        assert admin.post(found[1], data={"reason": ""}, headers=SELF).status_code == 409


def test_a_content_is_taken_down_by_its_digest(
    server: RunningApplication, ann: Person, root: Person
) -> None:
    file_id, body = publish(server, ann)
    digest = hashlib.sha256(body).hexdigest().upper()
    with server.client(root) as admin, server.client() as guest:
        form = {"what": digest, "size": str(len(body)), "reason": "A list"}
        assert admin.post(PAGE, data=form, headers=SELF).status_code == 303
        assert guest.get(f"/files/{file_id}").status_code == 451


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"what": "", "reason": "x"}, "what"),
        ({"what": "no such/thing", "reason": "x"}, "what"),
        ({"what": "a" * 64, "size": "-1", "reason": "x"}, "size"),
        ({"what": "a" * 64, "reason": " "}, "reason"),
    ],
)
def test_a_form_that_cannot_be_meant_takes_nothing_down(
    server: RunningApplication, root: Person, form: dict[str, str], field: str
) -> None:
    with server.client(root) as admin:
        before = admin.get("/api/admin/takedowns").json()
        answer = admin.post(PAGE, data=form, headers={"sec-fetch-site": "same-origin"})
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert admin.get("/api/admin/takedowns").json() == before
        assert admin.get(f"{PAGE}?state=gone", headers=SELF).status_code == 422


def test_only_administrators_take_down_and_only_on_this_page(
    server: RunningApplication, ann: Person, root: Person
) -> None:
    file_id, _ = publish(server, ann)
    form = {"what": file_id, "reason": "x"}
    with server.client() as guest, server.client(ann) as member, server.client(root) as admin:
        assert guest.post(PAGE, data=form, headers=SELF).status_code == 401
        assert member.post(PAGE, data=form, headers=SELF).status_code == 403
        assert admin.post(PAGE, data=form, headers=ELSEWHERE).status_code == 403
        assert guest.get(f"/files/{file_id}").status_code == 200


def test_what_went_out_is_plotted_and_the_most_fetched_file_is_named(
    server: RunningApplication, ann: Person, root: Person
) -> None:
    file_id, body = publish(server, ann)
    with server.client() as guest, server.client(root) as admin:
        before = admin.get("/admin", headers=SELF).text
        for _ in range(40):
            assert guest.get(f"/files/{file_id}").content == body
        shown = admin.get("/admin", headers=SELF).text

    def transfers(page: str) -> int:
        found = re.search(r'Transfers <span class="facts">([\d,]+) in 30 days', page)
        assert found is not None
        return int(found[1].replace(",", ""))

    assert transfers(shown) - transfers(before) >= 40
    assert "Bytes delivered" in shown
    assert re.search(rf'href="/files/{file_id}">notes-\d+\.txt</a>', shown)

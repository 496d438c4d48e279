"""Signed links to one file on the pages: made by a form, told again, taken back."""

import html
import re

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection

SELF = {"sec-fetch-site": "same-origin", "accept": "text/html"}
ELSEWHERE = {"sec-fetch-site": "cross-site", "accept": "text/html"}
HTML = {"accept": "text/html"}
PICTURE = bytes(quadrants(80, 60).write_to_buffer(".jpg"))


@pytest.fixture
def album(server: RunningApplication, hers: httpx2.Client) -> str:
    return make_collection(server, hers, title="Lakes & hills")


@pytest.fixture
def file_id(hers: httpx2.Client, album: str) -> str:
    """A private picture of ann's."""
    answer = hers.put(f"/api/collections/{album}/files/a%20%26%20b.jpg", content=PICTURE)
    return str(answer.raise_for_status().json()["id"])


def page_of(file_id: str) -> str:
    return f"/me/files/{file_id}/links"


def make(client: httpx2.Client, file_id: str, **form: str) -> str:
    """A link by the form; gives its id."""
    answer = client.post(page_of(file_id), data={"lasts": ""} | form, headers=SELF)
    assert answer.status_code == 303, answer.text
    where, _, made = answer.headers["location"].partition("#link-")
    assert where == f"{page_of(file_id)}?did=made"
    return made


def shown(client: httpx2.Client, file_id: str) -> str:
    answer = client.get(page_of(file_id), headers=HTML)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-robots-tag"] == "noindex"
    return html.unescape(answer.text)


def addresses(client: httpx2.Client, file_id: str) -> list[str]:
    return re.findall(r"<code[^>]*>([^<]+)</code>", shown(client, file_id))


def test_a_link_is_made_by_the_form_and_its_address_is_on_the_page_from_then_on(
    hers: httpx2.Client, guest: httpx2.Client, file_id: str, server: RunningApplication
) -> None:
    assert "Links to a & b.jpg" in shown(hers, file_id)
    make(hers, file_id, lasts="7", unit="days")
    (address,) = addresses(hers, file_id)
    assert address.startswith(f"{server.url}/files/{file_id}?link=")
    opened = guest.get(address)
    assert (opened.status_code, opened.content) == (200, PICTURE)
    assert opened.headers["content-disposition"].startswith("inline")
    assert addresses(hers, file_id) == [address]
    page = shown(hers, file_id)
    assert "shown by the browser · as often as wanted · until" in page


def test_a_link_that_may_be_used_once_says_when_that_is_over(
    hers: httpx2.Client, guest: httpx2.Client, file_id: str
) -> None:
    make(hers, file_id, max_uses="1", download="1")
    assert "saved as a file · used 0 of 1 time · until" in shown(hers, file_id)
    (address,) = addresses(hers, file_id)
    assert guest.get(address).headers["content-disposition"].startswith("attachment")
    assert guest.get(address).status_code == 410
    assert "used up" in shown(hers, file_id)
    assert addresses(hers, file_id) == []


def test_a_link_without_a_wish_lasts_as_long_as_the_setting_says(
    hers: httpx2.Client, file_id: str
) -> None:
    assert "60 min" in shown(hers, file_id)
    make(hers, file_id)
    (link,) = hers.get(f"/api/files/{file_id}/links").json()["links"]
    assert link["url"] == addresses(hers, file_id)[0]


def test_a_key_that_may_only_read_is_told_of_links_and_not_what_opens_them(
    server: RunningApplication, hers: httpx2.Client, file_id: str
) -> None:
    make(hers, file_id)
    made = hers.post("/api/keys", json={"name": "reader", "scopes": ["read"]}).json()
    with server.client() as reader:
        reader.headers["authorization"] = f"Bearer {made['key']}"
        (link,) = reader.get(f"/api/files/{file_id}/links").json()["links"]
        assert link["url"] is None
        assert reader.get(page_of(file_id), headers=HTML).status_code == 403


def test_taken_back_by_the_form_it_opens_nothing(
    hers: httpx2.Client, guest: httpx2.Client, file_id: str
) -> None:
    made = make(hers, file_id)
    (address,) = addresses(hers, file_id)
    path = f"{page_of(file_id)}/{made}"
    assert hers.post(path, data={"action": "other"}, headers=SELF).status_code == 422
    answer = hers.post(path, data={"action": "revoke"}, headers=SELF)
    assert answer.headers["location"] == f"{page_of(file_id)}?did=revoked"
    assert guest.get(address).status_code == 410
    assert addresses(hers, file_id) == []


def test_all_are_taken_back_at_once(
    hers: httpx2.Client, guest: httpx2.Client, file_id: str
) -> None:
    make(hers, file_id)
    assert "Take all back" not in shown(hers, file_id)
    make(hers, file_id)
    assert "Take all back" in shown(hers, file_id)
    found = addresses(hers, file_id)
    answer = hers.post(page_of(file_id), data={"action": "revoke"}, headers=SELF)
    assert answer.headers["location"] == f"{page_of(file_id)}?did=all"
    assert [guest.get(one).status_code for one in found] == [410, 410]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"lasts": "0"}, "lasts"), ({"lasts": "١"}, "lasts"), ({"lasts": "1" * 9}, "lasts"),
        ({"lasts": "3651", "unit": "days"}, "lasts"), ({"lasts": "1", "unit": "weeks"}, "unit"),
        ({"max_uses": "0"}, "max_uses"), ({"max_uses": "-1"}, "max_uses"),
        ({"max_uses": "1" * 11}, "max_uses"), ({"action": "burn"}, "action"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_on_the_page_with_what_was_written(
    hers: httpx2.Client, file_id: str, form: dict[str, str], told: str
) -> None:
    given = {"lasts": "7", "unit": "days", "max_uses": "12"} | form
    answer = hers.post(page_of(file_id), data=given, headers=SELF)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert f'value="{given["max_uses"]}"' in answer.text
    as_program = hers.post(page_of(file_id), data=given)
    assert as_program.json()["field"] == told
    assert hers.get(f"/api/files/{file_id}/links").json()["links"] == []


def test_other_sites_make_and_end_nothing(hers: httpx2.Client, file_id: str) -> None:
    made = make(hers, file_id)
    for path, form in ((page_of(file_id), {"lasts": ""}), (f"{page_of(file_id)}/{made}", {"action": "revoke"})):  # fmt: skip
        assert hers.post(path, data=form, headers=ELSEWHERE).status_code == 403
    assert len(addresses(hers, file_id)) == 1


def test_only_who_may_change_the_file_finds_the_page(
    hers: httpx2.Client, album: str, file_id: str, server: RunningApplication, bob: Person
) -> None:
    made = make(hers, file_id)
    members = f"/api/collections/{album}/members/{bob.name}"
    with server.client(bob) as his, server.client() as guest:
        assert guest.get(page_of(file_id), headers=HTML).status_code == 401
        for role, status in (("", 403), ("contributor", 403), ("manager", 200)):
            if role:
                hers.put(members, json={"role": role}).raise_for_status()
            assert his.get(page_of(file_id), headers=HTML).status_code == status
            ended = his.post(f"{page_of(file_id)}/{made}", data={"action": "x"}, headers=SELF)
            assert ended.status_code == (422 if status == 200 else 403)
        assert "made by ann" in re.sub(r"<[^>]+>", "", shown(his, file_id))
        his.post(f"{page_of(file_id)}/{made}", data={"action": "revoke"}, headers=SELF)
        assert addresses(hers, file_id) == []


def test_a_link_to_another_file_is_not_taken_back_on_the_page_of_this_one(
    hers: httpx2.Client, album: str, file_id: str
) -> None:
    answer = hers.put(f"/api/collections/{album}/files/c.jpg", content=PICTURE)
    other = str(answer.json()["id"])
    made = make(hers, other)
    answer = hers.post(f"{page_of(file_id)}/{made}", data={"action": "revoke"}, headers=SELF)
    assert answer.status_code == 404
    assert len(addresses(hers, other)) == 1


def test_my_files_the_arranging_page_and_the_gallery_lead_to_it(
    server: RunningApplication, hers: httpx2.Client, bob: Person, album: str, file_id: str
) -> None:
    for page in ("/me/files", f"/gallery/{album}/arrange"):
        assert f'href="{page_of(file_id)}"' in hers.get(page, headers=HTML).text
    told = f'data-links="{page_of(file_id)}"'
    assert told in hers.get(f"/gallery/{album}", headers=HTML).text
    members = f"/api/collections/{album}/members/{bob.name}"
    hers.put(members, json={"role": "viewer"}).raise_for_status()
    with server.client(bob) as his:
        assert told not in his.get(f"/gallery/{album}", headers=HTML).text

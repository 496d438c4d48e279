"""Share links on the pages: made by a form, listed with what became of them, taken back."""

import html
import re
from collections.abc import Iterator

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection

SELF = {"sec-fetch-site": "same-origin", "accept": "text/html"}
ELSEWHERE = {"sec-fetch-site": "cross-site", "accept": "text/html"}
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    data_dir = tmp_path_factory.mktemp("data")
    folder = data_dir / "albums" / "Walks & talks"
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(bytes(quadrants(80, 60).write_to_buffer(".jpg")))
    (folder / "album.toml").write_text('visibility = "private"\n')
    with running_application(data_dir) as running:
        yield running


@pytest.fixture
def album(server: RunningApplication, hers: httpx2.Client) -> str:
    """A private collection of ann's with one picture."""
    name = make_collection(server, hers, title="Lakes & hills")
    picture = bytes(quadrants(80, 60).write_to_buffer(".jpg"))
    hers.put(f"/api/collections/{name}/files/a.jpg", content=picture).raise_for_status()
    return name


def make(client: httpx2.Client, album: str, **form: str) -> str:
    """A link by the form; gives its id."""
    answer = client.post(f"/gallery/{album}/shares", data=form or {"name": ""}, headers=SELF)
    assert answer.status_code == 303, answer.text
    where, _, made = answer.headers["location"].partition("#share-")
    assert where == f"/gallery/{album}/shares?did=made"
    return made


def shown(client: httpx2.Client, album: str) -> str:
    answer = client.get(f"/gallery/{album}/shares", headers=HTML)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-robots-tag"] == "noindex"
    return html.unescape(answer.text)


def addresses(client: httpx2.Client, album: str) -> list[str]:
    return re.findall(r"<code[^>]*>([^<]+)</code>", shown(client, album))


def test_a_link_is_made_by_the_form_and_its_address_is_on_the_page_from_then_on(
    hers: httpx2.Client, guest: httpx2.Client, album: str, server: RunningApplication
) -> None:
    assert "without an end" not in shown(hers, album)
    make(hers, album, name=" For Eva ", downloads="original", days="7")
    page = shown(hers, album)
    assert "<strong>For Eva</strong>" in page
    assert "to keep: originals" in page
    assert "not opened yet" in page
    (address,) = addresses(hers, album)
    assert address.startswith(f"{server.url}/s/")
    opened = guest.get(address, headers=HTML)
    assert opened.status_code == 200
    assert "Lakes &amp; hills" in opened.text
    assert addresses(hers, album) == [address]


def test_the_page_says_how_often_a_link_was_opened_and_when(
    hers: httpx2.Client, guest: httpx2.Client, album: str
) -> None:
    made = make(hers, album)
    (address,) = addresses(hers, album)
    guest.get(address, headers=HTML)
    guest.get(f"{address}/album.json")
    guest.get(f"{address}/album.json?page=2")
    guest.head(address)
    assert "opened 2 times, last" in shown(hers, album)
    (listed,) = hers.get(f"/api/albums/{album}/shares").json()["shares"]
    assert (listed["id"], listed["uses"], listed["url"]) == (made, 2, address)
    assert listed["last_used_at"] is not None


def test_what_is_asked_of_a_visitor_is_what_the_form_said(
    hers: httpx2.Client, guest: httpx2.Client, album: str
) -> None:
    make(hers, album, password="open sesame", downloads="none")
    assert "with a password · to keep: nothing" in shown(hers, album)
    (address,) = addresses(hers, album)
    assert guest.get(address, headers=HTML).status_code == 401
    assert "not opened yet" in shown(hers, album)
    guest.post(address, data={"password": "open sesame"})
    assert guest.get(address, headers=HTML).status_code == 200
    assert "opened 1 time," in shown(hers, album)


def test_taken_back_by_the_form_it_opens_nothing(
    hers: httpx2.Client, guest: httpx2.Client, album: str
) -> None:
    made = make(hers, album)
    (address,) = addresses(hers, album)
    path = f"/gallery/{album}/shares/{made}"
    assert hers.post(path, data={"action": "other"}, headers=SELF).status_code == 422
    answer = hers.post(path, data={"action": "revoke"}, headers=SELF)
    assert answer.headers["location"] == f"/gallery/{album}/shares?did=revoked"
    assert guest.get(address, headers=HTML).status_code == 410
    assert addresses(hers, album) == []


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"password": "abc"}, "password"), ({"days": "0"}, "days"), ({"days": "3651"}, "days"),
        ({"days": "١"}, "days"), ({"downloads": "all"}, "downloads"),
        ({"watermark": "absent"}, "watermark"), ({"name": "x" * 101}, "name"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_on_the_page_with_what_was_written(
    hers: httpx2.Client, album: str, form: dict[str, str], told: str
) -> None:
    given = {"name": "For Eva", "days": "7"} | form
    answer = hers.post(f"/gallery/{album}/shares", data=given, headers=SELF)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert f'value="{given["name"]}"' in html.unescape(answer.text)
    assert "abc" not in answer.text
    as_program = hers.post(f"/gallery/{album}/shares", data=given)
    assert as_program.json()["field"] == told
    assert hers.get(f"/api/albums/{album}/shares").json()["shares"] == []


def test_other_sites_make_and_end_nothing(hers: httpx2.Client, album: str) -> None:
    made = make(hers, album)
    for path, form in ((f"/gallery/{album}/shares", {"name": ""}), (f"/gallery/{album}/shares/{made}", {"action": "revoke"})):  # fmt: skip
        assert hers.post(path, data=form, headers=ELSEWHERE).status_code == 403
    assert len(addresses(hers, album)) == 1


def test_only_who_manages_the_album_finds_the_page_and_the_way_to_it(
    hers: httpx2.Client, album: str, server: RunningApplication, bob: Person
) -> None:
    made, path = make(hers, album), f"/gallery/{album}/shares"
    members = f"/api/collections/{album}/members/{bob.name}"
    with server.client(bob) as his, server.client() as guest:
        assert guest.get(path, headers=HTML).status_code == 401
        for role, status in (("", 404), ("contributor", 403), ("manager", 200)):
            if role:
                hers.put(members, json={"role": role}).raise_for_status()
            assert his.get(path, headers=HTML).status_code == status
            has_way = f'href="{path}"' in his.get(f"/gallery/{album}", headers=HTML).text
            assert has_way == (status == 200)
        again = make(his, album, name="of bob")
        hers.post(f"{path}/{again}", data={"action": "revoke"}, headers=SELF)
        assert "of bob" not in shown(hers, album)
        hers.delete(members).raise_for_status()
        ended = his.post(f"{path}/{made}", data={"action": "revoke"}, headers=SELF)
        assert ended.status_code == 404


def test_a_link_whose_maker_was_disabled_is_shown_as_one_that_opens_nothing(
    hers: httpx2.Client, guest: httpx2.Client, album: str, server: RunningApplication, root: Person
) -> None:
    dan = server.person(f"dan-{album}")
    hers.put(f"/api/collections/{album}/members/{dan.name}", json={"role": "manager"})
    with server.client(dan) as his, server.client(root) as admin:
        make(his, album, name="of dan")
        (address,) = addresses(hers, album)
        account = f"/api/admin/accounts/{dan.name}"
        for is_disabled, status, state in ((True, 410, "stopped"), (False, 200, "open")):
            admin.patch(account, json={"disabled": is_disabled}).raise_for_status()
            assert guest.get(address, headers=HTML).status_code == status
            (listed,) = hers.get(f"/api/albums/{album}/shares").json()["shares"]
            assert listed["state"] == state
            assert ("account is disabled" in shown(hers, album)) == is_disabled
            assert addresses(hers, album) == ([] if is_disabled else [address])


def test_my_files_lead_to_the_links_of_their_album(hers: httpx2.Client, album: str) -> None:
    assert f'href="/gallery/{album}/shares"' in hers.get("/me/files", headers=HTML).text


def test_administrators_share_folders_on_their_page(
    server: RunningApplication, root: Person, hers: httpx2.Client, guest: httpx2.Client
) -> None:
    name = "Walks%20%26%20talks"
    with server.client(root) as admin:
        assert f'href="/gallery/{name}/shares"' in admin.get(f"/gallery/{name}", headers=HTML).text
        make(admin, name)
        (address,) = addresses(admin, name)
    assert guest.get(address, headers=HTML).status_code == 200
    assert hers.get(f"/gallery/{name}/shares", headers=HTML).status_code == 404

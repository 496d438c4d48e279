"""Hanging a collection on its page, by plain forms: what they do, and whom they refuse."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants

_numbers = itertools.count(1)
SELF = {"sec-fetch-site": "same-origin", "accept": "text/html"}
ELSEWHERE = {"sec-fetch-site": "cross-site", "accept": "text/html"}


class Table:
    """A public collection of somebody's, and its page."""

    def __init__(self, client: httpx2.Client, name: str) -> None:
        self.client = client
        self.name = name
        self.path = f"/gallery/{name}/arrange"
        self.ids: dict[str, str] = {}

    def hang(self, letters: str) -> None:
        picture = bytes(quadrants(80, 60).write_to_buffer(".png"))
        for letter in letters:
            url = f"/api/collections/{self.name}/files/{letter}.png"
            self.ids[letter] = self.client.put(url, content=picture).json()["id"]

    def post(self, letter: str = "", **form: str) -> httpx2.Response:
        path = f"{self.path}/{self.ids[letter]}" if letter else self.path
        return self.client.post(path, data=form, headers=SELF)

    def step(self, letter: str, action: str, **form: str) -> str:
        answer = self.post(letter, action=action, **form)
        assert answer.status_code == 303, answer.text
        return self.shown()

    def shown(self) -> str:
        images = self.client.get(f"/api/albums/{self.name}").json()["images"]
        letters = {file_id: letter for letter, file_id in self.ids.items()}
        return "".join(letters[one["id"]] for one in images)

    def facts(self) -> dict[str, str]:
        facts: dict[str, str] = self.client.get(f"/api/collections/{self.name}").json()
        return facts


NewTable = Callable[[Person], Table]


@pytest.fixture
def new_table(server: RunningApplication) -> Iterator[NewTable]:
    with ExitStack() as clients:

        def make(person: Person) -> Table:
            client = clients.enter_context(server.client(person))
            name = f"table-{next(_numbers)}"
            made = client.post("/api/collections", json={"name": name, "visibility": "public"})
            assert made.status_code == 201
            return Table(client, name)

        yield make


@pytest.fixture
def hers(new_table: NewTable, ann: Person) -> Table:
    return new_table(ann)


def test_a_picture_goes_earlier_later_and_to_the_ends(hers: Table) -> None:
    hers.hang("abcd")
    assert hers.shown() == "dcba"
    assert hers.step("b", "earlier") == "dbca"
    assert hers.step("d", "later") == "bdca"
    assert hers.step("a", "first") == "abdc"
    assert hers.step("a", "earlier") == "abdc"
    assert hers.step("b", "last") == "adcb"
    assert hers.step("b", "later") == "adcb"


def test_a_picture_is_put_before_another_or_behind_it(hers: Table) -> None:
    hers.hang("abcd")
    assert hers.step("a", "before", other=hers.ids["c"]) == "dacb"
    assert hers.step("d", "behind", other=hers.ids["b"]) == "acbd"
    for other in (hers.ids["a"], "nothing", ""):
        assert hers.post("a", action="before", other=other).status_code == 404
    assert hers.shown() == "acbd"


def test_what_comes_later_hangs_behind_what_was_hung(hers: Table) -> None:
    hers.hang("ab")
    hers.step("a", "first")
    hers.hang("c")
    assert hers.shown() == "abc"


def test_where_nothing_was_hung_no_order_by_hand_is_offered(hers: Table) -> None:
    hers.hang("ab")
    page = f"/gallery/{hers.name}"
    assert "As hung" not in hers.client.get(page, headers=SELF).text
    hers.step("a", "first")
    shown = hers.client.get(page, headers=SELF).text
    assert f'href="{page}?sort=placed&amp;order=asc" aria-current="true">As hung' in shown


def test_the_form_of_a_picture_names_it_and_makes_it_the_cover(hers: Table) -> None:
    hers.hang("ab")
    answer = hers.post("a", action="save", title="Dawn", note="one\r\ntwo", page="2")
    where = f"{hers.path}?page=2&did=saved#file-{hers.ids['a']}"
    assert (answer.status_code, answer.headers["location"]) == (303, where)
    record = hers.client.get(f"/api/files/{hers.ids['a']}").json()
    assert (record["title"], record["note"]) == ("Dawn", "one\ntwo")
    hers.post("a", action="cover")
    assert hers.facts()["cover"] == hers.ids["a"]
    page = hers.client.get(f"{hers.path}?did=cover", headers=SELF).text
    assert "It is the cover now." in page
    assert 'value="Dawn"' in page


def test_a_picture_changes_walls_and_another_is_deleted(hers: Table, new_table: NewTable, ann: Person) -> None:  # fmt: skip
    hers.hang("abc")
    other = new_table(ann)
    assert hers.post("a", action="move", to=other.name).status_code == 303
    assert hers.post("b", action="delete").status_code == 303
    assert hers.shown() == "c"
    other.ids = hers.ids
    assert other.shown() == "a"
    assert hers.client.get(f"/files/{hers.ids['b']}").status_code == 404


def test_the_form_of_the_collection_changes_it(hers: Table, server: RunningApplication) -> None:
    hers.hang("ba")
    with server.client() as guest:
        assert guest.get(f"/gallery/{hers.name}").status_code == 200
        answer = hers.post(title=" Hills ", visibility="private", sort="name")
        assert answer.headers["location"] == f"{hers.path}?did=saved"
        assert guest.get(f"/gallery/{hers.name}").status_code == 404
        assert guest.get(f"/images/{hers.ids['a']}?width=40").status_code == 401
    facts = hers.facts()
    assert (facts["title"], facts["visibility"], hers.shown()) == ("Hills", "private", "ab")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"title": "", "visibility": "public", "sort": "date"}, "title"),
        ({"title": "x" * 301, "visibility": "public", "sort": "date"}, "title"),
        ({"title": "x", "visibility": "secret", "sort": "date"}, "visibility"),
        ({"title": "x", "visibility": "public", "sort": "size"}, "sort"),
        ({"title": "x", "visibility": "public"}, "sort"),
    ],
)
def test_a_form_of_the_collection_that_cannot_be_meant_changes_nothing(
    hers: Table, form: dict[str, str], field: str
) -> None:
    before = hers.facts()
    answer = hers.client.post(hers.path, data=form, headers={"sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert hers.facts() == before


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"page": "1"}, "action"),
        ({"action": "burn"}, "action"),
        ({"action": "save", "title": "x" * 301}, "title"),
        ({"action": "move", "to": ""}, "to"),
    ],
)
def test_a_form_of_a_picture_that_cannot_be_meant_changes_nothing(
    hers: Table, form: dict[str, str], field: str
) -> None:
    hers.hang("a")
    url = f"{hers.path}/{hers.ids['a']}"
    answer = hers.client.post(url, data=form, headers={"sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_page_beyond_the_last_one_says_so(hers: Table) -> None:
    hers.hang("a")
    assert "nothing on this page" in hers.client.get(f"{hers.path}?page=2", headers=SELF).text
    assert hers.client.get(f"{hers.path}?page=0", headers=SELF).status_code == 422


def test_only_who_manages_a_collection_sees_its_page_and_uses_its_forms(
    hers: Table, server: RunningApplication, bob: Person
) -> None:
    hers.hang("ab")
    hers.client.put(f"/api/collections/{hers.name}/members/bob", json={"role": "contributor"})
    picture = f"{hers.path}/{hers.ids['a']}"
    with server.client() as guest, server.client(bob) as other:
        assert guest.get(hers.path, headers=SELF).status_code == 401
        assert guest.post(picture, data={"action": "first"}, headers=SELF).status_code == 401
        assert other.get(hers.path, headers=SELF).status_code == 403
        for action in ("first", "cover", "save", "delete"):
            answer = other.post(picture, data={"action": action}, headers=SELF)
            assert answer.status_code == 403, action
        form = {"title": "x", "visibility": "public", "sort": "date"}
        assert other.post(hers.path, data=form, headers=SELF).status_code == 403
        gallery = other.get(f"/gallery/{hers.name}", headers=SELF).text
        assert "Add pictures" in gallery
        assert "Arrange" not in gallery
    assert hers.shown() == "ba"


def test_forms_of_other_sites_are_refused(hers: Table) -> None:
    hers.hang("ab")
    for path in (hers.path, f"{hers.path}/{hers.ids['a']}"):
        form = {"action": "first", "title": "x", "visibility": "public", "sort": "name"}
        assert hers.client.post(path, data=form, headers=ELSEWHERE).status_code == 403
    assert hers.shown() == "ba"


def test_a_picture_is_changed_on_the_page_of_its_own_collection_alone(
    hers: Table, new_table: NewTable, ann: Person
) -> None:
    hers.hang("a")
    other = new_table(ann)
    other.hang("x")
    other.ids["a"] = hers.ids["a"]
    for action in ("first", "save", "delete", "move"):
        answer = other.post("a", action=action, to=hers.name)
        assert answer.status_code == 404, action
    assert other.post("a", action="cover").status_code == 422
    assert hers.shown() == "a"


def test_folders_are_arranged_in_their_folder(server: RunningApplication, ann: Person) -> None:
    with server.client(ann) as client:
        assert client.get("/gallery/no-such/arrange", headers=SELF).status_code == 404


def test_all_pictures_of_a_gallery_are_offered_as_one_archive(hers: Table) -> None:
    page = f"/gallery/{hers.name}"
    assert "Download all" not in hers.client.get(page, headers=SELF).text
    hers.hang("ab")
    url = f"/api/albums/{hers.name}/zip"
    assert f'href="{url}" download' in hers.client.get(page, headers=SELF).text
    assert hers.client.get(url).headers["content-type"] == "application/zip"

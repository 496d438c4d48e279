"""How a collection is hung: cover, order by hand, and files that change walls."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants

_numbers = itertools.count(1)


class Wall:
    """A public collection of somebody's, with pictures in it by name."""

    def __init__(self, client: httpx2.Client, name: str) -> None:
        self.client = client
        self.name = name
        self.ids: dict[str, str] = {}

    def hang(self, *names: str) -> None:
        for name in names:
            picture = bytes(quadrants(80, 60).write_to_buffer(".png"))
            made = self.client.put(
                f"/api/collections/{self.name}/files/{name}.png", content=picture
            )
            assert made.status_code == 201, made.text
            self.ids[name] = made.json()["id"]

    def place(self, *names: str) -> httpx2.Response:
        files = [self.ids.get(name, name) for name in names]
        return self.client.put(f"/api/collections/{self.name}/order", json={"files": files})

    def change(self, **values: Any) -> httpx2.Response:
        return self.client.patch(f"/api/collections/{self.name}", json=values)

    def shown(self, **query: Any) -> list[str]:
        album = self.client.get(f"/api/albums/{self.name}", params=query).json()
        by_id = {file_id: name for name, file_id in self.ids.items()}
        return [by_id[one["id"]] for one in album["images"]]

    def cover(self) -> str:
        albums = self.client.get("/api/albums", params={"limit": 100}).json()["albums"]
        (cover,) = [one["cover"] for one in albums if one["name"] == self.name]
        by_id = {file_id: name for name, file_id in self.ids.items()}
        return by_id[cover.split("/")[2].split("?")[0]]


NewWall = Callable[..., Wall]


@pytest.fixture
def new_wall(server: RunningApplication) -> Iterator[NewWall]:
    with ExitStack() as clients:

        def make(person: Person, **values: Any) -> Wall:
            client = clients.enter_context(server.client(person))
            name = f"wall-{next(_numbers)}"
            body = {"name": name, "visibility": "public"} | values
            made = client.post("/api/collections", json=body)
            assert made.status_code == 201, made.text
            return Wall(client, name)

        yield make


@pytest.fixture
def hers(new_wall: NewWall, ann: Person) -> Wall:
    return new_wall(ann)


def test_pictures_hang_in_the_order_that_was_set_and_new_ones_behind(hers: Wall) -> None:
    hers.hang("a", "b", "c", "e")
    assert hers.place("c", "a").json() == {"placed": 2}
    assert hers.shown() == ["c", "a", "b", "e"]
    hers.hang("d")
    assert hers.shown() == ["c", "a", "b", "d", "e"]
    assert hers.shown(order="desc") == ["b", "d", "e", "a", "c"]
    assert hers.shown(sort="name") == ["a", "b", "c", "d", "e"]


def test_an_order_by_hand_goes_on_over_pages_and_cursors(hers: Wall) -> None:
    hers.hang("a", "b", "c", "d", "e")
    hers.place("e", "a", "d")
    assert hers.shown(limit=2, page=2) == ["d", "b"]
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        album = hers.client.get(f"/api/albums/{hers.name}", params=query).json()
        seen += [one["id"] for one in album["images"]]
        cursor = album["pagination"].get("next")
        if not cursor:
            break
    assert seen == [hers.ids[name] for name in "eadbc"]


def test_an_empty_order_forgets_all_places(hers: Wall) -> None:
    hers.hang("a", "b")
    hers.place("a", "b")
    assert hers.place().json() == {"placed": 0}
    assert hers.shown() == ["b", "a"]


def test_an_order_that_cannot_be_changes_nothing(hers: Wall) -> None:
    hers.hang("a", "b")
    hers.place("b", "a")
    for files in (["a", "a"], ["a", "nothing"]):
        answer = hers.place(*files)
        assert (answer.status_code, answer.json()["field"]) == (422, "files")
    assert hers.shown() == ["b", "a"]


def test_only_who_manages_a_collection_hangs_it(
    hers: Wall, server: RunningApplication, bob: Person
) -> None:
    hers.hang("a")
    with server.client(bob) as client:
        url = f"/api/collections/{hers.name}/order"
        assert client.put(url, json={"files": []}).status_code == 403
        member = f"/api/collections/{hers.name}/members/{bob.name}"
        hers.client.put(member, json={"role": "contributor"}).raise_for_status()
        assert client.put(url, json={"files": []}).status_code == 403


def test_a_cover_is_chosen_and_another_takes_its_place_when_it_goes(hers: Wall) -> None:
    hers.hang("a", "b", "c")
    assert hers.cover() == "c"
    assert hers.change(cover=hers.ids["a"]).json()["cover"] == hers.ids["a"]
    assert hers.cover() == "a"
    hers.client.delete(f"/api/files/{hers.ids['a']}")
    assert hers.cover() == "c"
    hers.change(cover="")
    assert hers.cover() == "c"


def test_a_cover_is_a_picture_of_the_collection(hers: Wall, new_wall: NewWall, ann: Person) -> None:
    hers.hang("a")
    other = new_wall(ann)
    other.hang("x")
    for file_id in (other.ids["x"], "nothing"):
        answer = hers.change(cover=file_id)
        assert (answer.status_code, answer.json()["field"]) == (422, "cover")


def test_a_file_moves_to_another_collection_with_all_that_counts(
    hers: Wall, new_wall: NewWall, ann: Person
) -> None:
    hers.hang("a", "b")
    hers.change(cover=hers.ids["a"])
    other = new_wall(ann)
    url = f"/api/files/{hers.ids['a']}"
    moved = hers.client.patch(url, json={"collection": other.name, "title": "Gone"}).json()
    assert (moved["collection"], moved["title"]) == (other.name, "Gone")
    assert hers.shown() == ["b"]
    assert hers.cover() == "b"
    counts = [
        hers.client.get(f"/api/collections/{name}").json()["picture_count"]
        for name in (hers.name, other.name)
    ]
    assert counts == [1, 1]
    assert hers.client.patch(url, json={"collection": other.name}).status_code == 200


def test_what_moves_behind_closed_doors_is_gone_for_strangers_at_once(
    hers: Wall, server: RunningApplication, new_wall: NewWall, ann: Person
) -> None:
    hers.hang("a")
    closed = new_wall(ann, visibility="private")
    addresses = [f"/images/{hers.ids['a']}?width=40", f"/files/{hers.ids['a']}"]
    with server.client() as guest:
        for address in addresses * 2:
            assert guest.get(address).status_code == 200
        hers.client.patch(f"/api/files/{hers.ids['a']}", json={"collection": closed.name})
        for address in addresses:
            assert guest.get(address).status_code == 401


def test_a_file_moves_only_where_its_sender_may_upload_and_its_kind_is_taken(
    hers: Wall, server: RunningApplication, new_wall: NewWall, ann: Person, bob: Person
) -> None:
    hers.hang("a")
    url = f"/api/files/{hers.ids['a']}"
    closed = new_wall(bob)
    archives = new_wall(ann, policy={"extensions": [".zip"]})
    videos = new_wall(ann, policy={"types": ["video/*"]})
    tiny = new_wall(ann, policy={"max_bytes": 10})
    expected = {
        closed.name: 403,
        archives.name: 415,
        videos.name: 415,
        tiny.name: 413,
        "no-such-wall": 404,
    }
    for name, status in expected.items():
        assert hers.client.patch(url, json={"collection": name}).status_code == status, name
    with server.client(bob) as client:
        assert client.patch(url, json={"collection": closed.name}).status_code == 403
    assert hers.shown() == ["a"]


def test_a_refusal_to_move_is_worded_as_the_refusal_of_an_upload(
    hers: Wall, new_wall: NewWall, ann: Person
) -> None:
    hers.hang("a")
    archives = new_wall(ann, policy={"extensions": [".zip"]})
    sent = hers.client.put(f"/api/collections/{archives.name}/files/a.png", content=b"x")
    moved = hers.client.patch(f"/api/files/{hers.ids['a']}", json={"collection": archives.name})
    assert sent.status_code == moved.status_code == 415
    kept = {name: moved.json()[name] for name in ("error", "code", "field")}
    assert kept == {name: sent.json()[name] for name in kept}

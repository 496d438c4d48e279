"""Names can be guessed: what one may not know of answers like what is not there, at every door."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection, publish_file

PICTURE = bytes(quadrants(64, 48).write_to_buffer(".jpg"))
OWN = {"sec-fetch-site": "same-origin"}
Ask = Callable[[httpx2.Client, str], httpx2.Response]


@dataclass(frozen=True)
class House:
    """A server with private things, who owns them, and who has nothing to do with them."""

    server: RunningApplication
    owner: Person
    stranger: Person
    collection: str


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data_dir = tmp_path_factory.mktemp("data")
    folder = data_dir / "albums" / "closed"
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(PICTURE)
    (folder / "album.toml").write_text('visibility = "private"')
    with running_application(data_dir) as server:
        owner, stranger = server.person("owner"), server.person("stranger")
        with server.client(owner) as client:
            name = make_collection(server, client, visibility="private")
            publish_file(client, name, "a.jpg", PICTURE)
        yield House(server, owner, stranger, name)


def get(path: str) -> Ask:
    return lambda client, name: client.get(
        path.format(name, base=str(client.base_url).rstrip("/")), headers={"accept": "*/*"}
    )


def page(path: str) -> Ask:
    return lambda client, name: client.get(path.format(name), headers={"accept": "text/html"})


def send(method: str, path: str, **body: Any) -> Ask:
    def ask(client: httpx2.Client, name: str) -> httpx2.Response:
        named = {key: value.format(name) for key, value in body.items()}
        return client.request(method, path.format(name), json=named)

    return ask


def form(path: str, **fields: str) -> Ask:
    def ask(client: httpx2.Client, name: str) -> httpx2.Response:
        named = {key: value.format(name) for key, value in fields.items()}
        return client.post(path.format(name), data=named, headers=OWN | {"accept": "text/html"})

    return ask


def posted(client: httpx2.Client, name: str) -> httpx2.Response:
    fields, files = {"collection": name}, {"file": ("a.jpg", PICTURE, "image/jpeg")}
    return client.post("/upload", data=fields, files=files, headers={"accept": "*/*"})


def tus(client: httpx2.Client, name: str) -> httpx2.Response:
    said = base64.b64encode(name.encode()).decode()
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": f"collection {said}"}  # fmt: skip
    return client.post("/tus/", headers=headers)


def uppy(client: httpx2.Client, name: str) -> httpx2.Response:
    body = {"filename": "a.jpg", "type": "image/jpeg", "metadata": {"collection": name}}
    return client.post("/companion/s3/multipart", json=body)


SEEN: dict[str, Ask] = {
    "collection": get("/api/collections/{}"),
    "its files": get("/api/collections/{}/files"),
    "its ZIP": get("/api/collections/{}/zip"),
    "album": get("/api/albums/{}"),
    "its archive": get("/api/albums/{}/zip"),
    "its manifest": get("/api/albums/{}/manifest"),
    "RSS": get("/gallery/{}/feed.xml"),
    "JSON Feed": get("/gallery/{}/feed.json"),
    "oEmbed": get("/oembed?url={base}/gallery/{}"),
    "embedded": get("/embed/{}"),
    "file": get("/albums/{}/a.jpg"),
    "file that is not there": get("/albums/{}/b.jpg"),
    "facts": get("/albums/{}/a.jpg/info"),
    "resized": get("/resize?url=/albums/{}/a.jpg&width=20"),
    "IIIF": get("/iiif/3/albums%2F{}%2Fa.jpg/info.json"),
    "IIIF picture": get("/iiif/3/albums%2F{}%2Fa.jpg/full/max/0/default.jpg"),
    "gallery": page("/gallery/{}"),
}
DONE: dict[str, Ask] = {
    "members": get("/api/collections/{}/members"),
    "change": send("PATCH", "/api/collections/{}", title="x"),
    "delete": send("DELETE", "/api/collections/{}"),
    "let in": send("PUT", "/api/collections/{}/members/owner", role="viewer"),
    "throw out": send("DELETE", "/api/collections/{}/members/owner"),
    "shares": get("/api/albums/{}/shares"),
    "share": send("POST", "/api/albums/{}/shares"),
    "upload token": send("POST", "/api/upload-tokens", collection="{}"),
    "link": send("POST", "/api/collections/{}/files", external_url="https://a.test/", title="x"),
    "publish": send("POST", "/api/collections/{}/files", upload="x"),
    "raw body": lambda client, name: client.put(
        f"/api/collections/{name}/files/a.jpg", content=PICTURE
    ),
    "form": posted,
    "tus": tus,
    "Companion": uppy,
    "Companion's form": get(
        "/companion/s3/params?filename=a.jpg&type=image%2Fjpeg&metadata%5Bcollection%5D={}"
    ),
    "arrange": page("/gallery/{}/arrange"),
    "settings": page("/gallery/{}/settings"),
    "deletion": page("/gallery/{}/settings/delete"),
    "shares' page": page("/gallery/{}/shares"),
    "arrange by form": form("/gallery/{}/arrange", title="x", visibility="public", sort="date"),
    "settings by form": form("/gallery/{}/settings", title="x", visibility="public"),
    "members by form": form("/gallery/{}/settings/members", account="owner", action="remove"),
    "deletion by form": form("/gallery/{}/settings/delete", yes=""),
    "share by form": form("/gallery/{}/shares", downloads="none"),
    "order": lambda client, name: client.put(f"/api/collections/{name}/order", json={"files": []}),
    "picture's form": form("/gallery/{}/arrange/none", action="first"),
}


def begin(client: httpx2.Client, name: str) -> httpx2.Response:
    body = {"collection": name, "filename": "a.jpg", "size": len(PICTURE)}
    return client.post("/api/uploads", json=body)


DONE["begin"] = begin


def told(client: httpx2.Client, name: str, ask: Ask) -> tuple[int, str, dict[str, str]]:
    """An answer without what differs between any two of them."""
    answer = ask(client, name)
    text = answer.text.replace(name, "NAME").replace(answer.headers["x-request-id"], "ID")
    fixed = ("cache-control", "content-type", "location", "www-authenticate", "vary")
    return answer.status_code, text, {one: answer.headers.get(one, "") for one in fixed}


def hidden(house: House) -> list[tuple[str, str]]:
    """Names of private things, each with one of the same length that means nothing."""
    collection = house.collection
    return [("closed", "absent"), (collection, collection[:-3] + "-no")]


@pytest.mark.parametrize("door", SEEN)
def test_what_nobody_may_see_is_absent_to_guests(house: House, door: str) -> None:
    with house.server.client() as guest:
        for name, absent in hidden(house):
            found = told(guest, name, SEEN[door])
            assert found == told(guest, absent, SEEN[door])
            assert found[0] == 404, found


@pytest.mark.parametrize("door", [*SEEN, *DONE])
def test_what_a_stranger_may_not_see_is_absent(house: House, door: str) -> None:
    ask = (SEEN | DONE)[door]
    with house.server.client(house.stranger) as stranger:
        for name, absent in hidden(house):
            found = told(stranger, name, ask)
            assert found == told(stranger, absent, ask)
            assert found[0] not in (200, 201, 303, 401, 403), found


@pytest.mark.parametrize("door", DONE)
def test_guests_are_asked_to_sign_in_whatever_the_name(house: House, door: str) -> None:
    with house.server.client() as guest:
        for name, absent in hidden(house):
            assert told(guest, name, DONE[door]) == told(guest, absent, DONE[door])


def test_what_one_may_see_but_not_do_is_still_refused(house: House) -> None:
    with house.server.client(house.owner) as owner:
        seen = make_collection(house.server, owner, visibility="public")
    with house.server.client(house.stranger) as stranger:
        for door in ("members", "change", "delete", "begin", "raw body", "form", "share", "settings"):  # fmt: skip
            assert DONE[door](stranger, seen).status_code == 403, door


def test_a_file_s_id_cannot_be_guessed_so_it_is_refused(house: House) -> None:
    with house.server.client(house.owner) as owner, house.server.client(house.stranger) as stranger:
        made = owner.get(f"/api/collections/{house.collection}/files").json()["files"][0]
        assert stranger.get(f"/files/{made['id']}").status_code == 403
        assert httpx2.get(f"{house.server.url}/files/{made['id']}").status_code == 401


def test_guests_at_a_page_that_is_absent_may_sign_in_to_see_it(house: House) -> None:
    with house.server.client() as guest:
        answer = guest.get("/gallery/closed?page=2", headers={"accept": "text/html"})
    assert 'href="/login?next=%2Fgallery%2Fclosed%3Fpage%3D2"' in answer.text


def test_a_list_names_nothing_that_is_hidden(house: House) -> None:
    with house.server.client(house.stranger) as stranger:
        for path in ("/api/collections", "/api/albums", "/", "/sitemap.xml", "/upload"):
            text = stranger.get(path, headers={"accept": "*/*"}).text
            assert not any(name in text for name, _ in hidden(house)), path


def test_who_loses_the_right_while_sending_is_told_so(house: House) -> None:
    with house.server.client(house.owner) as owner, house.server.client(house.stranger) as other:
        name = make_collection(house.server, owner, visibility="private")
        member = f"/api/collections/{name}/members/{house.stranger.id}"
        owner.put(member, json={"role": "contributor"}).raise_for_status()
        upload = begin(other, name).json()
        httpx2.put(upload["url"], content=PICTURE, headers=upload["headers"]).raise_for_status()
        assert owner.delete(member).status_code == 204
        assert other.get(f"/api/collections/{name}").status_code == 404
        assert other.post(f"/api/uploads/{upload['id']}/complete", json={}).status_code == 403

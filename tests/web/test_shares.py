"""Private albums: every door is closed to strangers, and a share opens one album for as long as it holds."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest
import pyvips

from cimaise.settings import Settings
from cimaise.web.routes import LINES
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.private_pictures import PLACE, SERIAL, exif, jpeg_with, segment
from tests.kit.sending import make_collection, publish_file

SECRET = jpeg_with(segment(0xE1, b"Exif\0\0" + exif()))
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    data_dir = tmp_path_factory.mktemp("data")
    for album, visibility in (("closed", "private"), ("open", "public")):
        folder = data_dir / "albums" / album
        folder.mkdir(parents=True)
        (folder / "secret.jpg").write_bytes(SECRET)
        (folder / "album.toml").write_text(f'visibility = "{visibility}"\nmembers = ["bert"]\n')
    with running_application(data_dir) as running:
        yield running


@dataclass(frozen=True)
class Private:
    """A private album: who rules it, and the names of its picture in URLs of both kinds."""

    album: str
    owner: Person
    picture: str
    paths: dict[str, str]


@pytest.fixture(scope="module")
def people(server: RunningApplication) -> dict[str, Person]:
    from cimaise.access.policy import Role  # noqa: PLC0415

    found = {name: server.person(name) for name in ("anna", "bert", "carl")}
    return found | {"root": server.person("root", Role.ADMIN)}


@pytest.fixture(scope="module", params=["folder", "collection"])
def private(request, server: RunningApplication, people: dict[str, Person]) -> Private:
    if request.param == "folder":
        names = {"album": "closed", "file": "secret.jpg", "url": "/albums/closed/secret.jpg"}
        return Private("closed", people["root"], "secret.jpg", names)
    with server.client(people["anna"]) as client:
        name = make_collection(server, client, visibility="private")
        file = publish_file(client, name, "secret.jpg", SECRET)
    names = {"album": name, "name": name, "id": file["id"], "preset": "thumb"}
    return Private(name, people["anna"], file["id"], names)


def share(server: RunningApplication, private: Private, **terms: object) -> dict[str, str]:
    with server.client(private.owner) as client:
        made = client.post(f"/api/albums/{private.album}/shares", json=terms)
    assert made.status_code == 201, made.text
    return made.json()


def filled(path: str, private: Private) -> str | None:
    """A route's path with the private album's names; ``None`` where it has other parts."""
    names = private.paths | {
        "region": "full", "size": "max", "rotation": "0", "quality": "default", "format": "jpg",
    }  # fmt: skip
    needed = re.findall(r"\{(\w+)\}", path)
    if not set(needed) & {"album", "name", "id", "file"} or not set(needed) <= set(names):
        return None
    return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], path)


@pytest.mark.parametrize("who", ["guest", "stranger"])
def test_no_route_gives_a_stranger_anything_of_a_private_album(
    server: RunningApplication, people: dict[str, Person], private: Private, who: str
) -> None:
    walked = 0
    with server.client(people["carl"] if who == "stranger" else None) as client:
        for line in LINES:
            path = filled(line.path, private)
            if path is None or line.path.startswith(("/api/uploads", "/tus", "/companion")):
                continue
            walked += 1
            answer = client.request(line.method, path, json={} if line.body else None)
            assert answer.status_code in (400, 401, 403, 404, 415, 422), (line.method, path)
            assert SECRET[-200:] not in answer.content
            if answer.status_code in (
                400,
                415,
                422,
            ):  # the form is looked at first: never with a yes
                assert "error" in answer.json()
        for path in (f"/resize?url=/albums/{private.album}/secret.jpg&width=10",):
            assert client.get(path).status_code in (401, 403, 404)
        assert private.album not in client.get("/api/albums").text
        assert private.album not in client.get("/", headers=HTML).text
    assert walked > 5


def let_bert_look(server: RunningApplication, private: Private) -> None:
    """In the folder he may from the beginning."""
    if private.album != "closed":
        with server.client(private.owner) as client:
            client.put(f"/api/collections/{private.album}/members/bert", json={"role": "viewer"})


def test_members_see_it_and_others_do_not(
    server: RunningApplication, people: dict[str, Person], private: Private
) -> None:
    let_bert_look(server, private)
    for name, status in (("bert", 200), ("carl", 404)):
        with server.client(people[name]) as client:
            assert client.get(f"/api/albums/{private.album}").status_code == status
            shares = client.get(f"/api/albums/{private.album}/shares")
            assert shares.status_code == (403 if status == 200 else 404)


def urls_of(client: httpx2.Client, made: dict[str, str]) -> dict[str, str]:
    """Every URL that a share gives."""
    base = f"/s/{made['token']}"
    (image,) = client.get(f"{base}/album.json").json()["images"]
    urls = {
        "page": base,
        "json": f"{base}/album.json",
        "rss": f"{base}/feed.xml",
        "json feed": f"{base}/feed.json",
        "src": image["src"],
        "thumb": image["thumb"],
    }
    for number, candidate in enumerate(image["srcset"].split(", ")):
        urls[f"srcset {number}"] = candidate.split(" ")[0]
    return urls | ({"download": image["download"]} if "download" in image else {}) | (
        {"archive": f"{base}/archive.zip"} if made["downloads"] == "original" else {}
    )  # fmt: skip


def test_a_share_opens_the_album_to_whoever_holds_it(
    server: RunningApplication, private: Private
) -> None:
    made = share(server, private, downloads="original")
    assert made["url"] == f"{server.url}/s/{made['token']}"
    with server.client() as guest:
        for name, url in urls_of(guest, made).items():
            answer = guest.get(url, headers=HTML if name == "page" else {})
            assert answer.status_code == 200, (name, answer.text)
            assert "private" in answer.headers["cache-control"]
            assert SERIAL not in answer.content
            assert PLACE not in answer.content
            assert "noindex" in answer.headers["x-robots-tag"]
        assert guest.get(f"/api/albums/{private.album}").status_code == 404


def test_revoking_kills_all_of_it_at_once(server: RunningApplication, private: Private) -> None:
    made = share(server, private, downloads="original")
    with server.client() as guest, server.client(private.owner) as client:
        urls = urls_of(guest, made)
        kept = {name: guest.get(url).headers.get("etag") for name, url in urls.items()}
        listed = client.get(f"/api/albums/{private.album}/shares").json()["shares"]
        assert made["id"] in [one["id"] for one in listed]
        assert "token" not in str(listed)
        assert client.delete(f"/api/shares/{made['id']}").status_code == 204
        assert client.delete(f"/api/shares/{made['id']}").status_code == 204
        for name, url in urls.items():
            headers = {"if-none-match": f'"{kept[name]}"'} if kept[name] else {}
            assert guest.get(url, headers=headers).status_code == 410, name
            assert guest.get(url, headers={"range": "bytes=0-9"}).status_code == 410, name


def test_a_share_of_somebody_who_is_disabled_is_over(
    server: RunningApplication, people: dict[str, Person]
) -> None:
    dora = server.person("dora")
    with server.client(dora) as client:
        name = make_collection(server, client, visibility="private")
        publish_file(client, name, "a.jpg", SECRET)
        made = client.post(f"/api/albums/{name}/shares", json={}).json()
    with server.client() as guest:
        assert guest.get(f"/s/{made['token']}/album.json").status_code == 200
        server.run(server.application.services.access.accounts.disable(None, dora.name))
        assert guest.get(f"/s/{made['token']}/album.json").status_code == 410


def test_a_share_ends_when_its_time_is_over(server: RunningApplication, private: Private) -> None:
    services = server.application.services
    made = share(server, private, expires_in=60)
    late = replace(services.access.shares, clock=lambda: services.clock().replace(year=2100))
    with server.client() as guest:
        assert guest.get(f"/s/{made['token']}/album.json").status_code == 200
    from cimaise.errors import Gone  # noqa: PLC0415

    with pytest.raises(Gone):
        server.run(late.check(made["token"], None))


def test_feeds_of_a_share_lead_through_its_link_alone(
    server: RunningApplication, private: Private
) -> None:
    made = share(server, private, downloads="none")
    link = made["url"]
    with server.client() as guest:
        feed = guest.get(f"/s/{made['token']}/feed.json").json()
        rss = guest.get(f"/s/{made['token']}/feed.xml").text
        assert (feed["home_page_url"], feed["feed_url"]) == (link, f"{link}/feed.json")
        (item,) = feed["items"]
        assert item["url"] == link
        for address in (item["image"], item["id"], *re.findall(r'url="([^"]+)"', rss)):
            assert address.startswith(f"{link}/pictures/")
            assert guest.get(address).status_code == 200
        page = guest.get(f"/s/{made['token']}", headers=HTML).text
        assert f'href="/s/{made["token"]}/feed.xml"' in page


def test_a_password_is_asked_for_everywhere_and_opens_by_post_alone(
    server: RunningApplication, private: Private
) -> None:
    made = share(server, private, password="open sesame", downloads="original")
    base = f"/s/{made['token']}"
    names = (f"pictures/{private.picture}?width=500", f"downloads/{private.picture}", "archive.zip", "album.json", "feed.xml", "feed.json")  # fmt: skip
    paths = [f"{base}/{name}" for name in names]
    with server.client() as guest:
        for path in (*paths, base):
            answer = guest.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "password_needed"), path
            assert guest.get(f"{path}{'&' if '?' in path else '?'}password=open%20sesame").status_code == 401  # fmt: skip
        for path in (*paths, base):
            form = guest.get(path, headers=HTML)
            assert (form.status_code, f'action="{base}"' in form.text) == (401, True), path
        assert guest.post(base, data={"password": "wrong"}).status_code == 401
        opened = guest.post(base, data={"password": "open sesame"})
        assert (opened.status_code, opened.headers["location"]) == (303, base)
        cookie = opened.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert f"path={base.lower()}" in cookie
        assert "samesite=lax" in cookie
        for path in (*paths, base):
            assert guest.get(path, headers=HTML).status_code == 200, path
        ticket = guest.cookies["cimaise_share"]
    other = share(server, private, password="open sesame")
    with server.client() as guest:
        headers = {"cookie": f"cimaise_share={ticket}"}
        assert guest.get(f"/s/{other['token']}/album.json", headers=headers).status_code == 401
        forged = {"cookie": f"cimaise_share={ticket[:-2]}AA"}
        assert guest.get(f"{base}/album.json", headers=forged).status_code == 401
        assert guest.post(base, data={"password": "open sesame"}, headers={"origin": "https://evil.example"}).status_code == 403  # fmt: skip


def test_passwords_cannot_be_tried_for_long(server: RunningApplication, private: Private) -> None:
    made = share(server, private, password="open sesame")
    with server.client() as guest:
        codes = [
            guest.post(f"/s/{made['token']}", data={"password": f"guess {n}"}).status_code
            for n in range(12)
        ]
        assert codes == [401] * 10 + [429] * 2
        last = guest.post(f"/s/{made['token']}", data={"password": "open sesame"})
        assert last.status_code == 429
        assert int(last.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("downloads", "picture", "archive"), [("none", 403, 403), ("web", 200, 403), ("original", 200, 200)]
)  # fmt: skip
def test_what_may_be_kept_is_the_maker_s_choice(
    server: RunningApplication, private: Private, downloads: str, picture: int, archive: int
) -> None:
    made = share(server, private, downloads=downloads)
    base = f"/s/{made['token']}"
    with server.client() as guest:
        (image,) = guest.get(f"{base}/album.json").json()["images"]
        assert ("download" in image) == (downloads != "none")
        got = guest.get(f"{base}/downloads/{private.picture}")
        assert got.status_code == picture
        assert guest.get(f"{base}/archive.zip").status_code == archive
        if downloads == "web":
            assert got.headers["content-type"] == "image/jpeg"
            assert got.headers["content-disposition"].startswith("attachment")
            assert len(got.content) != len(SECRET)
        if downloads == "original":
            assert len(got.content) == len(SECRET)
            assert got.headers["accept-ranges"] == "bytes"
            before = pyvips.Image.new_from_buffer(SECRET, "").write_to_memory()
            assert pyvips.Image.new_from_buffer(got.content, "").write_to_memory() == before
            part = guest.get(
                f"{base}/downloads/{private.picture}", headers={"range": "bytes=20-400"}
            )
            assert (part.status_code, part.content) == (206, got.content[20:401])
            packed = guest.get(f"{base}/archive.zip").content
            with zipfile.ZipFile(io.BytesIO(packed)) as opened:
                assert opened.read("secret.jpg") == got.content


def test_only_who_manages_an_album_shares_it(
    server: RunningApplication, people: dict[str, Person], private: Private
) -> None:
    path = f"/api/albums/{private.album}/shares"
    assert httpx2.post(server.url + path, json={}).status_code == 401
    made = share(server, private)
    let_bert_look(server, private)
    for name, status in (("bert", 403), ("carl", 404)):
        with server.client(people[name]) as client:
            assert client.post(path, json={}).status_code == status
            assert client.delete(f"/api/shares/{made['id']}").status_code == 404
    with server.client(private.owner) as client:
        for wrong in (
            {"password": "abc"}, {"expires_in": 0}, {"downloads": "all"}, {"watermark": "absent"},
            {"expires_in": 1e12}, {"password": "x" * 2000}, {"pasword": "open sesame"},
        ):  # fmt: skip
            assert client.post(path, json=wrong).status_code == 422, wrong
        assert client.post("/api/albums/absent/shares", json={}).status_code == 404


def test_a_share_leads_to_nothing_but_its_album(
    server: RunningApplication, people: dict[str, Person], private: Private
) -> None:
    made = share(server, private, downloads="original")
    base = f"/s/{made['token']}"
    with server.client(people["anna"]) as client:
        name = make_collection(server, client, visibility="public")
        other = publish_file(client, name, "other.jpg", SECRET)["id"]
        hidden = publish_file(client, name, "hidden.jpg", SECRET)["id"]
        client.patch(f"/api/files/{hidden}", json={"visibility": "private"})
    with server.client() as guest:
        for foreign in (other, hidden, "open", "..%2Fopen%2Fsecret.jpg", "album.toml", "x"):
            for path in (f"{base}/pictures/{foreign}?width=10", f"{base}/downloads/{foreign}"):
                assert guest.get(path).status_code in (401, 403, 404), path
        for token in ("x", "A" * 43, made["id"], made["token"][:-1] + "~"):
            assert guest.get(f"/s/{token}/album.json").status_code == 404
        for width in ("0", "-1", "99999", "x", ""):
            answer = guest.get(f"{base}/pictures/{private.picture}?width={width}")
            assert answer.status_code == 422, width


def test_originals_may_be_given_as_they_are_by_setting(tmp_path: Path) -> None:
    def change(settings: Settings) -> Settings:
        return replace(settings, shares=replace(settings.shares, clean_originals=False))

    with running_application(tmp_path, change) as server:
        ann = server.person("anna")
        with server.client(ann) as client, server.client() as guest:
            name = make_collection(server, client, visibility="private")
            file = publish_file(client, name, "a.jpg", SECRET)
            made = client.post(f"/api/albums/{name}/shares", json={"downloads": "original"}).json()
            got = guest.get(f"/s/{made['token']}/downloads/{file['id']}")
            assert got.content == SECRET
            web = guest.get(f"/s/{made['token']}/pictures/{file['id']}?width=500")
            assert SERIAL not in web.content


def test_a_watermark_is_on_everything_that_a_share_gives(tmp_path: Path) -> None:
    mark = tmp_path / "mark.png"
    white = pyvips.Image.black(40, 40, bands=3) + 255
    white.cast("uchar").copy(interpretation="srgb").write_to_file(str(mark))

    def change(settings: Settings) -> Settings:
        return replace(settings, images=replace(settings.images, watermarks=(("studio", mark),)))

    with running_application(tmp_path / "data", change) as server:
        ann = server.person("anna")
        black = bytes(pyvips.Image.black(400, 300, bands=3).jpegsave_buffer())
        with server.client(ann) as client, server.client() as guest:
            name = make_collection(server, client, visibility="private")
            file = publish_file(client, name, "a.jpg", black)
            terms = {"downloads": "original", "watermark": "studio"}
            made = client.post(f"/api/albums/{name}/shares", json=terms).json()
            base = f"/s/{made['token']}"
            for path in (f"pictures/{file['id']}?width=400", f"downloads/{file['id']}"):
                got = guest.get(f"{base}/{path}")
                assert got.status_code == 200
                assert got.content != black
                assert pyvips.Image.new_from_buffer(got.content, "").max() > 200, path
            assert guest.get(f"{base}/archive.zip").status_code == 403

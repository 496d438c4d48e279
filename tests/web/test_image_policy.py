"""Who may ask for which variant: each policy on every route that makes pictures."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from cimaise.image_urls import sign_image_url
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.pictures import quadrants

NEW, OLD = "the newer one of two keys, 32 bytes", "the older one of two keys, 32 bytes"


@dataclass
class Place:
    server: RunningApplication
    ann: Person
    file_id: str

    def get(self, url: str, **how: Any) -> httpx2.Response:
        return httpx2.get(self.server.url + url, **how)


@pytest.fixture(scope="module", params=["open", "presets", "signed"])
def place(tmp_path_factory: pytest.TempPathFactory, request: Any) -> Iterator[Place]:
    data_dir = tmp_path_factory.mktemp("data")
    album = data_dir / "albums" / "walk"
    album.mkdir(parents=True)
    body = bytes(quadrants(1200, 800).write_to_buffer(".png"))
    (album / "a.png").write_bytes(body)

    def change(settings: Any) -> Any:
        images = replace(settings.images, policy=request.param, signing_keys=(NEW, OLD))
        return replace(settings, images=images)

    with running_application(data_dir, change) as server:
        ann = server.person("ann")
        with server.client(ann) as client:
            made = client.put("/api/collections/inbox/files/a.png", content=body)
        yield Place(server, ann, made.json()["id"])


def policy(place: Place) -> str:
    return str(place.server.application.settings.images.policy)


def addresses(place: Place, width: int) -> list[str]:
    return [
        f"/images/{place.file_id}?width={width}",
        f"/resize?url=/albums/walk/a.png&width={width}",
    ]


def test_sizes_of_our_own_pages_are_given_under_every_policy(place: Place):
    for url in (*addresses(place, 360), *addresses(place, 1200), f"/images/{place.file_id}/thumb"):
        assert place.get(url).status_code == 200, url


def test_other_sizes_are_free_only_where_everything_is(place: Place):
    more = [f"/images/{place.file_id}?width=360&blur=3", f"/images/{place.file_id}"]
    for url in (*addresses(place, 333), *more):
        answer = place.get(url)
        assert answer.status_code == (200 if policy(place) == "open" else 403), url
        if answer.status_code == 403:
            assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize("key", [NEW, OLD])
def test_a_signature_with_any_of_the_keys_opens_what_may_be_signed(place: Place, key: str):
    iiif = f"/iiif/3/{place.file_id}/full/333,/0/gray.png"
    for url in (*addresses(place, 334), iiif):
        answer = place.get(sign_image_url(url, key=key))
        assert answer.status_code == (403 if policy(place) == "presets" else 200), url


def test_an_altered_or_foreign_signature_is_refused_under_every_policy(place: Place):
    signed = sign_image_url(f"/images/{place.file_id}?width=360", key=NEW)
    for url in (
        signed.replace("width=360", "width=361"),
        signed + "&blur=2",
        signed + "&signature=x",
        signed[:-1],
        sign_image_url(
            f"/images/{place.file_id}?width=360", key="a key of somebody else's, 32 byte"
        ),
        f"/images/{place.file_id}/thumb?signature=x",
    ):
        answer = place.get(url)
        assert (answer.status_code, answer.json()["code"]) == (403, "bad_signature"), url


def test_the_order_and_spelling_of_a_signed_address_do_not_matter(place: Place):
    signed = sign_image_url("/resize?url=/albums/walk/a.png&width=960", key=NEW)
    query = dict(pair.split("=", 1) for pair in urlsplit(signed).query.split("&"))
    turned = f"/resize?signature={query['signature']}&width=960&url=%2falbums/walk/a%2Epng"
    assert place.get(turned).status_code == 200


def test_a_signature_ends_with_its_time_and_caches_know_it(place: Place):
    now = int(place.server.application.services.clock().timestamp())
    url = f"/images/{place.file_id}?width=960"
    good = place.get(sign_image_url(url, key=NEW, expires_at=now + 100))
    assert good.status_code == 200
    assert 0 < int(good.headers["cache-control"].rpartition("=")[2]) <= 100
    over = place.get(sign_image_url(url, key=NEW, expires_at=now - 1))
    assert (over.status_code, over.json()["code"]) == (403, "expired_signature")
    alone = place.get(f"{url}&expires={now + 100}")
    assert (alone.status_code, alone.json()["field"]) == (422, "expires")


def test_of_remote_pictures_named_sizes_are_not_enough_where_addresses_are_signed(place: Place):
    url = "/resize?url=https://127.0.0.1/a.jpg&width=360"  # refused for its address, if looked at
    looked_at = {"open": 400, "presets": 400, "signed": 403}[policy(place)]
    assert place.get(url).status_code == looked_at
    signed = place.get(sign_image_url(url, key=NEW))
    assert (signed.status_code, signed.json()["code"]) == (400, "url_not_allowed")


def test_pages_of_ours_work_under_every_policy(place: Place):
    page = place.get("/gallery/walk", headers={"accept": "text/html"})
    assert page.status_code == 200
    shown = [
        part.split('"')[0] for part in page.text.split('src="')[1:] if part.startswith("/resize")
    ]
    assert shown
    for url in shown:
        assert place.get(url.replace("&amp;", "&")).status_code == 200


def test_a_signature_gives_no_right_to_a_private_picture(place: Place):
    with place.server.client(place.ann) as client:
        client.post("/api/collections", json={"name": "own", "visibility": "private"})
        body = bytes(quadrants(64, 48).write_to_buffer(".png"))
        made = client.put("/api/collections/own/files/p.png", content=body).json()
    signed = sign_image_url(f"/images/{made['id']}?width=20", key=NEW)
    assert place.get(signed).status_code == 401

"""Links that lead to the bucket itself: fast, and honest about what they cannot do."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.delivery.conftest import PICTURE, Site
from tests.kit.sending import make_collection, publish_file

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(s3_site: Site) -> dict[str, str]:
    """Ids of a picture and of a page, both private."""
    with s3_site.server.client(s3_site.ann) as client:
        collection = make_collection(s3_site.server, client)
        names = {"photo.png": PICTURE, "page.html": b"<!doctype html><script>1</script>"}
        return {
            name: publish_file(client, collection, name, body)["id"] for name, body in names.items()
        }


def direct(site: Site, file_id: str, **wishes: object) -> httpx2.Response:
    with site.server.client(site.ann) as client:
        return client.post(f"/api/files/{file_id}/links", json={"direct": True, **wishes})


def test_the_bucket_sends_the_bytes_with_our_type_and_name(s3_site: Site, files: dict[str, str]):
    made = direct(s3_site, files["photo.png"])
    assert made.status_code == 201
    assert made.json()["id"] is None
    answer = httpx2.get(made.json()["url"])
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'inline; filename="photo.png"'
    part = httpx2.get(made.json()["url"], headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, PICTURE[:10])


def test_what_could_run_is_saved_there_too(s3_site: Site, files: dict[str, str]):
    answer = httpx2.get(direct(s3_site, files["page.html"]).json()["url"])
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-disposition"].startswith("attachment")
    saved = httpx2.get(direct(s3_site, files["photo.png"], download=True).json()["url"])
    assert saved.headers["content-disposition"].startswith("attachment")


def test_it_lives_as_long_as_was_asked_and_is_bound_to_its_words(
    s3_site: Site, files: dict[str, str]
):
    url = direct(s3_site, files["photo.png"], expires_in=120).json()["url"]
    (expires,) = parse_qs(urlsplit(url).query)["X-Amz-Expires"]
    assert expires in ("119", "120")  # never longer; signing takes a moment
    assert httpx2.get(url.replace("inline", "attachment")).status_code == 403
    assert httpx2.put(url, content=b"x").status_code == 403


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"max_uses": 1}, "direct"),
        ({"expires_in": 8 * 86400}, "expires_in"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": -5}, "expires_in"),
    ],
)
def test_what_it_cannot_do_is_refused(
    s3_site: Site, files: dict[str, str], wishes: dict[str, object], field: str
):
    refused = direct(s3_site, files["photo.png"], **wishes)
    assert (refused.status_code, refused.json()["field"]) == (422, field)


def test_strangers_make_none(s3_site: Site, files: dict[str, str]):
    bob = s3_site.server.person("bob-direct")
    with s3_site.server.client(bob) as client, s3_site.server.client() as guest:
        where = f"/api/files/{files['photo.png']}/links"
        assert client.post(where, json={"direct": True}).status_code == 403
        assert guest.post(where, json={"direct": True}).status_code == 401

"""A private bucket behind the worker, in the runtime that CDNs use, against real S3 servers."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx2
import pytest

from cimaise.access.edge import EdgeLinks, EdgeObject
from cimaise.settings import Settings
from tests.delivery.conftest import on_s3
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.backends import further, left_out
from tests.kit.bodies import content
from tests.kit.edge import running_edge
from tests.kit.s3 import (
    NO_VERSITYGW,
    S3Server,
    make_bucket,
    start_versitygw,
    versitygw_binary,
)
from tests.kit.sending import make_collection, publish_file

pytestmark = pytest.mark.slow

SECRET = "e" * 40
FORMER = "f" * 40
BODY = content(300_000)


@dataclass(frozen=True)
class Site:
    """The server, the worker and the bucket."""

    server: RunningApplication
    ann: Person
    edge_url: str
    s3: S3Server
    bucket: str


@pytest.fixture(scope="module", params=further("swift", "versitygw"))
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with ExitStack() as stack:
        if request.param == "swift":
            s3: S3Server = request.getfixturevalue("swift")
        elif versitygw_binary() is None:
            left_out(NO_VERSITYGW)
        else:
            s3 = start_versitygw(tmp_path_factory.mktemp("gateway"))
            stack.callback(s3.stop)
        bucket = make_bucket(s3, f"edge-{tmp_path_factory.mktemp('edge').name}".lower())
        edge_url = stack.enter_context(
            running_edge(
                LINK_SECRETS=f"{SECRET}, {FORMER}",
                BUCKET_URL=f"{s3.endpoint}/{bucket}",
                BUCKET_REGION=s3.region,
                ACCESS_KEY_ID=s3.access_key,
                SECRET_ACCESS_KEY=s3.secret_key,
                REFERRERS="friend.example, *.family.example",
            )
        )

        def change(settings: Settings) -> Settings:
            settings = on_s3(s3, bucket)(settings)
            edge = replace(settings.edge, url=edge_url, secret=SECRET)
            return replace(settings, edge=edge)

        data_dir = tmp_path_factory.mktemp("data")
        server = stack.enter_context(running_application(data_dir, change))
        yield Site(server, server.person("ann"), edge_url, s3, bucket)


def publish(
    site: Site, body: bytes = BODY, visibility: str = "public", name: str = "été.bin"
) -> dict:
    with site.server.client(site.ann) as client:
        collection = make_collection(site.server, client, visibility=visibility)
        return publish_file(client, collection, name, body)


def at_the_edge(site: Site, file: dict, person: Person | None = None) -> str:
    """Where the server sends whoever asks for the file."""
    with site.server.client(person) as client:
        answer = client.get(f"/files/{file['id']}")
    assert answer.status_code == 302, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.headers["location"]


def test_a_file_is_fetched_at_the_edge_with_our_headers_and_none_of_the_buckets(site: Site):
    file = publish(site)
    url = at_the_edge(site, file)
    assert url.startswith(f"{site.edge_url}/o/")
    answer = httpx2.get(url)
    assert (answer.status_code, answer.content) == (200, BODY)
    headers = answer.headers
    assert headers["content-length"] == str(len(BODY))
    assert headers["content-type"] == "application/octet-stream"
    assert headers["etag"] == file["etag"]
    assert headers["content-disposition"].startswith('attachment; filename="ete.bin"; filename*=')
    assert headers["accept-ranges"] == "bytes"
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert re.fullmatch(r"public, max-age=\d+", headers["cache-control"])
    assert not [name for name in headers if name.startswith(("x-amz", "x-trans", "x-openstack"))]
    assert "server" not in headers


def test_neither_the_key_nor_the_bucket_is_told(site: Site):
    file = publish(site)
    url = at_the_edge(site, file)
    listed = site.s3.client.list_objects_v2(Bucket=site.bucket)
    keys = [one["Key"] for one in listed["Contents"]]
    assert keys
    told = url + repr(httpx2.get(url).headers) + httpx2.get(url.replace("/o/", "/x/")).text
    assert not [key for key in keys if key.rpartition("/")[2] in told]
    assert site.bucket not in told
    assert urlsplit(site.s3.endpoint).netloc not in told


def test_the_bucket_itself_is_closed(site: Site):
    publish(site)
    key = site.s3.client.list_objects_v2(Bucket=site.bucket)["Contents"][0]["Key"]
    assert httpx2.get(f"{site.s3.endpoint}/{site.bucket}/{key}").status_code in (400, 403)


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=299990-", 299_990, None),
     ("bytes=-5", -5, None), ("bytes=0-999999999", 0, None)],
)  # fmt: skip
def test_ranges_are_cut_by_the_cache_and_by_the_bucket(
    site: Site, value: str, start: int, stop: int | None, is_kept: bool
):
    url = at_the_edge(site, publish(site))
    if is_kept:
        httpx2.get(url)
    answer = httpx2.get(url, headers={"Range": value})
    assert answer.status_code == 206
    assert answer.content == BODY[start:stop]
    first, last, _ = slice(start, stop).indices(len(BODY))
    assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/{len(BODY)}"
    assert answer.headers["content-type"] == "application/octet-stream"


def test_conditions_are_about_the_etag_that_we_gave(site: Site):
    file = publish(site)
    url = at_the_edge(site, file)
    etag, other = file["etag"], '"other"'
    date = httpx2.head(url).headers["last-modified"]
    for headers, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-None-Match": f"W/{etag}"}, 304),
        ({"If-None-Match": f"{other}, {etag}"}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": other}, 200),
        ({"If-Modified-Since": date}, 304),
        ({"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": date, "If-None-Match": other}, 200),
        ({"If-Match": etag}, 200),
        ({"If-Match": f"W/{etag}"}, 412),
        ({"If-Match": other}, 412),
        ({"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 412),
        ({"Range": "bytes=0-1", "If-Range": etag}, 206),
        ({"Range": "bytes=0-1", "If-Range": other}, 200),
        ({"Range": "bytes=0-1", "If-Range": f"W/{etag}"}, 200),
        ({"Range": "bytes=0-1", "If-Range": date}, 206),
        ({"Range": "bytes=9999999-"}, 416),
        ({"Range": "bytes=9999999-", "If-None-Match": etag}, 304),
    ):
        assert httpx2.get(url, headers=headers).status_code == status, headers
    assert httpx2.head(url, headers={"Range": "bytes=0-1"}).status_code == 200


def test_head_is_get_without_its_body(site: Site):
    url = at_the_edge(site, publish(site))
    got, head = httpx2.get(url), httpx2.head(url)
    ignored = {"date", "cache-control", "transfer-encoding"}
    assert {n: v for n, v in head.headers.items() if n not in ignored} == {
        n: v for n, v in got.headers.items() if n not in ignored
    }


def test_what_is_kept_is_not_asked_of_the_bucket_again(site: Site):
    url = at_the_edge(site, publish(site, content(20_000, seed=7)))
    assert httpx2.get(url).status_code == 200
    listed = site.s3.client.list_objects_v2(Bucket=site.bucket)["Contents"]
    (key,) = [one["Key"] for one in listed if one["Size"] == 20_000]
    site.s3.client.delete_object(Bucket=site.bucket, Key=key)
    for headers, body in (
        ({}, content(20_000, seed=7)),
        ({"Range": "bytes=5-9"}, content(20_000, seed=7)[5:10]),
    ):
        assert httpx2.get(url, headers=headers).content == body


def test_what_is_missing_in_the_bucket_is_a_404_in_our_shape(site: Site):
    url = at_the_edge(site, publish(site, content(21_000, seed=8)))
    listed = site.s3.client.list_objects_v2(Bucket=site.bucket)["Contents"]
    (key,) = [one["Key"] for one in listed if one["Size"] == 21_000]
    site.s3.client.delete_object(Bucket=site.bucket, Key=key)
    answer = httpx2.get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "file_missing")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_rights_are_asked_of_the_server_before_anybody_is_sent_over(site: Site):
    file = publish(site, visibility="private")
    with site.server.client() as guest:
        assert guest.get(f"/files/{file['id']}").status_code == 401
    url = at_the_edge(site, file, site.ann)
    answer = httpx2.get(url)
    assert answer.status_code == 200
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["x-robots-tag"] == "noindex"
    assert "access-control-allow-origin" not in answer.headers


def test_a_link_is_counted_and_taken_back_before_the_edge(site: Site):
    file = publish(site, visibility="private")
    with site.server.client(site.ann) as client, site.server.client() as guest:
        link = client.post(f"/api/files/{file['id']}/links", json={"max_uses": 1}).json()["url"]
        assert guest.get(link).status_code == 302
        assert guest.get(link).status_code == 410


@pytest.mark.parametrize(
    ("referrer", "status"),
    [
        (None, 200),
        ("https://friend.example/page", 200),
        ("https://a.family.example/", 200),
        ("https://family.example/", 403),
        ("https://thief.test/", 403),
        ("https://friend.example@thief.test/", 403),
        ("friend.example", 403),
    ],
)
def test_other_sites_embed_nothing(site: Site, referrer: str | None, status: int):
    url = at_the_edge(site, publish(site))
    headers = {} if referrer is None else {"Referer": referrer}
    assert httpx2.get(url, headers=headers).status_code == status
    visit = {"Sec-Fetch-Dest": "document", **headers}
    assert httpx2.get(url, headers=visit).status_code == 200


def test_a_token_that_was_altered_or_made_by_another_is_refused(site: Site):
    url = at_the_edge(site, publish(site))
    token = url.split("/o/")[1].split("/")[0]
    for changed in (token[:-2] + "AA", "A" + token[1:], token[:20], "AAAA", token + "AAAA"):
        answer = httpx2.get(f"{site.edge_url}/o/{changed}/x")
        assert (answer.status_code, answer.json()["code"]) == (403, "bad_signature"), changed
    assert httpx2.get(f"{site.edge_url}/o/").status_code == 404
    assert httpx2.get(f"{site.edge_url}/o/{'A' * 5000}/x").status_code == 404
    assert httpx2.post(url).status_code == 405
    assert httpx2.options(url).headers["access-control-allow-methods"] == "GET, HEAD"


WHAT = EdgeObject("objects/x", "text/plain", "inline", "abc", "Mon, 09 Mar 2026 10:11:12 GMT", True)


def sealed(site: Site, secret: str, ago: timedelta = timedelta()) -> int:
    links = EdgeLinks(site.edge_url, secret.encode(), 60)
    return httpx2.get(links.link(WHAT, "x", now=datetime.now(UTC) - ago)).status_code


def test_links_end_and_secrets_rotate(site: Site):
    assert sealed(site, SECRET) == 404  # opened: there is no such object
    assert sealed(site, FORMER) == 404
    assert sealed(site, "g" * 40) == 403
    assert sealed(site, SECRET, timedelta(minutes=3)) == 410


def test_a_link_is_the_same_for_a_while_and_never_shorter_than_it_should_be():
    links = EdgeLinks("https://edge.example", SECRET.encode(), 900)
    begun = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
    first = links.link(WHAT, "a b.txt", now=begun)
    assert first == links.link(WHAT, "a b.txt", now=begun + timedelta(seconds=899))
    assert first != links.link(WHAT, "a b.txt", now=begun + timedelta(seconds=900))
    assert first != links.link(replace(WHAT, etag="abd"), "a b.txt", now=begun)
    assert first.endswith("/a%20b.txt")
    assert "objects" not in first

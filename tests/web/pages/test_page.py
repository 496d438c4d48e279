"""What every page keeps: the policy, escaped texts, ways that stay on this server."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.web.pages.page import content_policy, local_path
from tests.kit.application import Person, RunningApplication

HTML = {"accept": "text/html"}


def test_only_the_storage_is_let_into_the_policy() -> None:
    assert "https://" not in content_policy(None)
    with_storage = content_policy("https://bucket.example")
    assert "connect-src 'self' https://bucket.example;" in with_storage
    assert "script-src 'self';" in with_storage
    assert "unsafe" not in with_storage


@pytest.mark.parametrize("path", ["/", "/upload?collection=a%20b", "/gallery/x?page=2&sort=name"])
def test_paths_of_this_server_are_ways_to_go_on(path: str) -> None:
    assert local_path(path) == path


@given(st.text())
def test_whatever_comes_in_the_way_stays_on_this_server(text: str) -> None:
    assert re.fullmatch(r"/([^/\\\s].*)?", local_path(text))


@pytest.mark.parametrize(
    "text", ["//e.example", "/\\e.example", "/\t/e.example", "https://e.example", "", None, "/a\n"]
)
def test_ways_to_other_servers_are_not_taken(text: str | None) -> None:
    assert local_path(text) == "/"


def test_texts_of_others_are_shown_and_never_run(server: RunningApplication, ann: Person) -> None:
    title = "<script>alert(1)</script>"
    with server.client(ann) as client:
        made = client.post("/api/collections", json={"name": "odd", "title": title})
        assert made.status_code == 201
        for path in ("/gallery/odd", "/upload", "/me", "/upload?collection=%22%3E%3Cscript%3E"):
            body = client.get(path, headers=HTML).text
            assert "<script>" not in body
            if "%" not in path:
                assert "&lt;script&gt;" in body


def test_a_private_album_is_kept_from_search_engines_and_strangers(
    server: RunningApplication, ann: Person, bob: Person
) -> None:
    with server.client(ann) as client:
        client.post("/api/collections", json={"name": "mine"})
        assert client.get("/gallery/mine", headers=HTML).headers["x-robots-tag"] == "noindex"
    with server.client(bob) as client:
        refused = client.get("/gallery/mine", headers=HTML)
        assert refused.status_code == 404
        assert refused.headers["content-type"].startswith("text/html")
    with server.client() as client:
        asked = client.get("/gallery/mine", headers=HTML)
        assert asked.status_code == 404
        assert 'href="/login?next=%2Fgallery%2Fmine"' in asked.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"key=", "application/x-www-form-urlencoded", 422),
        (b"key=cim_none", "application/x-www-form-urlencoded", 401),
        (b"token=none", "application/x-www-form-urlencoded", 401),
        (b"\xff=\xff", "application/x-www-form-urlencoded", 400),
        (b"key=%ff", "application/x-www-form-urlencoded", 400),
        (b"key=" + b"a" * 20_000, "application/x-www-form-urlencoded", 400),
        (b"&" * 15_000, "application/x-www-form-urlencoded", 422),
        (b"{}", "application/json", 415),
    ],
)
def test_a_sign_in_that_cannot_be_is_refused(
    server: RunningApplication, body: bytes, kind: str, status: int
) -> None:
    with server.client() as client:
        for accept in ("text/html", "application/json"):
            answer = client.post(
                "/login", content=body, headers={"content-type": kind, "accept": accept}
            )
            assert answer.status_code == status
            assert "set-cookie" not in answer.headers


def test_a_form_of_another_site_signs_nobody_in(server: RunningApplication, ann: Person) -> None:
    with server.client() as client:
        answer = client.post(
            "/login", data={"key": ann.key}, headers={"origin": "https://elsewhere.example"}
        )
    assert answer.status_code == 403
    assert answer.json()["code"] == "cross_site"


BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nosuch", 404, "There is no page at this address."),
        ("/nosuch/below?a=b", 404, "There is no page at this address."),
        ("/gallery/nosuch", 404, "There is no such album."),
        ("/files/nosuch", 404, "no such file"),
        ("/logout", 405, "This address does not do that."),
        ("/me", 401, 'name="next" value="/me"'),
        ("/s/nosuch", 404, "href"),
    ],
)
def test_people_read_a_page_where_programs_read_json(
    server: RunningApplication, path: str, status: int, said: str
) -> None:
    with server.client() as client:
        page = client.get(path, headers=BROWSER)
        assert (page.status_code, page.headers["content-type"][:9]) == (status, "text/html")
        assert said in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        for accept in ("*/*", "application/json", "image/avif,image/webp,*/*;q=0.8"):
            told = client.get(path, headers={"accept": accept})
            assert (told.status_code, told.headers["content-type"]) == (status, "application/json")
            for name in ("www-authenticate", "allow", "cache-control", "retry-after"):
                assert told.headers.get(name) == page.headers.get(name), name


@pytest.mark.parametrize(
    "path", ["/api/nosuch", "/api/albums/nosuch", "/storage/x", "/iiif/3/x/info.json", "/tus/x"]
)
def test_an_interface_answers_in_json_whoever_asks(server: RunningApplication, path: str) -> None:
    with server.client() as client:
        told = client.get(path, headers=BROWSER)
        assert told.status_code >= 400
        assert told.headers["content-type"] == "application/json"


def test_a_page_that_is_not_there_knows_who_is_signed_in(
    server: RunningApplication, ann: Person
) -> None:
    with server.client(ann) as client:
        assert ">ann</a>" in client.get("/nosuch", headers=BROWSER).text
        assert client.post("/nosuch", headers=BROWSER).json()["error"] == "Not found"
        assert client.head("/nosuch", headers=BROWSER).status_code == 404
        bad = client.get("/nosuch", headers=BROWSER | {"authorization": "Bearer cim_none"})
        assert (bad.status_code, bad.headers["www-authenticate"]) == (401, "Bearer")


def test_a_form_that_is_refused_is_answered_with_a_page(
    server: RunningApplication, ann: Person
) -> None:
    own = BROWSER | {"sec-fetch-site": "same-origin"}
    with server.client(ann) as client:
        page = client.post("/admin/accounts", data={"name": "x"}, headers=own)
        assert (page.status_code, page.headers["content-type"][:9]) == (403, "text/html")
        page = client.post("/upload", data={"collection": "nosuch"}, headers=own)
        assert page.status_code >= 400
        assert page.headers["content-type"].startswith("text/html")

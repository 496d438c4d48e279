"""What holds for every line of the URL map."""

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from cimaise.web.limits.limiting import Kind
from cimaise.web.lines import Line, Permission
from cimaise.web.reference.page import described
from cimaise.web.routes import LINES
from tests.kit.application import Person, RunningApplication
from tests.kit.backends import further


def cases(wanted: Callable[[Line], bool] = lambda _: True) -> list[Any]:
    """Lines by a test; those of tus keep to tus' own rules, which have tests of their own."""
    return [
        pytest.param(line, id=f"{line.method} {line.path}")
        for line in LINES
        if not line.path.startswith("/tus") and wanted(line)
    ]


EVERY = cases()


def path_of(line: Line) -> str:
    return re.sub(r"\{\w+\}", "nothing-like-this", line.path)


def assert_is_a_problem(answer: httpx2.Response) -> None:
    body = answer.json()
    assert set(body) >= {"error", "code", "request_id"}
    assert set(body) <= {"error", "code", "request_id", "limit", "field", "message"}
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    assert "/src/" not in answer.text


@pytest.mark.parametrize("line", EVERY)
def test_a_stranger_is_asked_to_sign_in_where_an_account_is_needed(
    server: RunningApplication, line: Line
):
    with server.client() as guest:
        answer = guest.request(line.method, path_of(line), json={})
    if line.permission in (Permission.PUBLIC, Permission.HOLDER):
        assert answer.status_code < 500
        return
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert_is_a_problem(answer)


@pytest.mark.parametrize("line", cases(lambda line: line.permission is Permission.HOLDER))
def test_a_bad_key_is_no_obstacle_where_the_address_is_the_right(
    server: RunningApplication, line: Line
):
    headers = {"Authorization": "Bearer cim_nonsense"}
    with server.client() as client:
        answer = client.request(line.method, path_of(line), headers=headers)
    assert answer.status_code < 500
    assert answer.status_code != 401


@pytest.mark.parametrize("line", cases(lambda line: line.permission is not Permission.HOLDER))
def test_a_bad_key_is_refused_everywhere_before_anything_else(
    server: RunningApplication, line: Line
):
    headers = {"Authorization": "Bearer cim_nonsense"}
    with server.client() as client:
        answer = client.request(line.method, path_of(line), headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "bad_credentials"
    assert_is_a_problem(answer)


@pytest.mark.parametrize("line", EVERY)
def test_other_methods_are_405_with_the_allowed_ones(
    server: RunningApplication, ann: Person, line: Line
):
    with server.client(ann) as client:
        answer = client.request("LOCK", path_of(line))
    assert answer.status_code == 405
    assert line.method in answer.headers["allow"]
    assert_is_a_problem(answer)


@pytest.mark.parametrize("line", EVERY)
def test_options_says_what_is_allowed(server: RunningApplication, line: Line):
    with server.client() as client:
        answer = client.options(path_of(line))
    tells_more = any(one.method == "OPTIONS" and one.path == line.path for one in LINES)
    assert answer.status_code == (200 if tells_more else 204)
    assert line.method in answer.headers["allow"]


@pytest.mark.parametrize("line", cases(lambda line: line.method == "GET"))
def test_head_is_get_without_its_body(server: RunningApplication, ann: Person, line: Line):
    with server.client(ann) as client:
        got, head = client.get(path_of(line)), client.head(path_of(line))
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers.get("content-type") == got.headers.get("content-type")


@pytest.mark.parametrize("line", cases(lambda line: line.body is not None))
@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", *further(b"", b'"text"', b"\xff", b'{"a":' * 5000, b"null", b"[1e999]")],
)
def test_any_bytes_for_a_body_are_answered_and_never_with_a_fault(
    server: RunningApplication, ann: Person, line: Line, body: bytes
):
    with server.client(ann) as client:
        answer = client.request(line.method, path_of(line), content=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert_is_a_problem(answer)


def test_a_text_with_nul_is_refused_and_one_that_only_looks_so_is_kept(
    server: RunningApplication, ann: Person
):
    with server.client(ann) as client:
        for title, status in ((r"a \\u0000 b", 201), (r"a \u0000 b", 400), (r"\\\u0000", 400)):
            body = f'{{"name": "nul-{status}", "title": "{title}"}}'
            made = client.post("/api/collections", content=body)
            assert made.status_code == status, made.text
        assert client.get("/api/collections/nul-201").json()["title"] == r"a \u0000 b"


def test_the_log_says_that_there_is_more_only_where_there_is(
    server: RunningApplication, ann: Person, root: Person
):
    with server.client(ann) as client, server.client(root) as admin:
        for number in range(4):
            client.post("/api/collections", json={"name": f"log-{number}"}).raise_for_status()
            where = f"/api/collections/log-{number}/files/a.txt"
            client.put(where, content=b"text").raise_for_status()
        wanted = {"action": "file.published", "account": ann.id, "limit": "2"}
        first = admin.get("/api/admin/audit", params=wanted).json()
        last = admin.get(
            "/api/admin/audit", params=wanted | {"cursor": first["next_cursor"]}
        ).json()
    assert [len(page["entries"]) for page in (first, last)] == [2, 2]
    assert last["next_cursor"] is None


def test_a_json_body_has_a_limit(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        answer = client.post("/api/uploads", content=b" " * (3 * 1024 * 1024))
    assert answer.status_code == 413
    assert answer.json()["limit"]["name"] == "server.max_json_bytes"


def test_an_unknown_path_is_not_found_in_the_one_shape(server: RunningApplication):
    for path in ("/nothing", "/api/nothing", "/api//me", "/API/me", "/images", "/%2e%2e/etc"):
        answer = httpx2.get(server.url + path)
        assert answer.status_code == 404, path
        assert answer.json()["error"] == "Not found"
        assert answer.json()["code"] == "not_found"
        assert_is_a_problem(answer)


def test_the_clients_own_request_id_comes_back(server: RunningApplication):
    answer = httpx2.get(server.url + "/healthz", headers={"X-Request-Id": "my-own-id-0001"})
    assert answer.headers["x-request-id"] == "my-own-id-0001"
    answer = httpx2.get(server.url + "/healthz", headers={"X-Request-Id": "bad id"})
    assert answer.headers["x-request-id"] != "bad id"


def test_every_line_is_in_the_openapi_document(server: RunningApplication):
    document = httpx2.get(server.url + "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for line in LINES:
        operation = document["paths"][line.path][line.method.lower()]
        assert operation["summary"] == line.summary
        if line.body is not None:
            assert "requestBody" in operation
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids)), [one for one in ids if ids.count(one) > 1]


def test_the_description_is_made_once_for_all_who_ask():
    made = described(LINES, "https://one.example")
    assert described(LINES, "https://one.example") is made
    assert b"https://two.example" in described(LINES, "https://two.example")
    assert described(LINES[:3], "https://one.example") != made


@pytest.mark.parametrize(
    "path", ["a" * 300, "a/" * 5000, "../" * 20_000 + "x", "dist/" + "é" * 150, "/etc/passwd"]
)
def test_a_path_that_no_file_can_have_is_not_found(server: RunningApplication, path: str):
    answer = httpx2.get(f"{server.url}/static/{path}")
    assert answer.status_code == 404
    assert_is_a_problem(answer)


def test_readiness_names_each_store(server: RunningApplication):
    answer = httpx2.get(server.url + "/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == dict.fromkeys(("database", "storage", "state", "cache"), "ok")


@pytest.mark.parametrize("line", EVERY)
def test_a_limited_key_may_do_only_what_its_scopes_say(
    server: RunningApplication, root: Person, line: Line
):
    others = {"read": "manage", "upload": "read", "manage": "upload"}
    if line.scope is None:
        return
    with server.client(root) as client:
        made = client.post(
            "/api/keys", json={"name": "limited", "scopes": [others[line.scope.value]]}
        )
        headers = {"Authorization": f"Bearer {made.json()['key']}"}
        answer = httpx2.request(line.method, server.url + path_of(line), headers=headers)
        client.delete(f"/api/keys/{made.json()['id']}")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_only_doors_watchers_and_what_a_secret_address_opens_ask_for_no_scope():
    beyond = {line.path for line in LINES if line.scope is None}
    assert {path for path in beyond if not path.startswith("/s/")} == {
        "/login", "/logout", "/api/login", "/api/logout", "/api/challenge", "/register",
        "/api/register", "/join/{token}", "/api/invitations/{token}", "/oidc/start",
        "/oidc/callback", "/signed-out", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json",
    }  # fmt: skip


def test_only_whoever_watches_the_server_is_never_counted_or_banned():
    watched = {"/healthz", "/readyz", "/metrics"}
    pieces = {line.path for line in LINES if line.path.startswith(("/storage/", "/tus/{id}"))}
    assert {line.path for line in LINES if line.is_watch} == watched
    assert {line.path for line in LINES if line.kind is Kind.FREE} == watched | pieces


@pytest.mark.parametrize("line", cases(lambda line: "{" in line.path))
def test_nul_in_a_path_is_not_found(server: RunningApplication, ann: Person, line: Line):
    path = re.sub(r"\{\w+\}", "a%00b", line.path)
    with server.client(ann) as client:
        answer = client.request(line.method, path, json={})
    assert 400 <= answer.status_code < 500

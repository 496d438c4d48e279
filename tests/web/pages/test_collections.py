"""Collections on the pages: made, described, opened to others, deleted, and by whom."""

import html
import itertools
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection

SELF = {"sec-fetch-site": "same-origin", "accept": "text/html"}
ELSEWHERE = {"sec-fetch-site": "cross-site", "accept": "text/html"}
HTML = {"accept": "text/html"}
_numbers = itertools.count(1)


@pytest.fixture
def his(server: RunningApplication, bob: Person) -> Iterator[httpx2.Client]:
    with server.client(bob) as client:
        yield client


@pytest.fixture
def name(server: RunningApplication, hers: httpx2.Client) -> str:
    return make_collection(server, hers, title="Lakes")


def post(client: httpx2.Client, path: str, **form: str) -> httpx2.Response:
    return client.post(path, data=form or {"": ""}, headers=SELF)


def shown(client: httpx2.Client, path: str, status: int = 200) -> str:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return html.unescape(answer.text)


def record(client: httpx2.Client, name: str) -> Any:
    return client.get(f"/api/collections/{name}").json()


def test_a_collection_is_made_by_the_form_under_a_name_made_of_its_title(
    hers: httpx2.Client,
) -> None:
    title = f"Été & Lacs {next(_numbers)}"
    assert 'action="/collections/new"' in shown(hers, "/collections/new")
    answer = post(hers, "/collections/new", title=f" {title} ", name="", visibility="private")
    name = f"ete-lacs-{title.rsplit(maxsplit=1)[-1]}"
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"/gallery/{name}/settings?did=made"
    made = record(hers, name)
    assert (made["title"], made["visibility"], made["policy"]) == (title, "private", {})
    assert f'href="/gallery/{name}/settings"' in shown(hers, "/me")
    assert f'value="{name}"' in shown(hers, "/upload")


def test_everything_that_the_interface_takes_has_its_field(hers: httpx2.Client) -> None:
    name, policy = f"tools-{next(_numbers)}", {
        "extensions": ".ZIP tar.gz,iso", "types": "application/zip  image/*", "max_bytes": "2 GB",
        "publish": "separately", "points": "7", "open": "1",
    }  # fmt: skip
    post(hers, "/collections/new", title="Tools", name=name, visibility="unlisted", **policy)
    expected = {
        "extensions": [".zip", ".tar.gz", ".iso"], "types": ["application/zip", "image/*"],
        "max_bytes": 2 * 1024**3, "publish": "separately", "points": 7, "open": True,
    }  # fmt: skip
    made = record(hers, name)
    assert (made["visibility"], made["policy"]) == ("unlisted", expected)
    page = shown(hers, f"/gallery/{name}/settings")
    fields = dict(re.findall(r'<input id="[\w-]+" name="(\w+)"[^>]*? value="([^"]*)"', page))
    selected = dict(
        re.findall(
            r'<select id="\w+" name="(\w+)".*?<option value="(\w+)" selected', page, re.DOTALL
        )
    )
    sent = {"title": "Tools!", **fields, **selected} | {"title": "Tools!"}
    assert post(hers, f"/gallery/{name}/settings", **sent).status_code == 303
    again = record(hers, name)
    assert (again["title"], again["policy"]) == ("Tools!", expected)
    bare = {"points": "0", "publish": "by_door"}
    post(hers, f"/gallery/{name}/settings", title="Tools", visibility="private", **bare)
    assert record(hers, name)["policy"] == {"points": 0}


def test_a_form_without_what_it_takes_leaves_that_as_it_is(
    server: RunningApplication, hers: httpx2.Client
) -> None:
    name = make_collection(server, hers, policy={"types": ["image/*"]})
    post(hers, f"/gallery/{name}/settings", title="Hills", visibility="public")
    changed = record(hers, name)
    assert (changed["title"], changed["visibility"]) == ("Hills", "public")
    assert changed["policy"] == {"types": ["image/*"]}


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"title": ""}, "title"), ({"title": "x" * 301}, "title"), ({"name": "A b"}, "name"),
        ({"title": "湖", "name": ""}, "name"), ({"visibility": "secret"}, "visibility"),
        ({"max_bytes": "much"}, "max_bytes"), ({"points": "-1"}, "points"),
        ({"points": "9" * 9}, "policy.points"), ({"publish": "never"}, "publish"),
        ({"extensions": "?", "publish": "by_door"}, "policy.extensions"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_on_the_page_with_what_was_written(
    hers: httpx2.Client, name: str, form: dict[str, str], told: str
) -> None:
    given = {"title": "Hills <b>", "name": f"hills-{next(_numbers)}", "visibility": "private"} | form  # fmt: skip
    for path in ("/collections/new", f"/gallery/{name}/settings"):
        if "name" in form and path != "/collections/new":
            continue
        answer = post(hers, path, **given)
        assert answer.status_code == 422, path
        assert 'role="alert"' in answer.text
        assert f'value="{html.escape(given["title"])}"' in answer.text
        assert hers.post(path, data=given).json()["field"] == told
    assert record(hers, name)["title"] == "Lakes"


def test_a_name_that_is_taken_is_said_to_be(hers: httpx2.Client, name: str) -> None:
    answer = post(hers, "/collections/new", title="Other", name=name, visibility="private")
    assert answer.status_code == 409
    assert "The name is taken." in answer.text


def test_people_are_let_in_with_a_role_get_another_and_are_removed(
    hers: httpx2.Client, his: httpx2.Client, name: str, bob: Person
) -> None:
    path = f"/gallery/{name}/settings"
    members = f"{path}/members"
    answer = post(hers, members, account=f" {bob.name} ", role="viewer", action="set")
    assert answer.headers["location"] == f"{path}?did=member#people"
    assert his.get(f"/gallery/{name}", headers=HTML).status_code == 200
    assert shown(his, path, 403)
    assert his.get(f"/api/collections/{name}/members").status_code == 403
    post(hers, members, account=bob.id, role="manager", action="set")
    listed = hers.get(f"/api/collections/{name}/members").json()
    assert listed["members"] == [{"account": bob.id, "name": bob.name, "role": "manager"}]
    assert f"<span>{bob.name}</span>" in shown(his, path)
    post(hers, members, account=bob.id, role="manager", action="remove")
    assert hers.get(f"/api/collections/{name}/members").json()["members"] == []
    assert his.get(f"/gallery/{name}", headers=HTML).status_code == 404
    assert his.get(f"/api/collections/{name}/members").status_code == 404


def test_an_account_or_a_role_that_is_none_is_said_on_the_page(
    hers: httpx2.Client, name: str
) -> None:
    members = f"/gallery/{name}/settings/members"
    unknown = post(hers, members, account="nobody", role="viewer", action="set")
    assert unknown.status_code == 404
    assert "There is no such account." in unknown.text
    assert 'value="nobody"' in unknown.text
    assert post(hers, members, account="ann", role="king", action="set").status_code == 422


@pytest.mark.parametrize("action", ["", "grant", "SET", "set,remove"])
def test_what_is_neither_giving_nor_taking_a_role_is_refused(
    hers: httpx2.Client, name: str, bob: Person, action: str
) -> None:
    members = f"/gallery/{name}/settings/members"
    answer = post(hers, members, account=bob.name, role="viewer", action=action)
    assert answer.status_code == 422
    assert "action is set or remove." in answer.text
    assert f'value="{bob.name}"' in answer.text
    without = post(hers, members, account=bob.name, role="viewer")
    assert without.status_code == 422
    program = hers.post(members, data={"account": bob.name, "role": "viewer", "action": action}, headers=SELF | {"accept": "*/*"})  # fmt: skip
    assert (program.status_code, program.json()["field"]) == (422, "action")
    assert hers.get(f"/api/collections/{name}/members").json()["members"] == []


def test_an_empty_collection_is_deleted_after_a_second_question(
    hers: httpx2.Client, name: str
) -> None:
    path = f"/gallery/{name}/settings/delete"
    hers.post(f"/api/albums/{name}/shares", json={}).raise_for_status()
    hers.post("/api/upload-tokens", json={"collection": name}).raise_for_status()
    assert "Delete it for good" in shown(hers, path)
    assert record(hers, name)["name"] == name
    assert post(hers, path).headers["location"] == "/me?did=collection"
    assert hers.get(f"/api/collections/{name}").status_code == 404
    assert "The collection is deleted." in shown(hers, "/me?did=collection")


def test_one_with_files_is_not_deleted_and_the_page_says_so(hers: httpx2.Client, name: str) -> None:
    picture = bytes(quadrants(80, 60).write_to_buffer(".png"))
    hers.put(f"/api/collections/{name}/files/a.png", content=picture).raise_for_status()
    path = f"/gallery/{name}/settings/delete"
    assert "There are still files in it" in shown(hers, path)
    answer = post(hers, path)
    assert answer.status_code == 409
    assert "delete them first" in answer.text
    assert record(hers, name)["picture_count"] == 1


def test_other_sites_and_strangers_change_nothing(
    server: RunningApplication, hers: httpx2.Client, his: httpx2.Client, name: str
) -> None:
    path = f"/gallery/{name}/settings"
    forms = {
        "/collections/new": {"title": "x", "name": "evil", "visibility": "public"},
        path: {"title": "x", "visibility": "public"},
        f"{path}/members": {"account": "bob", "role": "manager", "action": "set"},
        f"{path}/delete": {"yes": ""},
    }
    with server.client() as guest:
        for where, form in forms.items():
            assert hers.post(where, data=form, headers=ELSEWHERE).status_code == 403
            assert guest.post(where, data=form, headers=SELF).status_code == 401
            assert guest.get(where.removesuffix("/members"), headers=HTML).status_code == 401
            if where != "/collections/new":
                assert post(his, where, **form).status_code == 404
                assert his.get(where.removesuffix("/members"), headers=HTML).status_code == 404
    assert record(hers, name)["visibility"] == "private"
    assert hers.get("/api/collections/evil").status_code == 404


def test_each_change_is_in_the_audit_log(
    server: RunningApplication, hers: httpx2.Client, root: Person, bob: Person
) -> None:
    name = f"noted-{next(_numbers)}"
    post(hers, "/collections/new", title="Noted", name=name, visibility="private")
    made = record(hers, name)["id"]
    path = f"/gallery/{name}/settings"
    post(hers, path, title="Noted", visibility="public")
    for action in ("set", "remove", "remove"):
        post(hers, f"{path}/members", account=bob.name, role="viewer", action=action)
    post(hers, f"{path}/delete")
    with server.client(root) as admin:
        found = admin.get("/api/admin/audit", params={"subject": made}).json()["entries"]
    assert [one["action"] for one in reversed(found)] == [
        "collection.created", "collection.changed", "member.set", "member.removed",
        "collection.deleted",
    ]  # fmt: skip

"""Signing in with a password, sessions, and the page of both, over HTTP."""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx2
import pytest

from cimaise.settings import Settings
from tests.kit.application import Person, RunningApplication, running_application

HTML = {"accept": "text/html"}
OWN = {"Sec-Fetch-Site": "same-origin"}
numbers = itertools.count(1)
FORM = {"content-type": "application/x-www-form-urlencoded"}
GOOD = "mongoose tale"


@pytest.fixture
def ann(server: RunningApplication) -> Person:
    """Somebody new with the password GOOD."""
    person = server.person(f"ann-{next(numbers)}")
    with server.client(person) as client:
        assert client.put("/api/me/password", json={"new": GOOD}).status_code == 204
    return person


@contextmanager
def signed_in(
    server: RunningApplication, name: str, password: str = GOOD
) -> Iterator[httpx2.Client]:
    """A browser that has signed in."""
    with server.client() as browser:
        answer = browser.post("/api/login", json={"name": name, "password": password})
        assert answer.status_code == 200, answer.text
        yield browser


def test_a_password_signs_in_at_the_api_and_at_the_page(server: RunningApplication, ann: Person):
    with signed_in(server, ann.name) as browser:
        assert browser.get("/api/me").json()["name"] == ann.name
    with server.client() as browser:
        form = {"name": ann.name, "password": GOOD, "next": "/me"}
        answer = browser.post("/login", data=form, headers=OWN)
        assert (answer.status_code, answer.headers["location"]) == (303, "/me")
        assert browser.get("/api/me").json()["name"] == ann.name


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": "ann"}, {"token": "x", "key": "y"}, {"password": GOOD, "key": "y"},
        {"name": "ann", "password": GOOD, "token": "x"},
    ],
)  # fmt: skip
def test_what_is_no_one_way_to_sign_in_is_refused(server: RunningApplication, body: dict):
    assert httpx2.post(f"{server.url}/api/login", json=body).status_code == 422


def test_a_wrong_password_is_a_page_with_the_form_again(server: RunningApplication, ann: Person):
    with server.client() as browser:
        form = {"name": ann.name, "password": "wrong", "next": "/upload"}
        answer = browser.post("/login", data=form, headers=OWN | HTML)
        assert answer.status_code == 401
        assert "The name or the password is wrong." in answer.text
        assert 'value="/upload"' in answer.text
        assert "wrong" not in answer.text.replace("password is wrong", "")
        assert "set-cookie" not in answer.headers


def test_a_one_time_link_that_fails_says_how_another_one_is_made(server: RunningApplication):
    with server.client() as browser:
        page = browser.post("/login", data={"token": "x" * 43}, headers=HTML | OWN)
        assert page.status_code == 401
        assert "cimaise accounts sign-in-link" in page.text
        assert "cimaise accounts sign-in-link" not in browser.get("/login", headers=HTML).text


def test_signing_in_again_gives_another_cookie_and_ends_the_first(
    server: RunningApplication, ann: Person
):
    with signed_in(server, ann.name) as browser:
        first = browser.cookies["cimaise_session"]
        browser.post("/api/login", json={"name": ann.name, "password": GOOD}, headers=OWN)
        assert browser.cookies["cimaise_session"] != first
    stolen = {"cookie": f"cimaise_session={first}"}
    assert httpx2.get(f"{server.url}/api/me", headers=stolen).status_code == 401


def test_sessions_are_listed_and_ended_singly_and_all_others(
    server: RunningApplication, ann: Person
):
    with (
        signed_in(server, ann.name) as here,
        signed_in(server, ann.name) as there,
        signed_in(server, ann.name) as third,
    ):
        listed = here.get("/api/sessions").json()["sessions"]
        assert {"id", "created_at", "last_seen_at", "expires_at", "address", "user_agent", "current"} == set(listed[0])  # fmt: skip
        assert [one["current"] for one in listed].count(True) == 1
        assert listed[0]["address"] == "127.0.0.1"
        (own,) = [one for one in there.get("/api/sessions").json()["sessions"] if one["current"]]
        assert here.delete(f"/api/sessions/{own['id']}", headers=OWN).status_code == 204
        assert there.get("/api/me").status_code == 401
        assert here.delete("/api/sessions", headers=OWN).json()["ended"] >= 1
        assert third.get("/api/me").status_code == 401
        assert here.get("/api/me").status_code == 200
        assert here.delete("/api/sessions/nothing", headers=OWN).status_code == 404


def test_sessions_of_a_disabled_account_are_dead_at_once(server: RunningApplication):
    person = server.person("dora")
    with server.client() as browser:
        browser.post("/api/login", json={"key": person.key})
        assert browser.get("/api/me").status_code == 200
        server.run(server.application.services.access.accounts.disable(None, "dora"))
        assert browser.get("/api/me").status_code == 401


def test_the_page_shows_what_lets_one_in_and_takes_its_forms(server: RunningApplication):
    person = server.person("eve")
    with server.client() as browser, server.client() as other:
        for one in (browser, other):
            one.post("/api/login", json={"key": person.key})
        shown = browser.get("/me/access", headers=HTML).text
        assert "Set a password" in shown
        assert "this one" in shown
        answer = browser.post("/me/access/password", data={"new": "password"}, headers=OWN | HTML)
        assert answer.status_code == 422
        assert "first that are guessed" in answer.text
        answer = browser.post("/me/access/password", data={"new": GOOD}, headers=OWN | HTML)
        assert answer.headers["location"] == "/me/access?did=password"
        assert other.get("/api/me").status_code == 401
        answer = browser.post(
            "/me/access/password", data={"current": "no", "new": GOOD}, headers=OWN | HTML
        )
        assert answer.status_code == 403
        assert "That is not your password." in answer.text
        browser.post("/me/access/email", data={"email": "Eve@example.org"}, headers=OWN)
        assert browser.get("/api/me").json()["email"] == "eve@example.org"
        answer = browser.post("/me/access/email", data={"email": "no"}, headers=OWN | HTML)
        assert answer.status_code == 422
        with signed_in(server, "eve@example.org") as third:
            assert (
                browser.post("/me/access/sessions", content="", headers=OWN | FORM).status_code
                == 303
            )
            assert third.get("/api/me").status_code == 401


def test_a_key_is_made_shown_once_and_revoked_on_the_page(server: RunningApplication):
    person = server.person("fay")
    with server.client() as browser:
        browser.post("/api/login", json={"key": person.key})
        form = {"name": "laptop", "read": "1", "upload": "1"}
        made = browser.post("/me/access/keys", data=form, headers=OWN | HTML)
        (key,) = re.findall(r"cim_[0-9A-Za-z]{39}", made.text)
        assert key not in browser.get("/me/access", headers=HTML).text
        with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {key}"}) as bare:
            assert bare.get("/api/me").status_code == 200
            assert bare.post("/api/keys", json={"name": "more"}).status_code == 403
            listed = {one["name"]: one for one in browser.get("/api/keys").json()["keys"]}
            assert listed["laptop"]["scopes"] == ["read", "upload"]
            assert listed["laptop"]["last_used_at"]
            browser.post(f"/me/access/keys/{listed['laptop']['id']}", headers=OWN)
            assert bare.get("/api/me").status_code == 401


def test_forms_from_another_site_change_nothing(server: RunningApplication, ann: Person):
    with signed_in(server, ann.name) as browser:
        for path in ("password", "email", "sessions", "keys"):
            answer = browser.post(
                f"/me/access/{path}", data={"new": "x" * 20},
                headers={"Origin": "https://evil.example"},
            )  # fmt: skip
            assert answer.status_code == 403, path


@pytest.fixture(scope="module")
def behind_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    """A server that believes to be reached by TLS, by whoever is in front of it."""

    def change(settings: Settings) -> Settings:
        server = replace(settings.server, public_url="https://media.example")
        return replace(settings, server=server)

    with running_application(tmp_path_factory.mktemp("tls"), change) as running:
        yield running


def test_the_cookie_is_bound_to_the_host_behind_tls(behind_tls: RunningApplication):
    token = behind_tls.sign_in_token
    port = behind_tls.application.settings.server.port
    own = {"Origin": "https://media.example"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        answer = client.post("/api/login", json={"token": token}, headers=own)
        cookie = answer.headers["set-cookie"]
        name, _, rest = cookie.partition("=")
        assert name == "__Host-cimaise_session"
        attributes = {part.strip().lower() for part in rest.split(";")[1:]}
        assert {"httponly", "secure", "path=/", "samesite=lax"} <= attributes
        assert not any(one.startswith("domain") for one in attributes)
        value = rest.split(";")[0]
        assert client.get("/api/me", headers={"cookie": f"{name}={value}"}).status_code == 200
        plain = {"cookie": f"cimaise_session={value}"}
        assert client.get("/api/me", headers=plain).status_code == 401
        out = client.post("/api/logout", headers={"cookie": f"{name}={value}"} | own)
        gone = out.headers["set-cookie"]
        assert gone.startswith('__Host-cimaise_session=""')
        assert "Secure" in gone

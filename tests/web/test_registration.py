"""Invitations, open registration and challenges over HTTP."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from cimaise.access.policy import Role
from cimaise.access.subjects import Subjects
from cimaise.settings import Settings
from tests.kit.altcha import solution
from tests.kit.application import Person, RunningApplication, running_application

HTML = {"accept": "text/html"}
OWN = {"Sec-Fetch-Site": "same-origin"}
GOOD = "mongoose tale"


def cheap(settings: Settings) -> Settings:
    """Open to all, with challenges that cost little."""
    return replace(
        settings,
        challenge=replace(settings.challenge, cost=100),
        registration=replace(settings.registration, open=True),
    )


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    with running_application(tmp_path_factory.mktemp("open"), cheap) as running:
        yield running


def test_an_invitation_is_made_accepted_and_used_up(server: RunningApplication, root: Person):
    with server.client(root) as admin, server.client() as guest:
        made = admin.post("/api/admin/invitations", json={"note": "Maria", "daily_files": 7})
        assert made.status_code == 201
        path = made.json()["url"].removeprefix(server.url)
        assert guest.get(path, headers=HTML).status_code == 200
        form = {"name": "maria", "password": "password"}
        again = guest.post(path, data=form, headers=OWN | HTML)
        assert again.status_code == 422
        assert 'value="maria"' in again.text
        assert "first that are guessed" in again.text
        done = guest.post(path, data=form | {"password": GOOD}, headers=OWN | HTML)
        assert (done.status_code, done.headers["location"]) == (303, "/me")
        assert guest.get("/api/me").json()["quota"]["daily_files"] == 7
        assert guest.get(path, headers=HTML).status_code == 410
        (listed,) = admin.get("/api/admin/invitations").json()["invitations"]
        assert listed["used_by"] == "maria"
        assert "url" not in listed


@pytest.mark.parametrize("way", ["registration", "invitation"])
def test_whoever_chose_a_name_is_not_taken_for_the_subject_of_a_token(
    open_server: RunningApplication, way: str
):
    name = f"maria-{way}"
    wanted = {"name": name, "password": GOOD}
    root = open_server.person(f"root-{way}", Role.ADMIN)
    with open_server.client() as guest, open_server.client(root) as admin:
        if way == "invitation":
            token = admin.post("/api/admin/invitations", json={}).json()["url"].rpartition("/")[2]
            made = guest.post(f"/api/invitations/{token}", json=wanted)
        else:
            answered = {"Challenge-Answer": solution(guest)}
            made = guest.post("/api/register", json=wanted, headers=answered)
        assert made.status_code == 201, made.text
        services = open_server.application.services
        subjects = Subjects(services.database, services.clock, lambda: f"id-of-{way}")
        account = open_server.run(subjects.account(name))
        assert account.id == f"id-of-{way}"
        assert account.name.startswith(f"{name}~")


def test_an_invitation_is_accepted_at_the_api(server: RunningApplication, root: Person):
    with server.client(root) as admin, server.client() as guest:
        made = admin.post("/api/admin/invitations", json={"role": "admin"}).json()
        token = made["url"].rpartition("/")[2]
        answer = guest.post(f"/api/invitations/{token}", json={"name": "boss", "password": GOOD})
        assert (answer.status_code, answer.json()["role"]) == (201, "admin")
        assert guest.get("/api/me").json()["name"] == "boss"
        other = admin.post("/api/admin/invitations", json={}).json()
        assert admin.delete(f"/api/admin/invitations/{other['id']}").status_code == 204
        token = other["url"].rpartition("/")[2]
        refused = guest.post(
            f"/api/invitations/{token}", json={"name": "x", "password": GOOD}, headers=OWN
        )
        assert refused.status_code == 410


def test_invitations_are_made_and_taken_back_on_the_desk(server: RunningApplication, root: Person):
    with server.client() as browser:
        browser.post("/api/login", json={"key": root.key})
        form = {"note": "Fay", "role": "member", "total_bytes": "2 GB", "daily_bytes": ""}
        shown = browser.post("/admin/invitations", data=form, headers=OWN | HTML)
        (token,) = re.findall(r"/join/([A-Za-z0-9_-]{43})", shown.text)
        assert token not in browser.get("/admin/accounts", headers=HTML).text
        listed = browser.get("/api/admin/invitations").json()["invitations"]
        (own,) = [one for one in listed if one["note"] == "Fay"]
        assert own["total_bytes"] == 2 * 1024**3
        browser.post(f"/admin/invitations/{own['id']}", headers=OWN)
        assert browser.get(f"/join/{token}", headers=HTML).status_code == 410


def test_where_registration_is_closed_nobody_registers(server: RunningApplication):
    with server.client() as guest:
        body = {"name": "intruder", "password": GOOD}
        assert guest.post("/api/register", json=body).status_code == 403
        assert guest.get("/register", headers=HTML).status_code == 403
        assert guest.post("/register", data=body, headers=OWN | HTML).status_code == 403
        assert "/register" not in guest.get("/login", headers=HTML).text


def test_a_stranger_registers_for_a_solved_challenge_and_each_is_good_once(
    open_server: RunningApplication,
):
    with open_server.client() as guest:
        body = {"name": "stranger", "password": GOOD}
        refused = guest.post("/api/register", json=body)
        assert refused.status_code == 403
        problem = refused.json()
        assert (problem["code"], problem["challenge"]) == ("challenge_needed", "/api/challenge")
        header = {"Challenge-Answer": solution(guest)}
        made = guest.post("/api/register", json=body, headers=header)
        assert (made.status_code, made.json()["role"]) == (201, "member")
        again = httpx2.post(
            f"{open_server.url}/api/register", json=body | {"name": "second"}, headers=header
        )
        assert again.json()["code"] == "challenge_needed"


def test_the_page_takes_the_answer_from_its_form(open_server: RunningApplication):
    with open_server.client() as guest:
        shown = guest.get("/register", headers=HTML)
        assert "data-challenge=" in shown.text
        assert "This step needs JavaScript" in shown.text
        form = {"name": "paula", "password": GOOD}
        refused = guest.post("/register", data=form, headers=OWN | HTML)
        assert refused.status_code == 403
        assert "Solve a challenge first." in refused.text
        form["altcha"] = solution(guest)
        done = guest.post("/register", data=form, headers=OWN | HTML)
        assert (done.status_code, done.headers["location"]) == (303, "/me")


def test_after_failures_a_password_needs_a_solved_challenge(open_server: RunningApplication):
    with open_server.client() as guest:
        body = {"name": "paul", "password": GOOD}
        header = {"Challenge-Answer": solution(guest)}
        guest.post("/api/register", json=body, headers=header)
        guest.cookies.clear()
        for _ in range(3):
            wrong = guest.post("/api/login", json=body | {"password": "wrong"})
            assert wrong.json()["code"] == "bad_credentials"
        asked = guest.post("/api/login", json=body)
        assert (asked.status_code, asked.json()["code"]) == (403, "challenge_needed")
        page = guest.post("/login", data=body, headers=OWN | HTML)
        assert page.status_code == 403
        assert "data-challenge=" in page.text
        assert "data-challenge=" in guest.get("/login", headers=HTML).text
        header = {"Challenge-Answer": solution(guest)}
        assert guest.post("/api/login", json=body, headers=header).status_code == 200


def test_open_registration_without_a_challenge_does_not_start(tmp_path: Path):
    def change(settings: Settings) -> Settings:
        return replace(cheap(settings), challenge=replace(settings.challenge, kind="off"))

    with (
        pytest.raises(ValueError, match="CIMAISE_REGISTRATION_OPEN"),
        running_application(tmp_path, change),
    ):
        pass


@pytest.mark.parametrize(
    ("kind", "origin"),
    [
        ("turnstile", "https://challenges.cloudflare.com"),
        ("hcaptcha", "https://hcaptcha.com"),
        ("recaptcha", "https://www.google.com/recaptcha/"),
    ],
)
def test_the_policy_lets_in_the_chosen_service_on_that_page_only(
    tmp_path: Path, kind: str, origin: str
):
    def change(settings: Settings) -> Settings:
        challenge = replace(settings.challenge, kind=kind, site_key="site-1", secret_key="secret-1")
        return replace(cheap(settings), challenge=challenge)

    with running_application(tmp_path, change) as running, running.client() as guest:
        shown = guest.get("/register", headers=HTML)
        policy = shown.headers["content-security-policy"]
        assert f"script-src 'self' {origin}" in policy
        assert f"frame-src {origin}" in policy
        assert "unsafe" not in policy
        assert 'data-sitekey="site-1"' in shown.text
        assert "secret-1" not in shown.text
        elsewhere = guest.get("/", headers=HTML).headers["content-security-policy"]
        assert origin not in elsewhere
        told = guest.get("/api/challenge").json()
        action = {"action": "cimaise"} if kind == "turnstile" else {}
        assert told == {"kind": kind, "site_key": "site-1"} | action


def test_a_challenge_can_be_switched_off(tmp_path: Path):
    def change(settings: Settings) -> Settings:
        return replace(settings, challenge=replace(settings.challenge, kind="off"))

    with running_application(tmp_path, change) as running, running.client() as guest:
        assert guest.get("/api/challenge").status_code == 404
        for _ in range(5):
            wrong = guest.post("/api/login", json={"name": "x", "password": "wrong"})
            assert wrong.json()["code"] == "bad_credentials"


def test_offers_are_as_the_protocol_says(open_server: RunningApplication):
    with open_server.client() as guest:
        answer = guest.get("/api/challenge")
    assert answer.headers["cache-control"] == "no-store"
    offer = json.loads(answer.text)
    assert set(offer) == {"parameters", "signature"}
    assert offer["parameters"]["algorithm"] == "PBKDF2/SHA-256"

"""What scores and bans do to requests; the tests' own addresses count here."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from cimaise.access.policy import Role
from cimaise.settings import Settings
from cimaise.settings.rate import Allowance
from tests.kit.altcha import solution
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.companion import SMALL
from tests.kit.tus import metadata
from tests.kit.upload_tokens import make_token, send_form


def careful(settings: Settings) -> Settings:
    limits = replace(settings.limits, risk_slow=2, account_reads=Allowance(100, 3600.0), exempt=())
    return replace(settings, limits=limits)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningApplication]:
    with running_application(tmp_path, careful) as one:
        yield one


@pytest.fixture
def boss(running: RunningApplication) -> Person:
    return running.person("boss", Role.ADMIN)


def test_refused_types_slow_an_account_and_the_operator_sees_why(
    running: RunningApplication, boss: Person
):
    with running.client(running.person("ann")) as ann, running.client(boss) as admin:
        made = {"name": "zips", "policy": {"extensions": [".zip"]}}
        assert ann.post("/api/collections", json=made).status_code == 201
        body = {"collection": "zips", "filename": "a.exe", "size": 5}
        for _ in range(4):
            assert ann.post("/api/uploads", json=body).status_code == 415
        assert ann.put("/api/collections/zips/files/a.zip", content=b"no zip").status_code == 415
        running.run(running.application.services.operation.background.close())
        [risk] = admin.get("/api/admin/risks").json()["risks"]
        assert risk["account"] == "ann"
        assert risk["reasons"] == {"refused_type": 5.0, "failed_upload": 1.0}
        assert (risk["score"], risk["rate_factor"], risk["asks_challenge"]) == (6.0, 0.33, False)
        answer = ann.get("/api/me")
        assert answer.headers["ratelimit-policy"] == '"reads";q=33;w=3600'
        page = admin.get("/admin/risks", headers={"accept": "text/html"}).text
        assert "types that were refused (5.0)" in page
        assert "rates at 33" in page


def test_types_that_another_protocol_refuses_count_and_wrong_encodings_do_not(
    running: RunningApplication, boss: Person
):
    with running.client(running.person("ann")) as ann, running.client(boss) as admin:
        made = {"name": "zips", "policy": {"extensions": [".zip"]}}
        assert ann.post("/api/collections", json=made).status_code == 201
        body = {"filename": "a.exe", "type": "x/y", "metadata": {"collection": "zips"}}
        refused = ann.post("/companion/s3/multipart", json=body)
        assert (refused.status_code, refused.json()["code"]) == (415, "type_not_allowed")
        assert refused.json()["message"] == refused.json()["error"]
        for address in ("/upload", "/files"):
            wrong = ann.post(address, json={})
            assert (wrong.status_code, wrong.json()["code"]) == (415, "wrong_encoding")
        wrong = ann.patch("/tus/nothing", headers={"Tus-Resumable": "1.0.0"}, content=b"x")
        assert (wrong.status_code, wrong.json()["code"]) == (415, "wrong_encoding")
        running.run(running.application.services.operation.background.close())
        [risk] = admin.get("/api/admin/risks").json()["risks"]
        assert risk["reasons"] == {"refused_type": 1.0}


def test_a_ban_shuts_every_route_at_once_and_lifting_it_opens_them(
    running: RunningApplication, boss: Person
):
    with running.client(running.person("ann")) as ann, running.client(boss) as admin:
        made = admin.post("/api/admin/bans", json={"account": "ann", "reason": "spam"})
        assert made.status_code == 201
        refused = ann.get("/api/me")
        assert (refused.status_code, refused.json()["code"]) == (403, "banned")
        assert ann.get("/healthz").status_code == 200
        assert admin.delete(f"/api/admin/bans/{made.json()['id']}").status_code == 204
        assert ann.get("/api/me").status_code == 200
        assert admin.get("/api/admin/bans").json()["bans"][0]["lifted_at"]


def test_a_network_is_banned_by_the_pages_form(running: RunningApplication, boss: Person):
    with running.client() as guest, running.client(boss) as admin:
        form = {"network": "127.0.0.0/8", "reason": "a flood", "days": "3"}
        sent = admin.post("/admin/risks", data=form)
        assert (sent.status_code, sent.headers["location"]) == (303, "/admin/risks?saved=1")
        assert guest.get("/api/albums").json()["code"] == "banned"
        page = admin.get("/admin/risks", headers={"accept": "text/html"}).text
        assert "127.0.0.0/8" in page
        [ban] = admin.get("/api/admin/bans").json()["bans"]
        admin.post("/admin/risks", data={"lift": ban["id"]})
        assert guest.get("/api/albums").status_code == 200
        assert admin.post("/admin/risks", data={**form, "days": "x"}).status_code == 422


def test_a_high_score_asks_for_a_challenge_before_uploads_and_once_for_half_an_hour(
    tmp_path: Path,
):
    def change(settings: Settings) -> Settings:
        limits = replace(settings.limits, risk_challenge=3, exempt=())
        challenge = replace(settings.challenge, cost=100)
        return replace(settings, limits=limits, challenge=challenge)

    with running_application(tmp_path, change) as one, one.client(one.person("ann")) as ann:
        ann.post("/api/collections", json={"name": "zips", "policy": {"extensions": [".zip"]}})
        refused = {"collection": "zips", "filename": "a.exe", "size": 5}
        good = {"collection": "zips", "filename": "a.zip", "size": 5}
        for _ in range(4):
            assert ann.post("/api/uploads", json=refused).status_code == 415
        one.run(one.application.services.operation.background.close())
        one.run(one.application.services.access.watch.read())
        asked = ann.post("/api/uploads", json=good)
        assert (asked.status_code, asked.json()["code"]) == (403, "challenge_needed")
        assert asked.json()["challenge"] == "/api/challenge"
        assert ann.get("/api/me").status_code == 200
        shown = ann.get("/upload?collection=zips", headers={"accept": "text/html"}).text
        assert "data-challenge=" in shown
        assert 'value="/upload?collection=zips"' in shown
        wrong = ann.post("/api/challenge", headers={"Challenge-Answer": "x"})
        assert wrong.json()["code"] == "challenge_needed"
        header = {"Challenge-Answer": solution(ann)}
        assert ann.post("/api/uploads", json=good, headers=header).status_code == 201
        assert ann.post("/api/uploads", json=good).status_code == 201
        form = ann.get("/upload?collection=zips", headers={"accept": "text/html"}).text
        assert "data-challenge=" not in form


def test_whoever_comes_from_an_exempt_address_is_asked_for_no_challenge(tmp_path: Path):
    def change(settings: Settings) -> Settings:
        return replace(settings, limits=replace(settings.limits, risk_challenge=1))

    with running_application(tmp_path, change) as one, one.client(one.person("ann")) as ann:
        ann.post("/api/collections", json={"name": "zips", "policy": {"extensions": [".zip"]}})
        for _ in range(3):
            refused = {"collection": "zips", "filename": "a.exe", "size": 5}
            assert ann.post("/api/uploads", json=refused).status_code == 415
        one.run(one.application.services.operation.background.close())
        one.run(one.application.services.access.watch.read())
        good = {"collection": "zips", "filename": "a.zip", "size": 5}
        assert ann.post("/api/uploads", json=good).status_code == 201


def test_the_page_takes_the_answer_and_goes_on(tmp_path: Path):
    def change(settings: Settings) -> Settings:
        limits = replace(settings.limits, risk_challenge=1, exempt=())
        return replace(settings, limits=limits, challenge=replace(settings.challenge, cost=100))

    own = {"Sec-Fetch-Site": "same-origin", "accept": "text/html"}
    with running_application(tmp_path, change) as one, one.client(one.person("ann")) as ann:
        ann.post("/api/collections", json={"name": "zips", "policy": {"extensions": [".zip"]}})
        ann.post("/api/uploads", json={"collection": "zips", "filename": "a.exe", "size": 5})
        ann.post("/api/uploads", json={"collection": "zips", "filename": "a.exe", "size": 5})
        one.run(one.application.services.operation.background.close())
        one.run(one.application.services.access.watch.read())
        refused = ann.post("/challenge", data={"next": "/upload"}, headers=own)
        assert refused.status_code == 403
        form = {"next": "/upload", "altcha": solution(ann)}
        done = ann.post("/challenge", data=form, headers=own)
        assert (done.status_code, done.headers["location"]) == (303, "/upload")
        assert "data-challenge=" not in ann.get("/upload", headers=own).text


def test_upload_tokens_of_whoever_is_banned_open_nothing_until_the_ban_is_lifted(
    running: RunningApplication, boss: Person
):
    with running.client(running.person("ann")) as ann, running.client(boss) as admin:
        ann.post("/api/collections", json={"name": "zips"}).raise_for_status()
        token = make_token(ann, "zips")
        ban = admin.post("/api/admin/bans", json={"account": "ann", "reason": "noise"}).json()
        running.run(running.application.services.access.watch.read())
        refused = send_form(token["form_url"])
        assert (refused.status_code, refused.json()["code"]) == (403, "banned")
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "5"}
        assert httpx2.post(token["tus_url"], headers=tus).status_code == 403
        begun = {"filename": "a.zip", "type": "application/zip"}
        assert httpx2.post(f"{token['companion_url']}/s3/multipart", json=begun).status_code == 403
        admin.delete(f"/api/admin/bans/{ban['id']}").raise_for_status()
        running.run(running.application.services.access.watch.read())
        assert send_form(token["form_url"]).status_code == 201


def test_an_upload_that_was_begun_before_the_ban_becomes_no_file(
    running: RunningApplication, boss: Person
):
    told = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(SMALL))}
    told["Upload-Metadata"] = metadata(collection="zips", filename="a.zip")
    sent = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    sent["Content-Type"] = "application/offset+octet-stream"
    with running.client(running.person("ann")) as ann, running.client(boss) as admin:
        made = {"name": "zips", "visibility": "public"}
        ann.post("/api/collections", json=made).raise_for_status()
        address = ann.post("/tus/", headers=told).headers["location"]
        ban = {"account": "ann", "reason": "noise"}
        admin.post("/api/admin/bans", json=ban).raise_for_status()
        refused = httpx2.patch(address, headers=sent, content=SMALL)
        assert (refused.status_code, refused.json()["code"]) == (403, "banned")
        assert admin.get("/api/collections/zips/files").json()["files"] == []

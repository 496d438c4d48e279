"""Who may do what by tus."""

from dataclasses import replace
from pathlib import Path

from cimaise.settings import Settings
from tests.kit.application import Person, RunningApplication, running_application
from tests.kit.tus import metadata
from tests.kit.tus_http import BYTES, VERSION, ZIP, Client, problem

# who may


def test_a_guest_and_a_stranger_begin_nothing(server: RunningApplication, tus: Client, bob: Person):
    told = {"Upload-Length": "1", "Upload-Metadata": metadata(collection=tus.collection)}
    answer = tus.guest.post("/tus/", headers=VERSION | told)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert problem(answer, 401)["code"] == "not_signed_in"
    with server.client(bob) as other:
        answer = other.post("/tus/", headers=VERSION | told)
        assert problem(answer, 404)["code"] == "not_found"


def test_a_sign_in_that_has_ended_does_not_end_an_upload(tus: Client):
    address = tus.create()
    stale = VERSION | {"Authorization": "Bearer cim_no-longer-valid"}
    sent = stale | {"Upload-Offset": "0", "Content-Type": BYTES}
    assert tus.guest.patch(address, headers=sent, content=ZIP[:9]).status_code == 204
    told = tus.guest.head(address, headers=stale)
    assert (told.status_code, told.headers["upload-offset"]) == (200, "9")
    assert tus.guest.delete(address, headers=stale).status_code == 204


def test_a_cookie_from_another_site_is_refused(
    server: RunningApplication, tus: Client, ann: Person
):
    address = tus.create()
    with server.client() as browser:
        signed_in = browser.post("/api/login", json={"key": ann.key})
        assert signed_in.status_code == 200, signed_in.text
        sent = VERSION | {
            "Upload-Offset": "0",
            "Content-Type": BYTES,
            "Origin": "https://evil.test",
        }
        answer = browser.patch(address, headers=sent, content=ZIP)
        assert problem(answer, 403)["code"] == "cross_site"
        assert browser.patch(
            address, headers=sent | {"Origin": server.url}, content=ZIP
        ).status_code == 204  # fmt: skip


def test_an_upload_token_begins_uploads_into_its_collection(
    server: RunningApplication, tus: Client
):
    token = tus.client.post("/api/upload-tokens", json={"collection": tus.collection})
    assert token.status_code == 201
    told = {"Upload-Length": str(len(ZIP)), "Upload-Metadata": metadata(filename="a.zip")}
    made = tus.guest.post(token.json()["tus_url"], headers=VERSION | told)
    assert made.status_code == 201, made.text
    address = made.headers["location"]
    assert tus.patch(address, ZIP).status_code == 204
    assert tus.bytes_of(address) == ZIP
    other = told | {"Upload-Metadata": metadata(collection="another")}
    answer = tus.guest.post(token.json()["tus_url"], headers=VERSION | other)
    assert problem(answer, 403)["code"] == "forbidden"
    unknown = f"{server.url}/tus/{'x' * 43}/"
    assert problem(tus.guest.post(unknown, headers=VERSION | told), 404)["code"] == "not_found"


def test_pages_of_allowed_origins_may_read_every_header(tmp_path: Path):
    origin = "https://page.test"

    def open_to(settings: Settings) -> Settings:
        return replace(settings, server=replace(settings.server, allowed_origins=(origin,)))

    with running_application(tmp_path, open_to) as server:
        with server.client() as guest:
            for path in ("/tus/", "/tus/x"):
                preflight = guest.options(
                    path, headers={"Origin": origin, "Access-Control-Request-Method": "PATCH"}
                )
                assert preflight.status_code == 200
                assert preflight.headers["access-control-allow-origin"] == origin
                allowed = preflight.headers["access-control-allow-methods"]
                assert ("PATCH" in allowed) == (path != "/tus/")
                assert "upload-offset" in preflight.headers["access-control-allow-headers"]
            answer = guest.head("/tus/x", headers=VERSION | {"Origin": origin})
            assert "Upload-Offset" in answer.headers["access-control-expose-headers"]
            assert "access-control-allow-origin" not in guest.options("/tus/").headers

import httpx2

from tests.kit.application import Person, RunningApplication
from tests.kit.sending import make_collection

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def test_a_one_time_link_signs_a_browser_in_once(server: RunningApplication):
    assert server.sign_in_token
    with server.client() as browser:
        answer = browser.post("/api/login", json={"token": server.sign_in_token})
        assert answer.json()["role"] == "admin"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert browser.get("/api/me").json()["name"] == "admin"
    again = httpx2.post(f"{server.url}/api/login", json={"token": server.sign_in_token})
    assert again.status_code == 410


def test_a_key_signs_a_browser_in_and_it_can_sign_out(server: RunningApplication, ann: Person):
    with server.client() as browser:
        assert browser.post("/api/login", json={"key": ann.key}).status_code == 200
        assert browser.get("/api/me").json()["id"] == ann.id
        assert browser.post("/api/logout", headers=SAME_SITE).status_code == 204
        assert browser.get("/api/me").status_code == 401


def test_a_limited_key_starts_no_session(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        made = client.post("/api/keys", json={"name": "limited", "scopes": ["read"]}).json()
    answer = httpx2.post(f"{server.url}/api/login", json={"key": made["key"]})
    assert answer.status_code == 403


def test_a_cookie_from_another_site_changes_nothing(server: RunningApplication, ann: Person):
    with server.client() as browser:
        browser.post("/api/login", json={"key": ann.key})
        body = {"name": "crossing"}
        for headers in (
            {},
            {"Origin": "https://evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Origin": "null"},
            {"Origin": server.url + ".evil.example"},
            {"Origin": server.url, "Sec-Fetch-Site": "cross-site"},
        ):
            answer = browser.post("/api/collections", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site"), headers
        own = browser.post("/api/collections", json=body, headers={"Origin": server.url})
        assert own.status_code == 201


def test_an_ended_session_is_a_guests_and_harms_no_public_page(server: RunningApplication):
    cookies = {"cimaise_session": "gone"}
    assert httpx2.get(f"{server.url}/api/albums", cookies=cookies).status_code == 200
    assert httpx2.get(f"{server.url}/api/me", cookies=cookies).status_code == 401


def test_keys_are_shown_once_and_refused_once_revoked(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        made = client.post("/api/keys", json={"name": "laptop"})
        assert made.status_code == 201
        key = made.json()
        assert key["key"].startswith("cim_")
        listed = client.get("/api/keys").json()["keys"]
        assert key["id"] in {one["id"] for one in listed}
        assert key["key"] not in str(listed)
        headers = {"Authorization": f"Bearer {key['key']}"}
        assert httpx2.get(f"{server.url}/api/me", headers=headers).status_code == 200
        assert client.delete(f"/api/keys/{key['id']}").status_code == 204
        assert httpx2.get(f"{server.url}/api/me", headers=headers).status_code == 401


def test_members_may_do_what_their_role_says(server: RunningApplication, ann: Person, bob: Person):
    with server.client(ann) as owner, server.client(bob) as member:
        name = make_collection(server, owner)
        begin = {"collection": name, "filename": "a.txt", "size": 5}
        assert member.get(f"/api/collections/{name}").status_code == 404
        for role, upload, change in (("viewer", 403, 403), ("contributor", 201, 403), ("manager", 201, 200)):  # fmt: skip
            put = owner.put(f"/api/collections/{name}/members/bob", json={"role": role})
            assert put.json() == {"account": bob.id, "role": role}
            assert member.get(f"/api/collections/{name}").status_code == 200
            assert member.post("/api/uploads", json=begin).status_code == upload
            patch = member.patch(f"/api/collections/{name}", json={"title": role})
            assert patch.status_code == change
        assert owner.delete(f"/api/collections/{name}/members/{bob.id}").status_code == 204
        assert member.get(f"/api/collections/{name}").status_code == 404
        absent = owner.put(f"/api/collections/{name}/members/nobody", json={"role": "viewer"})
        assert absent.status_code == 404


def test_collections_are_listed_to_those_who_may_see_them(
    server: RunningApplication, ann: Person, bob: Person
):
    with server.client(ann) as owner, server.client(bob) as other, server.client() as guest:
        names = {
            visibility: make_collection(server, owner, visibility=visibility)
            for visibility in ("public", "unlisted", "private")
        }

        def listed(client: httpx2.Client) -> set[str]:
            found = {one["name"] for one in client.get("/api/collections").json()["collections"]}
            return {kind for kind, name in names.items() if name in found}

        assert listed(owner) == {"public", "unlisted", "private"}
        assert listed(other) == listed(guest) == {"public"}
        assert guest.get(f"/api/collections/{names['unlisted']}").status_code == 200
        assert guest.get(f"/api/collections/{names['private']}").status_code == 404


def test_everybody_who_is_signed_in_may_send_to_the_inbox(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        begin = {"collection": "inbox", "filename": "a.txt", "size": 5}
        assert client.post("/api/uploads", json=begin).status_code == 201


def test_names_and_policies_that_cannot_be_are_refused(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        for body in (
            {"name": "../x"},
            {"name": ""},
            {"name": "Ä"},
            {"name": "ok", "visibility": "secret"},
            {"name": "ok", "policy": {"extensions": ["not an extension"]}},
            {"name": "ok", "policy": {"types": ["x"]}},
            {"name": "ok", "policy": {"max_bytes": 0}},
            {"name": "ok", "policy": {"surprise": 1}},
        ):
            assert client.post("/api/collections", json=body).status_code == 422, body


def test_a_misspelt_limit_makes_no_key_without_it(server: RunningApplication, ann: Person):
    with server.client(ann) as client:
        before = client.get("/api/keys").json()["keys"]
        answer = client.post("/api/keys", json={"name": "misspelt", "scope": ["read"]})
        assert answer.status_code == 422
        assert "`scope`" in answer.json()["error"]
        assert client.get("/api/keys").json()["keys"] == before

"""What somebody was allowed a moment ago is answered by the connection, until it is taken back."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from sqlalchemy import select

from cimaise.database.schema import usage_counts
from cimaise.settings import Settings
from cimaise.settings.rate import Allowance
from tests.kit.own_pictures import OwnPicture, own_picture


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[OwnPicture]:
    with own_picture(tmp_path / "data") as made:
        yield made


def new_key(client: httpx2.Client, **terms: object) -> tuple[str, str]:
    """Id and text of one more key of the client's account."""
    made = client.post("/api/keys", json={"name": "more", **terms})
    assert made.status_code == 201, made.text
    return made.json()["id"], made.json()["key"]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_the_ready_answer_is_the_applications_own(shown: OwnPicture):
    first = shown.viewer.get(shown.target)
    again = shown.allow(shown.viewer)
    ours = {"date", "x-request-id"}
    assert again.content == first.content
    assert "private" in again.headers["cache-control"]
    assert {name: text for name, text in again.headers.items() if name not in ours} == {
        name: text for name, text in first.headers.items() if name not in ours
    }


def test_whoever_shows_nothing_or_something_else_is_asked_who_it_is(shown: OwnPicture):
    shown.allow(shown.viewer)
    stranger = shown.client()
    assert stranger.get(shown.target).status_code == 401
    assert stranger.get(shown.target, headers=bearer("cim_" + "x" * 43)).status_code == 401
    other = shown.server.person("other")
    assert stranger.get(shown.target, headers=other.headers).status_code == 403
    key = shown.viewer.headers["authorization"]
    assert stranger.get(shown.target, headers={"Cookie": f"cimaise_session={key}"}).status_code == 401  # fmt: skip


def test_conditions_ranges_and_heads_hold(shown: OwnPicture):
    whole = shown.allow(shown.viewer)
    before = len(shown.given)
    known = shown.viewer.get(shown.target, headers={"If-None-Match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    head = shown.viewer.head(shown.target)
    assert head.headers["content-length"] == str(len(whole.content))
    assert len(shown.given) == before + 2
    part = shown.viewer.get(shown.target, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, whole.content[:10])
    assert len(shown.given) == before + 2


def test_another_host_is_another_request(shown: OwnPicture):
    shown.allow(shown.viewer)
    before = len(shown.given)
    assert shown.viewer.get(shown.target, headers={"Host": "elsewhere.example"}).status_code == 200
    assert len(shown.given) == before


def test_requests_behind_each_other_are_each_their_own(shown: OwnPicture):
    """Of the viewer, of nobody, of the viewer: in one write, on one connection."""
    shown.allow(shown.viewer)
    place = urlsplit(shown.server.url)
    mine = (
        f"GET {shown.target} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"Authorization: {shown.viewer.headers['authorization']}\r\n"
    )
    nobodys = f"GET {shown.target} HTTP/1.1\r\nHost: {place.netloc}\r\n"
    text = f"{mine}\r\n{nobodys}\r\n{mine}Connection: close\r\n\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
        connection.sendall(text.encode())
        said = b""
        while chunk := connection.recv(65_536):
            said += chunk
    statuses = [part.split()[0] for part in said.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"401", b"200"]


# Every way of taking it back; nothing here ends by its age


def test_a_key_that_is_revoked(shown: OwnPicture):
    key_id, key = new_key(shown.viewer)
    client = shown.client(headers=bearer(key))
    shown.allow(client)
    assert shown.viewer.delete(f"/api/keys/{key_id}").status_code == 204
    assert client.get(shown.target).status_code == 401


def test_a_session_that_is_signed_out(shown: OwnPicture):
    browser = shown.browser(new_key(shown.viewer)[1])
    shown.allow(browser)
    cookies = {"Cookie": f"cimaise_session={browser.cookies['cimaise_session']}"}
    out = browser.post("/api/logout", headers={"Origin": shown.server.url})
    assert out.status_code in (200, 204), out.text
    assert shown.client().get(shown.target, headers=cookies).status_code == 401


def test_a_session_of_an_account_whose_key_is_revoked(shown: OwnPicture):
    key_id, key = new_key(shown.viewer)
    browser = shown.browser(key)
    shown.allow(browser)
    assert shown.viewer.delete(f"/api/keys/{key_id}").status_code == 204
    assert browser.get(shown.target).status_code == 401


def test_an_account_that_is_disabled(shown: OwnPicture):
    browser = shown.browser(new_key(shown.viewer)[1])
    for client in (shown.viewer, browser):
        shown.allow(client)
    changed = shown.admin.patch("/api/admin/accounts/viewer", json={"disabled": True})
    assert changed.status_code == 200, changed.text
    for client in (shown.viewer, browser):
        assert client.get(shown.target).status_code == 401


def test_an_admin_who_is_none_any_more(shown: OwnPicture):
    second = shown.server.person("second")
    made = shown.admin.patch("/api/admin/accounts/second", json={"role": "admin"})
    assert made.status_code == 200, made.text
    client = shown.client(headers=second.headers)
    shown.allow(client)
    shown.admin.patch("/api/admin/accounts/second", json={"role": "member"})
    assert client.get(shown.target).status_code == 403


def test_a_membership_that_is_taken_away(shown: OwnPicture):
    shown.allow(shown.viewer)
    assert shown.owner.delete("/api/collections/own/members/viewer").status_code == 204
    assert shown.viewer.get(shown.target).status_code == 403


def test_a_picture_that_is_deleted(shown: OwnPicture):
    shown.allow(shown.viewer)
    shown.allow(shown.owner)
    assert shown.owner.delete(f"/api/files/{shown.id}").status_code == 204
    for client in (shown.viewer, shown.owner):
        assert client.get(shown.target).status_code == 404


def test_a_picture_that_moves_where_the_viewer_may_not_look(shown: OwnPicture):
    shown.owner.post("/api/collections", json={"name": "safe", "visibility": "private"})
    shown.allow(shown.viewer)
    moved = shown.owner.patch(f"/api/files/{shown.id}", json={"collection": "safe"})
    assert moved.status_code == 200, moved.text
    assert shown.viewer.get(shown.target).status_code == 403


def test_a_collection_that_is_closed_again(shown: OwnPicture):
    shown.owner.patch("/api/collections/own", json={"visibility": "unlisted"})
    other = shown.client(headers=shown.server.person("other").headers)
    shown.allow(other)
    shown.owner.patch("/api/collections/own", json={"visibility": "private"})
    assert other.get(shown.target).status_code == 403


def test_a_picture_that_is_made_private(shown: OwnPicture):
    shown.owner.patch(f"/api/files/{shown.id}", json={"visibility": "public"})
    other = shown.client(headers=shown.server.person("other").headers)
    shown.allow(other)
    shown.owner.patch(f"/api/files/{shown.id}", json={"visibility": "private"})
    assert other.get(shown.target).status_code == 403


def test_a_picture_that_is_taken_down(shown: OwnPicture):
    shown.allow(shown.viewer)
    body = {"reason": "a court said so", "file_id": shown.id}
    assert shown.admin.post("/api/admin/takedowns", json=body).status_code == 201
    assert shown.viewer.get(shown.target).status_code == 451


def test_a_link_that_is_taken_back(shown: OwnPicture):
    target, stranger = shown.link(), shown.client()
    shown.allow(stranger, target)
    (link,) = shown.owner.get(f"/api/files/{shown.id}/links").json()["links"]
    assert shown.owner.delete(f"/api/links/{link['id']}").status_code == 204
    assert stranger.get(target).status_code in (403, 410)


def test_links_that_are_taken_back_with_their_file_or_account(shown: OwnPicture):
    stranger = shown.client()
    for way in (f"/api/files/{shown.id}/links", "/api/links"):
        target = shown.link()
        shown.allow(stranger, target)
        assert shown.owner.delete(way).status_code == 200
        assert stranger.get(target).status_code in (403, 410)


def test_a_link_whose_maker_is_disabled(shown: OwnPicture):
    target, stranger = shown.link(), shown.client()
    shown.allow(stranger, target)
    shown.admin.patch("/api/admin/accounts/owner", json={"disabled": True})
    assert stranger.get(target).status_code in (403, 410)


def test_a_link_that_was_made_with_a_key_which_is_revoked(shown: OwnPicture):
    key_id, key = new_key(shown.owner)
    maker = shown.client(headers=bearer(key))
    made = maker.post(f"/api/files/{shown.id}/links", json={})
    target = f"{shown.target}&link={made.json()['url'].partition('link=')[2]}"
    stranger = shown.client()
    shown.allow(stranger, target)
    assert shown.owner.delete(f"/api/keys/{key_id}").status_code == 204
    assert stranger.get(target).status_code in (403, 410)


def test_a_link_for_so_many_uses_is_asked_for_each_time(shown: OwnPicture):
    target, stranger = shown.link(max_uses=3), shown.client()
    assert [stranger.get(target).status_code for _ in range(4)] == [200, 200, 200, 410]
    assert shown.given == []


def test_an_account_that_is_banned(shown: OwnPicture):
    shown.allow(shown.viewer)
    ban = {"account": "viewer", "reason": "noise"}
    made = shown.admin.post("/api/admin/bans", json=ban)
    assert made.status_code == 201, made.text
    statuses = [shown.viewer.get(shown.target).status_code]
    while statuses[-1] == 200:  # who is banned is read soon, by all ways in
        statuses.append(shown.viewer.get(shown.target).status_code)
    assert statuses[-1] == 403


def test_a_network_that_is_banned(shown: OwnPicture):
    shown.allow(shown.viewer)
    ban = {"network": "127.0.0.0/8", "reason": "noise"}
    made = shown.admin.post("/api/admin/bans", json=ban)
    assert made.status_code == 201, made.text
    statuses = [shown.viewer.get(shown.target).status_code]
    while statuses[-1] == 200:
        statuses.append(shown.viewer.get(shown.target).status_code)
    assert statuses[-1] == 403


# When it ends, what it costs, and what is written down


def test_a_credential_lasts_as_long_as_it_says(shown: OwnPicture):
    """What is kept ends with the first of what allowed it: here within a second, to the second."""
    ends_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    _, key = new_key(shown.viewer, expires_at=ends_at.isoformat())
    services = shown.server.application.services
    principal = shown.server.run(services.access.authenticator.authenticate(f"Bearer {key}", None))
    assert principal.lasts_until == ends_at
    cookie = shown.browser(key).cookies["cimaise_session"]
    session = shown.server.run(services.access.authenticator.authenticate(None, cookie))
    assert session.lasts_until is not None
    assert session.lasts_until > datetime.now(UTC)


def test_rates_of_an_account_count(tmp_path: Path):
    def few(settings: Settings) -> Settings:
        limits = replace(settings.limits, exempt=(), account_pictures=Allowance(8, 3600.0))
        return replace(settings, limits=limits)

    with own_picture(tmp_path / "data", few) as shown:
        statuses = [shown.viewer.get(shown.target).status_code for _ in range(10)]
        assert statuses == [200] * 8 + [429] * 2
        assert len(shown.given) >= 5


def test_behind_a_proxy_an_account_is_counted_as_well(tmp_path: Path):
    def few(settings: Settings) -> Settings:
        return replace(settings, limits=replace(settings.limits, account_pictures=Allowance(8, 3600.0)))  # fmt: skip

    with own_picture(tmp_path / "data", few) as shown:
        headers = {"X-Forwarded-For": "203.0.113.9"}
        statuses = [shown.viewer.get(shown.target, headers=headers).status_code for _ in range(10)]
        assert statuses == [200] * 8 + [429] * 2
        assert len(shown.given) >= 5


def test_what_is_given_is_counted_for_the_account(shown: OwnPicture):
    size = len(shown.allow(shown.viewer).content)
    services = shown.server.application.services
    shown.server.run(services.operation.usage.flush())
    before = _sent(shown)
    shown.viewer.get(shown.target)
    shown.server.run(_settle(shown))
    assert _sent(shown) - before >= size


async def _settle(shown: OwnPicture) -> None:
    services = shown.server.application.services
    services.operation.at_once.settle()
    await services.operation.usage.flush()


def _sent(shown: OwnPicture) -> int:
    services = shown.server.application.services
    viewer = shown.viewer.get("/api/me").json()["id"]
    rows = shown.server.run(
        services.database.read(
            lambda connection: connection.execute(
                select(usage_counts).where(usage_counts.c.account_id == viewer)
            ).all()
        )
    )
    return sum(row.amount for row in rows if row.measure == "sent_bytes")

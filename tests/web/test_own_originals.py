"""A private file is sent again to whoever was allowed a moment ago, until that is taken back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from cimaise.settings import Settings
from tests.kit.ready_originals import BODY, Shown, shown_original


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    with shown_original(tmp_path / "data", monkeypatch, visibility="private") as made:
        yield made


def viewer(shown: Shown, name: str = "viewer") -> httpx2.Client:
    """A member of the collection."""
    person = shown.server.person(name)
    role = {"role": "viewer"}
    set_ = shown.owner.put(f"/api/collections/shown/members/{name}", json=role)
    assert set_.status_code in (200, 204), set_.text
    return shown.client(person)


def link(shown: Shown, **terms: object) -> str:
    made = shown.owner.post(f"/api/files/{shown.id}/links", json=terms)
    assert made.status_code == 201, made.text
    return f"{shown.path}?link={made.json()['url'].partition('link=')[2]}"


def test_it_is_the_applications_own_answer(shown: Shown):
    client, headers = viewer(shown), {"Range": "bytes=7-19"}
    first = client.get(shown.path, headers=headers)
    again = shown.warm(client, headers=headers)
    ours = {"date", "x-request-id"}
    assert again.content == first.content == BODY[7:20]
    assert "private" in again.headers["cache-control"]
    assert {name: text for name, text in again.headers.items() if name not in ours} == {
        name: text for name, text in first.headers.items() if name not in ours
    }


def test_nobody_else_has_it(shown: Shown):
    shown.warm(viewer(shown))
    assert shown.stranger.get(shown.path).status_code == 401
    assert shown.client(shown.server.person("other")).get(shown.path).status_code == 403


def test_a_member_who_is_one_no_more_is_refused_at_once(shown: Shown):
    client = viewer(shown)
    shown.warm(client)
    assert shown.owner.delete("/api/collections/shown/members/viewer").status_code == 204
    assert client.get(shown.path).status_code == 403


def test_a_link_that_is_taken_back_is_refused_at_once(shown: Shown):
    path = link(shown)
    shown.warm(shown.stranger, path)
    assert shown.owner.delete(f"/api/files/{shown.id}/links").status_code == 200
    assert shown.stranger.get(path).status_code in (403, 410)


def test_a_link_for_so_many_uses_is_asked_for_each_of_them(shown: Shown):
    path = link(shown, max_uses=2)
    codes = [shown.stranger.get(path).status_code for _ in range(3)]
    assert codes == [200, 200, 410]
    assert not shown.given


def test_a_key_that_is_revoked_is_refused_at_once(shown: Shown):
    made = shown.owner.post("/api/keys", json={"name": "more"}).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    shown.warm(shown.stranger, headers=headers)
    assert shown.owner.delete(f"/api/keys/{made['id']}").status_code == 204
    assert shown.stranger.get(shown.path, headers=headers).status_code == 401


def test_the_account_is_charged(shown: Shown):
    client = viewer(shown)
    account_id = client.get("/api/me").json()["id"]
    before, asked = read_by(shown, client, account_id), 0
    while len(shown.given) < 3:
        assert client.get(shown.path, headers={"Range": "bytes=0-99"}).status_code == 206
        asked += 1
    assert read_by(shown, client, account_id) - before == 100 * asked


def read_by(shown: Shown, client: httpx2.Client, account_id: str) -> int:
    client.get("/healthz")  # on the same connection: what was before it is over
    found = shown.owner.get("/api/admin/delivery").json()["readers"]
    return sum(one["bytes"] for one in found if one["id"] == account_id)


def test_an_account_whose_transfers_are_limited_goes_the_whole_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def limited(settings: Settings) -> Settings:
        return replace(settings, delivery=replace(settings.delivery, account_requests=2))

    with shown_original(tmp_path / "data", monkeypatch, limited, "private") as shown:
        client = viewer(shown)
        codes = [client.get(shown.path).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        assert not shown.given

"""A file that was sent a moment ago is sent again by the connection, as the application would."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from cimaise.access.policy import Role
from cimaise.database.schema import files
from cimaise.settings import Settings
from cimaise.settings.rate import Allowance
from tests.kit.ready_originals import BODY, Shown, shown_original

OURS = {"date", "x-request-id"}


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    with shown_original(tmp_path / "data", monkeypatch) as made:
        yield made


def plain(answer: httpx2.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: text for name, text in answer.headers.items() if name not in OURS}
    return answer.status_code, headers, answer.content


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Range": "bytes=0-0"},
        {"Range": "bytes=1000-200000"},
        {"Range": "bytes=299999-"},
        {"Range": "bytes=5-999999999"},
        {"Range": "bytes=5-9", "If-Range": "ETAG"},
        {"If-None-Match": "ETAG"},
        {"If-None-Match": '"another"'},
        {"If-None-Match": "ETAG", "Range": "bytes=5-9"},
        {"X-Request-Id": "from-the-proxy-1"},
    ],
)
def test_the_usual_requests_are_answered_as_the_application_does(
    shown: Shown, headers: dict[str, str]
):
    etag = shown.stranger.head(shown.path).headers["etag"]
    headers = {name: text.replace("ETAG", etag) for name, text in headers.items()}
    services = shown.server.application.services
    services.delivery.open_files.close()
    begun = len(shown.given)
    first = shown.stranger.get(shown.path, headers=headers)
    assert len(shown.given) == begun
    shown.warm(shown.stranger)
    begun = len(shown.given)
    again = shown.stranger.get(shown.path, headers=headers)
    assert len(shown.given) == begun + 1
    assert plain(again) == plain(first)
    assert again.headers["x-content-type-options"] == "nosniff"
    if "X-Request-Id" in headers:
        assert again.headers["x-request-id"] == headers["X-Request-Id"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=-5"},
        {"Range": "bytes=0-1,5-6"},
        {"Range": "bytes=300000-"},
        {"Range": "bytes=9-5"},
        {"Range": "lines=1-5"},
        {"Range": "bytes=5-9", "If-Range": '"another"'},
        {"Range": "bytes=5-9", "If-Range": "Mon, 09 Mar 2026 10:11:12 GMT"},
        {"If-Match": "*"},
        {"If-Modified-Since": "Mon, 09 Mar 2026 10:11:12 GMT"},
        {"If-Unmodified-Since": "Mon, 09 Mar 2026 10:11:12 GMT"},
        {"If-None-Match": 'W/"another"'},
        {"If-None-Match": '"one", "two"'},
        {"X-Request-Id": "no good"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Host": "elsewhere.test"},
        {"Authorization": "Bearer nobody"},
        {"Cookie": "cimaise_session=nobody"},
    ],
)
def test_whatever_else_could_matter_is_the_applications(shown: Shown, headers: dict[str, str]):
    assert not shown.is_given(shown.stranger, headers)


def test_other_methods_and_other_targets_are_the_applications(shown: Shown):
    shown.warm(shown.stranger)
    before = len(shown.given)
    assert shown.stranger.head(shown.path).status_code == 200
    assert shown.stranger.post(shown.path).status_code == 405
    assert shown.stranger.get(f"{shown.path}?download=1").status_code == 200
    assert shown.stranger.get(f"/images/{shown.id}/original").status_code == 200
    assert len(shown.given) == before


def test_a_deleted_file_is_gone_at_once(shown: Shown):
    shown.warm(shown.stranger)
    assert shown.owner.delete(f"/api/files/{shown.id}").status_code == 204
    assert shown.stranger.get(shown.path).status_code == 404


def test_a_file_made_private_is_private_at_once(shown: Shown):
    shown.warm(shown.stranger)
    changed = shown.owner.patch(f"/api/files/{shown.id}", json={"visibility": "private"})
    assert changed.status_code == 200, changed.text
    assert shown.stranger.get(shown.path).status_code == 401


def test_a_collection_made_private_takes_its_files_along(shown: Shown):
    shown.warm(shown.stranger)
    changed = shown.owner.patch("/api/collections/shown", json={"visibility": "private"})
    assert changed.status_code == 200, changed.text
    assert shown.stranger.get(shown.path, headers={"Range": "bytes=0-9"}).status_code == 401


def test_a_file_that_is_taken_down_is_gone_at_once(shown: Shown):
    shown.warm(shown.stranger)
    taken = shown.owner.post(
        "/api/admin/takedowns", json={"file_id": shown.id, "reason": "a court said so"}
    )
    assert taken.status_code == 201, taken.text
    assert shown.stranger.get(shown.path).status_code == 451


def test_nobody_has_it_longer_than_its_time(shown: Shown):
    shown.warm(shown.stranger)
    shown.server.application.services.delivery.open_files._clock = lambda: 2.0
    before = len(shown.given)
    assert shown.stranger.get(shown.path).content == BODY
    assert len(shown.given) == before


def test_what_is_sent_is_counted_as_always(shown: Shown):
    shown.warm(shown.stranger)
    admin = shown.client(shown.server.person("root", Role.ADMIN))
    before = counted(shown, admin)
    firefox = {"User-Agent": "Mozilla/5.0 Firefox/140.0"}
    begun = len(shown.given)
    shown.stranger.get(shown.path, headers=firefox)
    shown.stranger.get(shown.path, headers={"Range": "bytes=10-19", "User-Agent": "curl/8"})
    etag = shown.stranger.get(shown.path, headers={"Range": "bytes=0-9"} | firefox).headers["etag"]
    assert shown.stranger.get(shown.path, headers={"If-None-Match": etag}).status_code == 304
    assert len(shown.given) == begun + 4
    after = counted(shown, admin)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    sent = len(BODY) + 20
    assert grown == {
        "bytes of the file": sent, "transfers of the file": 3, "bytes of the owner": sent,
        "bytes of guests": sent, "by browser": 2, "by script": 1, "downloads": 2, "requests": 4,
        "bytes of the route": sent,
    }  # fmt: skip


def counted(shown: Shown, admin: httpx2.Client) -> dict[str, float]:
    """What was written down so far of everything that counts a transfer."""
    shown.stranger.get("/healthz")  # on the same connection: what was before it is over
    services = shown.server.application.services
    found = admin.get("/api/admin/delivery").json()
    kinds = {one["id"]: one["requests"] for one in found["visitors"]}
    column = select(files.c.download_count).where(files.c.id == shown.id)
    downloads = shown.server.run(
        services.database.read(lambda connection: connection.execute(column).scalar_one())
    )
    sums = {"requests_total": 0.0, "sent_bytes_total": 0.0}
    for line in admin.get("/metrics").text.splitlines():
        name = line.partition("{")[0].removeprefix("cimaise_")
        if name in sums and 'route="/files/{id}"' in line:
            sums[name] += float(line.rpartition(" ")[2])
    return {
        "bytes of the file": found["files"][0]["bytes"],
        "transfers of the file": found["files"][0]["requests"],
        "bytes of the owner": found["owners"][0]["bytes"],
        "bytes of guests": next(one["bytes"] for one in found["readers"] if one["id"] == ""),
        "by browser": kinds.get("browser", 0),
        "by script": kinds.get("script", 0),
        "downloads": downloads,
        "requests": sums["requests_total"],
        "bytes of the route": sums["sent_bytes_total"],
    }


def counts_everybody(settings: Settings) -> Settings:
    limits = replace(settings.limits, exempt=(), address_reads=Allowance(20, 3600.0))
    return replace(settings, limits=limits)


def test_rates_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with shown_original(tmp_path / "data", monkeypatch, counts_everybody) as shown:
        headers = {"Range": "bytes=0-9"}
        codes = [shown.stranger.get(shown.path, headers=headers).status_code for _ in range(30)]
        shown.server.run(shown.server.application.services.operation.limiter.settled())
        assert codes[0] == 206
        assert shown.stranger.get(shown.path).status_code == 429
        assert shown.given


def guards(settings: Settings) -> Settings:
    delivery = replace(settings.delivery, referrers=("friend.example",), refuse_crawlers=True)
    return replace(settings, delivery=delivery)


def test_rules_about_who_embeds_and_collects_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with shown_original(tmp_path / "data", monkeypatch, guards) as shown:
        shown.warm(shown.stranger)
        for headers, code in (
            ({"Referer": "https://thief.test/"}, "hotlink"),
            ({"User-Agent": "GPTBot/1.2"}, "crawler"),
        ):
            refused = shown.stranger.get(shown.path, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, code)
        assert shown.is_given(shown.stranger, {"Referer": "https://friend.example/page"})


@pytest.mark.parametrize("name", ["address_requests", "address_at_once"])
def test_transfers_that_are_limited_go_the_whole_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    def limited(settings: Settings) -> Settings:
        delivery = settings.delivery
        if name == "address_requests":
            return replace(settings, delivery=replace(delivery, address_requests=3))
        return replace(settings, delivery=replace(delivery, address_at_once=3))

    with shown_original(tmp_path / "data", monkeypatch, limited) as shown:
        codes = [shown.stranger.get(shown.path).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429 if name == "address_requests" else 200]
        assert not shown.given


def test_a_file_that_lost_its_bytes_is_never_a_whole_one(shown: Shown):
    shown.warm(shown.stranger)
    (file,) = (shown.server.application.settings.data.dir / "objects").rglob("*/*/*")
    os.truncate(file, 1000)
    with pytest.raises(httpx2.RemoteProtocolError):
        shown.stranger.get(shown.path)
    assert shown.ended[-1].outcome == "broken"
    assert shown.stranger.get(shown.path, headers={"Range": "bytes=0-9"}).content == BODY[:10]


def test_requests_behind_each_other_are_answered_in_their_order(shown: Shown):
    shown.warm(shown.stranger)
    host = shown.server.url.removeprefix("http://")
    ask = f"GET {shown.path} HTTP/1.1\r\nHost: {host}\r\n"
    ranges = "".join(f"{ask}Range: bytes={at}-{at + 99_999}\r\n\r\n" for at in (0, 100_000))
    last = f"{ask}Range: bytes=200000-\r\nConnection: close\r\n\r\n"
    before = len(shown.given)
    port = int(host.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall((ranges + last).encode())
        said = b""
        while chunk := connection.recv(65_536):
            said += chunk
    bodies = [part.partition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 206 ")[1:]]
    assert b"".join(bodies) == BODY
    assert len(shown.given) == before + 3


def test_nothing_stays_open_when_the_server_has_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def opened() -> set[str]:
        descriptors = list(Path("/proc/self/fd").iterdir())
        return {str(one.readlink()) for one in descriptors if one.is_symlink()}

    with shown_original(tmp_path / "data", monkeypatch) as shown:
        shown.warm(shown.stranger)
        assert any("/objects/" in name for name in opened())
    assert not any(str(tmp_path) in name for name in opened())

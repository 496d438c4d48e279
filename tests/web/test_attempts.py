"""Uploads that come to nothing, over HTTP and through every door: 429, and when to come again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from cimaise.settings import Settings
from tests.kit.application import RunningApplication, running_application

LIMIT = 3
BODY = b"hello, this is a text"


def few(settings: Settings) -> Settings:
    return replace(settings, quota=replace(settings.quota, failed_uploads_an_hour=LIMIT))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApplication]:
    folder: Path = tmp_path_factory.mktemp("attempts")
    with running_application(folder, few) as running:
        yield running


def direct(client: httpx2.Client) -> httpx2.Response:
    intent = {"collection": "inbox", "filename": "a.txt", "size": len(BODY)}
    answer = client.post("/api/uploads", json=intent)
    if answer.status_code == 201:
        client.delete(f"/api/uploads/{answer.json()['id']}").raise_for_status()
    return answer


def begun(client: httpx2.Client) -> httpx2.Response:
    """In parts: so the storage has to begin it."""
    intent = {
        "collection": "inbox",
        "filename": "a.txt",
        "size": len(BODY),
        "strategy": "multipart",
    }
    return client.post("/api/uploads", json=intent)


def raw(client: httpx2.Client) -> httpx2.Response:
    return client.put("/api/collections/inbox/files/a.png", content=BODY)  # no picture


def form(client: httpx2.Client) -> httpx2.Response:
    chosen = {"file": ("a.png", BODY)}
    return client.post("/upload", data={"collection": "inbox"}, files=chosen)


def tus(client: httpx2.Client) -> httpx2.Response:
    metadata = "collection aW5ib3g=,filename YS50eHQ="
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "20", "Upload-Metadata": metadata}
    answer = client.post("/tus/", headers=headers)
    if answer.status_code == 201:
        client.delete(answer.headers["location"], headers={"Tus-Resumable": "1.0.0"})
    return answer


def companion(client: httpx2.Client) -> httpx2.Response:
    intent = {"filename": "a.txt", "type": "text/plain", "metadata": {"collection": "inbox"}}
    answer = client.post("/companion/s3/multipart", json=intent)
    if answer.status_code == 200:
        sent = answer.json()
        client.delete(f"/companion/s3/multipart/{sent['uploadId']}", params={"key": sent["key"]})
    return answer


@pytest.mark.parametrize("door", [direct, raw, form, tus, companion])
def test_after_so_many_failures_a_door_asks_to_wait(
    server: RunningApplication, door: Callable[[httpx2.Client], httpx2.Response]
):
    with server.client(server.person(f"ann-{door.__name__}")) as client:
        assert [door(client).status_code for _ in range(LIMIT)] != [429] * LIMIT
        refused = door(client)
        assert refused.status_code == 429, refused.text
        assert refused.json()["code"] == "too_many"
        assert 0 < int(refused.headers["retry-after"]) < 7200
        assert client.get("/api/me").json()["quota"]["total_used"] == 0


def test_who_succeeds_is_never_asked_to_wait(server: RunningApplication):
    with server.client(server.person("bob")) as client:
        for _ in range(3 * LIMIT):
            done = client.put("/api/collections/inbox/files/a.txt", content=BODY)
            assert done.status_code == 201


@pytest.mark.parametrize("door", [begun, raw, form, tus, companion])
def test_what_fails_because_the_storage_does_is_nobody_s_attempt(
    server: RunningApplication, door: Callable[[httpx2.Client], httpx2.Response]
):
    dir_ = server.application.settings.data.dir
    away = [(dir_ / name, dir_ / f"{name}-away") for name in ("tmp", "multipart")]
    with server.client(server.person(f"eve-{door.__name__}")) as client:
        for there, elsewhere in away:
            there.rename(elsewhere)
        try:
            statuses = [door(client).status_code for _ in range(2 * LIMIT)]
        finally:
            for there, elsewhere in away:
                elsewhere.rename(there)
        assert statuses == [503] * (2 * LIMIT)
        done = client.put("/api/collections/inbox/files/a.txt", content=BODY)
        assert done.status_code == 201, done.text
        assert client.get("/api/me").json()["quota"]["total_used"] == len(BODY)

"""PostgreSQL dies under a running server, and comes back: 503, nothing lost, no restart."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.kit.application import TLS
from tests.kit.backends import left_out
from tests.kit.pictures import quadrants
from tests.kit.postgres import ABSENT, PostgresServer, binaries, running_postgres
from tests.kit.server_process import ServerProcess, prepare_data, server_process

pytestmark = pytest.mark.slow
LIMIT_S = 40
PICTURE = bytes(quadrants(600, 400).jpegsave_buffer())


@pytest.fixture
def mortal() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the test's own, which it may stop and start."""
    if binaries() is None:
        left_out(ABSENT)
    with running_postgres(keeps=True) as server:
        server.run("create database cimaise")
        yield server


class Site:
    """A server on that database, and clients of it."""

    def __init__(self, process: ServerProcess, key: str) -> None:
        options: dict[str, Any] = {"base_url": process.url, "timeout": 30, "verify": TLS}
        self.ann = httpx2.Client(headers={"Authorization": f"Bearer {key}"}, **options)
        self.guest = httpx2.Client(**options)

    def close(self) -> None:
        self.ann.close()
        self.guest.close()

    def put(self, name: str, body: bytes) -> httpx2.Response:
        return self.ann.put(f"/api/collections/wall/files/{name}", content=body)

    def wait(self, what: Callable[[], bool]) -> None:
        started = time.monotonic()
        while not what():
            assert time.monotonic() - started < LIMIT_S


@pytest.fixture
def site(mortal: PostgresServer, tmp_path: Path) -> Iterator[Site]:
    environment = {
        "CIMAISE_DATABASE_URL": mortal.url("cimaise"),
        "CIMAISE_DATABASE_WAIT": "2s",
        "CIMAISE_LOG_FORMAT": "json",
    }
    key = prepare_data(tmp_path, environment, "wall")
    with server_process(tmp_path, environment) as process:
        opened = Site(process, key)
        changed = opened.ann.patch("/api/collections/wall", json={"visibility": "public"})
        assert changed.status_code == 200
        yield opened
        opened.close()


def is_away(answer: httpx2.Response) -> bool:
    body = answer.json()
    return (
        answer.status_code == 503
        and set(body) == {"error", "code", "request_id"}
        and body["code"] in ("unavailable", "busy")
        and int(answer.headers["retry-after"]) >= 1
    )


def test_the_database_dies_and_comes_back_and_nothing_is_lost(mortal: PostgresServer, site: Site):
    picture = site.put("a.jpg", PICTURE).raise_for_status().json()["id"]
    begun = site.ann.post(
        "/api/uploads", json={"collection": "wall", "filename": "b.jpg", "size": len(PICTURE)}
    ).json()
    small = site.guest.get(f"/images/{picture}?width=480").raise_for_status().content
    mortal.stop()

    assert is_away(site.ann.get("/api/me"))
    assert is_away(site.ann.get("/api/me"))  # no connection of the dead server is used again
    assert is_away(site.put("c.txt", b"not taken"))
    assert is_away(site.ann.post("/api/uploads", json={"collection": "wall", "filename": "d", "size": 1}))  # fmt: skip
    page = site.guest.get("/gallery/wall", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert int(page.headers["retry-after"]) >= 1
    assert "request_id" not in page.text
    assert site.guest.get(f"/images/{picture}?width=480").content == small
    assert site.guest.get("/healthz").status_code == 200
    ready = site.guest.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unavailable")
    assert "requests_total" in site.guest.get("/metrics").text

    mortal.start()
    site.wait(lambda: site.guest.get("/readyz").status_code == 200)
    assert site.ann.get("/api/me").json()["quota"]["total_used"] == 2 * len(PICTURE)
    assert site.ann.put(begun["url"], content=PICTURE, headers=begun["headers"]).status_code == 200
    done = site.ann.post(f"/api/uploads/{begun['id']}/complete", json={}).json()
    assert done["state"] == "uploaded"
    assert site.put("c.txt", b"taken now").status_code == 201
    names = [
        file["filename"] for file in site.ann.get("/api/collections/wall/files").json()["files"]
    ]
    assert sorted(names) == ["a.jpg", "c.txt"]


def test_jobs_pause_meanwhile_and_go_on_by_themselves(mortal: PostgresServer, site: Site):
    admin_is_told = site.guest.get("/metrics").text
    assert "cimaise_job_runs_total" in admin_is_told

    def failed() -> bool:
        return 'job="events",outcome="failed"' in site.guest.get("/metrics").text

    def done() -> float:
        lines = site.guest.get("/metrics").text.splitlines()
        return sum(
            float(line.split()[-1])
            for line in lines
            if line.startswith('cimaise_job_runs_total{job="events",outcome="done"')
        )

    site.wait(lambda: done() > 0)
    mortal.stop()
    site.wait(failed)
    mortal.start()
    before = done()
    site.wait(lambda: done() > before)


def test_a_statement_that_hangs_ends_and_gives_its_connection_back(
    mortal: PostgresServer, site: Site
):
    """Somebody else's lock: the request is answered in time, and the next one is served."""
    import psycopg  # noqa: PLC0415

    with psycopg.connect(f"host={mortal.socket_dir} user=test dbname=cimaise") as other:
        other.execute("lock table collections in access exclusive mode")
        assert is_away(site.ann.get("/api/collections/wall"))
    site.wait(lambda: site.ann.get("/api/collections/wall").status_code == 200)

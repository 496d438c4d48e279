"""What caches must forget reaches them: after failures, in batches, and never lost."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from sqlalchemy import select

from cimaise.database.engine import Database
from cimaise.database.schema import purges
from cimaise.delivery.purgers.table import PURGERS
from cimaise.delivery.purging import KEPT, Cache, send_purges
from cimaise.delivery.shared_caches import SharedCaches
from cimaise.errors import UpstreamFailed
from cimaise.library.tags import collection_tag, file_tag, note_purge
from cimaise.settings.sections import knobs
from tests.conftest import StandingClock


@dataclass
class Recorder:
    """A cache's door: keeps what it was sent, and answers with the statuses it was told to."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): text for name, text in request.headers.items()}
        self.requests.append((request.method, headers, await request.text()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    recorder = Recorder()
    application = web.Application()
    application.router.add_route("*", "/purge", recorder.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    recorder.url = f"http://127.0.0.1:{runner.addresses[0][1]}/purge"
    yield recorder
    await runner.cleanup()


async def note(database: Database, clock: StandingClock, *tags: str) -> None:
    await database.write(lambda connection: note_purge(connection, tags, now=clock()))


async def waiting(database: Database) -> list[tuple[str, int, str | None]]:
    statement = select(purges.c.tag, purges.c.attempts, purges.c.last_error).order_by(purges.c.tag)
    rows = await database.read(lambda connection: list(connection.execute(statement)))
    return [(row.tag, row.attempts, row.last_error) for row in rows]


def cache(recorder: Recorder, kind: str = "webhook", token: str = "secret") -> Cache:
    return Cache(PURGERS[kind], recorder.url, token)


async def test_every_product_is_told_in_its_own_words(
    database: Database, clock: StandingClock, recorder: Recorder
):
    for kind in PURGERS:
        await note(database, clock, file_tag("one"), collection_tag("two"))
        assert await send_purges(database, cache(recorder, kind), clock()) == 2
    sent = dict(zip(PURGERS, recorder.requests, strict=True))
    tags = "collection-two file-one"
    method, headers, _ = sent["varnish"]
    assert (method, headers["xkey-purge"], headers["x-purge-token"]) == ("PURGE", tags, "secret")
    method, headers, _ = sent["fastly"]
    assert (method, headers["surrogate-key"], headers["fastly-key"]) == ("POST", tags, "secret")
    for kind in ("cloudflare", "webhook"):
        method, headers, body = sent[kind]
        assert (method, headers["authorization"]) == ("POST", "Bearer secret")
        assert json.loads(body) == {"tags": tags.split()}
    assert await waiting(database) == []


async def test_a_purge_that_fails_is_sent_again_later_and_later(
    database: Database, clock: StandingClock, recorder: Recorder
):
    recorder.statuses = [500, 403, 302, 200]
    await note(database, clock, file_tag("one"))
    for attempt, pause_s in ((1, 5), (2, 10), (3, 20)):
        with pytest.raises(UpstreamFailed):
            await send_purges(database, cache(recorder), clock())
        ((_, attempts, error),) = await waiting(database)
        assert (attempts, error is None) == (attempt, False)
        clock.advance(pause_s - 1)
        assert await send_purges(database, cache(recorder), clock()) == 0
        assert len(recorder.requests) == attempt
        clock.advance(1)
    assert await send_purges(database, cache(recorder), clock()) == 1
    assert await waiting(database) == []
    assert len(recorder.requests) == 4


async def test_a_cache_that_is_away_loses_nothing(database: Database, clock: StandingClock):
    nowhere = Cache(PURGERS["webhook"], "http://127.0.0.1:9/", "")
    await note(database, clock, file_tag("one"))
    with pytest.raises(UpstreamFailed):
        await send_purges(database, nowhere, clock())
    assert [tag for tag, *_ in await waiting(database)] == ["file-one"]


async def test_many_tags_go_in_batches_of_what_the_product_takes(
    database: Database, clock: StandingClock, recorder: Recorder
):
    await note(database, clock, *(file_tag(str(number)) for number in range(70)))
    assert await send_purges(database, cache(recorder, "cloudflare"), clock()) == 70
    sizes = [len(json.loads(body)["tags"]) for _, _, body in recorder.requests]
    assert sizes == [30, 30, 10]


async def test_what_no_cache_can_have_any_more_is_dropped(
    database: Database, clock: StandingClock, recorder: Recorder
):
    await note(database, clock, file_tag("old"))
    clock.advance(KEPT.total_seconds() + 1)
    await note(database, clock, file_tag("new"))
    assert await send_purges(database, cache(recorder), clock()) == 1
    assert json.loads(recorder.requests[0][2]) == {"tags": ["file-new"]}


async def test_without_a_cache_nothing_piles_up(database: Database, clock: StandingClock):
    await note(database, clock, file_tag("one"))
    assert await send_purges(database, None, clock()) == 0
    assert await waiting(database) == []


async def test_a_change_that_is_rolled_back_asks_for_no_purge(
    database: Database, clock: StandingClock
):
    def fails(connection: object) -> None:
        note_purge(connection, [file_tag("one")], now=clock())  # type: ignore[arg-type]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.write(fails)
    assert await waiting(database) == []


def test_only_what_is_public_is_kept_by_caches_in_front():
    for kind, purger in PURGERS.items():
        caches = SharedCaches(purger, 86_400)
        public = dict(caches.headers(is_public=True, tags=["file-a", "collection-b"]))
        assert public.pop("cdn-cache-control") == (
            "public, max-age=86400, stale-while-revalidate=60"
        )
        ((name, tags),) = public.items()
        assert {"varnish": "xkey", "cloudflare": "cache-tag"}.get(kind, "surrogate-key") == name
        assert tags.replace(",", " ").split() == ["file-a", "collection-b"]
        private = dict(caches.headers(is_public=False, tags=["file-a"]))
        assert private == {"cdn-cache-control": "no-store"}
    assert SharedCaches().headers(is_public=True, tags=["file-a"]) == ()


def test_the_setting_names_every_product_and_no_other():
    choices = {
        (section, name): knob.choices for section, name, knob, _ in knobs() if section == "cdn"
    }
    assert set(choices["cdn", "kind"]) == {"", *PURGERS}

import asyncio
import threading
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from cimaise.errors import (
    Malformed,
    NotFound,
    TypeNotAllowed,
    Unavailable,
    UpstreamFailed,
)
from cimaise.images.keeping.cache import Cache
from cimaise.images.keeping.entry import make_etag
from cimaise.images.keeping.flights import Flights
from cimaise.images.keeping.kept import Kept
from cimaise.images.lanes import Lanes
from cimaise.images.limits import RenderLimits
from cimaise.images.pipeline import Rendered, render
from cimaise.images.remote.fetching import Remote
from cimaise.images.spec import SpecLimits, parse_spec
from cimaise.images.variants import Variants
from tests.kit.picture_server import reply
from tests.kit.pictures import corner_names, decoded

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


def spec(**params):
    return parse_spec({name: str(v) for name, v in params.items()}, limits=SpecLimits())


class Counting:
    """Renders for real, counts, and waits at a gate."""

    def __init__(self):
        self.count = 0
        self.stopped = 0
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def __call__(self, source, wanted, limits, stop) -> Rendered:
        self.count += 1
        self.begun.set()
        self.gate.wait(10)
        if stop.is_asked:
            self.stopped += 1
        return render(source, wanted, limits, stop)


@pytest.fixture
def renderer():
    return Counting()


@pytest.fixture
def ticks():
    """Seconds that only go up."""
    return [0.0]


@pytest.fixture
def build(tmp_path, certificate, renderer, clock, ticks):
    async def resolve(host, port):
        return ["127.0.0.1"] if host.endswith(".test") else ["10.0.0.1"]

    async def make(threads=2, queue=50):
        cache = Cache(tmp_path / "cache", max_bytes=10_000_000)
        await cache.start()
        return Variants(
            kept=Kept(cache),
            lanes=Lanes(threads=threads, queue=queue, costly_queue=queue),
            remote=Remote(
                allow_addresses=(ip_network("127.0.0.0/8"),),
                ca_file=str(certificate.certificate),
                resolve=resolve,
            ),
            limits=RenderLimits(),
            render=renderer,
            now=lambda: clock().timestamp(),
            ticks=lambda: ticks[0],
        )

    return make


@pytest.fixture
async def variants(build):
    made = await build()
    yield made
    await made.close()


def opener(source):
    opened = []

    @asynccontextmanager
    async def open_source():
        opened.append(1)
        yield source

    open_source.opened = opened  # type: ignore[attr-defined]
    return open_source


async def test_a_variant_is_made_once_kept_and_served_again(variants, renderer, picture):
    source = opener(picture(100, 80))
    first = await variants.of_stored("a", source, spec(width=50))
    again = await variants.of_stored("a", source, spec(width=25, dpr=2, quality=80))
    assert first == again
    assert (renderer.count, len(source.opened)) == (1, 1)
    assert (first.width, first.height, first.media_type) == (50, 40, "image/webp")
    assert first.etag == make_etag(first.body)
    assert not first.varies_by_accept
    other = await variants.of_stored("a", source, spec(width=51))
    assert other.etag != first.etag
    await variants.of_stored("b", source, spec(width=50))
    assert renderer.count == 3


async def test_a_file_on_disk_is_read_where_it_lies(variants, tmp_path, picture):
    path = tmp_path / "a.jpg"
    path.write_bytes(picture(64, 48, ".jpg"))
    made = await variants.of_stored("a", opener(path), spec(format="png"))
    assert corner_names(decoded(made.body)) == "rgwb"


async def test_kept_variants_survive_a_restart(build, renderer, picture):
    source = opener(picture())
    for _ in range(2):
        variants = await build()
        await variants.of_stored("a", source, spec(width=20))
        await variants.close()
    assert renderer.count == 1


async def test_many_who_ask_at_once_cause_one_rendering(variants, renderer, picture, wait_until):
    renderer.gate.clear()
    source = opener(picture())
    tasks = [
        asyncio.create_task(variants.of_stored("a", source, spec(width=20))) for _ in range(40)
    ]
    await wait_until(renderer.begun.is_set)
    tasks += [
        asyncio.create_task(variants.of_stored("a", source, spec(width=10, dpr=2)))
        for _ in range(10)
    ]
    renderer.gate.set()
    made = await asyncio.gather(*tasks)
    assert renderer.count == 1
    assert len({variant.etag for variant in made}) == 1


async def test_many_who_ask_for_a_remote_picture_at_once_cause_one_fetch(
    variants, renderer, picture, server
):
    server.answers["/a.png"] = reply(200, picture())
    url = server.url("/a.png")
    made = await asyncio.gather(*(variants.of_remote(url, spec(width=20)) for _ in range(30)))
    assert (renderer.count, len(server.requests)) == (1, 1)
    assert {variant.width for variant in made} == {20}


async def test_one_who_leaves_does_not_spoil_it_for_the_others(
    variants, renderer, picture, wait_until
):
    renderer.gate.clear()
    source = opener(picture())
    leaving, staying = (
        asyncio.create_task(variants.of_stored("a", source, spec(width=20))) for _ in range(2)
    )
    await wait_until(renderer.begun.is_set)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    renderer.gate.set()
    assert (await staying).width == 20
    assert (renderer.count, renderer.stopped) == (1, 0)


async def test_when_the_last_one_leaves_the_work_is_stopped(
    variants, renderer, picture, wait_until
):
    renderer.gate.clear()
    source = opener(picture())
    tasks = [asyncio.create_task(variants.of_stored("a", source, spec())) for _ in range(3)]
    await wait_until(renderer.begun.is_set)
    for task in tasks:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError)
        for end in await asyncio.gather(*tasks, return_exceptions=True)
    )
    renderer.gate.set()
    await wait_until(lambda: renderer.stopped == 1)
    assert (await variants.of_stored("a", source, spec())).width == 64
    assert renderer.count == 2


async def test_a_full_queue_is_answered_busy_and_nothing_breaks(
    build, renderer, picture, wait_until
):
    variants = await build(threads=1, queue=1)
    renderer.gate.clear()
    source = opener(picture())
    tasks = [
        asyncio.create_task(variants.of_stored("a", source, spec(width=width)))
        for width in range(10, 30)
    ]
    await wait_until(lambda: len([task for task in tasks if task.done()]) == 17)
    renderer.gate.set()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    busy = [end for end in ends if isinstance(end, Unavailable)]
    assert len(busy) == 17
    assert {end.code for end in busy} == {"busy"}
    assert (await variants.of_stored("a", source, spec(width=9))).width == 9
    await variants.close()


async def test_what_fails_is_told_to_everyone_and_tried_again(variants, renderer):
    source = opener(b"no picture")
    ends = await asyncio.gather(
        *(variants.of_stored("a", source, spec()) for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(end, TypeNotAllowed) for end in ends)
    assert renderer.count == 1
    with pytest.raises(TypeNotAllowed):
        await variants.of_stored("a", source, spec())
    assert renderer.count == 2


async def test_a_source_that_cannot_be_opened_says_why(variants):
    @asynccontextmanager
    async def absent():
        raise NotFound("gone")
        yield b""  # type: ignore[unreachable]

    with pytest.raises(NotFound):
        await variants.of_stored("a", absent, spec())


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (CHROME, "image/avif"),
        ("image/webp,*/*", "image/webp"),
        ("*/*", "image/jpeg"),
        (None, "image/jpeg"),
        ("text/html", "image/jpeg"),
        ("image/avif;q=0,image/webp", "image/webp"),
    ],
)
async def test_auto_chooses_by_accept_and_says_so(variants, picture, accept, media_type):
    made = await variants.of_stored("a", opener(picture()), spec(format="auto"), accept)
    assert made.media_type == media_type
    assert made.varies_by_accept


async def test_auto_keeps_what_is_transparent_transparent(variants, corpus):
    source = opener(corpus / "formats" / "with-alpha.png")
    made = await variants.of_stored("a", source, spec(format="auto"), "*/*")
    assert made.media_type == "image/png"


async def test_auto_keeps_what_moves_moving(variants, corpus):
    source = opener(corpus / "formats" / "rotating-squares.gif")
    made = await variants.of_stored("a", source, spec(format="auto"), CHROME)
    assert made.media_type == "image/webp"


async def test_a_remote_picture_is_made_kept_and_not_fetched_again(
    variants, renderer, picture, server
):
    server.answers["/a.png"] = reply(200, picture(100, 80))
    for url in (
        server.url("/a.png"),
        server.url("/a.png#x"),
        server.url("/a.png", "PICTURES.test"),
    ):
        made = await variants.of_remote(url, spec(width=50))
        assert (made.width, made.media_type) == (50, "image/webp")
    assert (renderer.count, len(server.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(404, b""), UpstreamFailed),
        (reply(200, b"<html>" * 9, "text/html"), TypeNotAllowed),
        (reply(200, b"\x89PNG\r\n\x1a\n" + b"x" * 99), TypeNotAllowed),
        (reply(302, b"", Location="https://private.example/"), Malformed),
    ],
)
async def test_a_remote_failure_is_remembered_for_its_time_though_the_clock_is_set_back(
    variants, server, clock, ticks, answer, error
):
    server.answers["/a"] = answer
    for width in (10, 10, 20):
        with pytest.raises(error):
            await variants.of_remote(server.url("/a"), spec(width=width))
    assert len(server.requests) == 1
    clock.advance(-86400)
    ticks[0] += 61
    with pytest.raises(error):
        await variants.of_remote(server.url("/a"), spec(width=10))
    assert len(server.requests) == 2


async def test_a_remote_picture_is_made_anew_after_its_time_and_the_old_one_serves_if_that_fails(
    variants, server, clock, ticks, picture
):
    server.answers["/a"] = reply(200, picture(100, 80))
    first = await variants.of_remote(server.url("/a"), spec())
    await variants.settled()
    clock.advance(8 * 86400)
    server.answers["/a"] = reply(500, b"")
    assert await variants.of_remote(server.url("/a"), spec()) == first
    await variants.settled()
    server.answers["/a"] = reply(200, picture(50, 40))
    ticks[0] += 61
    assert (await variants.of_remote(server.url("/a"), spec())).width == 50


async def test_a_remote_picture_that_did_not_change_is_confirmed_and_not_made_again(
    variants, renderer, server, clock, picture
):
    server.answers["/a"] = reply(200, picture(), ETag='"one"')
    first = await variants.of_remote(server.url("/a"), spec(width=20))
    await variants.settled()
    clock.advance(8 * 86400)
    server.answers["/a"] = reply(304, b"")
    assert await variants.of_remote(server.url("/a"), spec(width=20)) == first
    await variants.settled()
    assert 'If-None-Match: "one"' in server.requests[-1]
    assert await variants.of_remote(server.url("/a"), spec(width=20)) == first
    assert (renderer.count, len(server.requests)) == (1, 2)


async def test_a_server_that_knows_no_conditions_is_believed_by_the_bytes(
    variants, renderer, server, clock, picture
):
    server.answers["/a"] = reply(200, picture())
    first = await variants.of_remote(server.url("/a"), spec(width=20))
    await variants.settled()
    clock.advance(8 * 86400)
    assert await variants.of_remote(server.url("/a"), spec(width=20)) == first
    await variants.settled()
    assert (renderer.count, len(server.requests)) == (1, 2)


async def test_a_change_that_one_variant_finds_out_is_known_to_all(
    variants, renderer, server, clock, picture
):
    server.answers["/a"] = reply(200, picture(64, 48), ETag='"one"')
    for width in (20, 30):
        await variants.of_remote(server.url("/a"), spec(width=width))
    await variants.settled()
    clock.advance(8 * 86400)
    server.answers["/a"] = reply(200, picture(64, 24), ETag='"two"')
    new = [await variants.of_remote(server.url("/a"), spec(width=width)) for width in (20, 30)]
    assert [made.height for made in new] == [8, 11]
    assert renderer.count == 4


async def test_a_refused_address_is_refused_before_anything_else(variants, server):
    for url in ("http://pictures.test/a", "https://user@pictures.test/", "https://10.0.0.1/"):
        with pytest.raises(Malformed):
            await variants.of_remote(url, spec())
    assert server.requests == []


async def test_purging_removes_what_was_kept_and_what_is_being_made(
    variants, renderer, picture, wait_until
):
    source = opener(picture())
    await variants.of_stored("a", source, spec(width=20))
    await variants.purge_stored("a")
    renderer.begun.clear()
    renderer.gate.clear()
    making = asyncio.create_task(variants.of_stored("a", source, spec(width=20)))
    await wait_until(renderer.begun.is_set)
    await variants.purge_stored("a")
    renderer.gate.set()
    await making
    await variants.of_stored("a", source, spec(width=20))
    assert renderer.count == 3


async def test_a_flight_serves_who_comes_while_its_result_is_being_kept(wait_until):
    flights, computed, kept = Flights[int](), [], asyncio.Event()

    async def work(give):
        computed.append(1)
        give(len(computed))
        await kept.wait()

    assert await flights.fly("a", work) == 1
    assert await flights.fly("a", work) == 1
    kept.set()
    await flights.settled()
    assert await flights.fly("a", work) == 2
    await flights.settled()


async def test_one_flight_that_cannot_be_kept_still_serves_and_ends():
    flights = Flights[int]()

    async def work(give):
        give(7)
        raise OSError("disk")

    assert await flights.fly("a", work) == 7
    await flights.settled()


async def test_a_flight_that_is_forgotten_serves_who_waits_and_nobody_else(wait_until):
    flights, gate, computed = Flights[int](), asyncio.Event(), []

    async def work(give):
        computed.append(1)
        number = len(computed)
        await gate.wait()
        give(number)

    first = asyncio.create_task(flights.fly("a/1", work))
    await wait_until(lambda: len(computed) == 1)
    flights.forget("a/")
    second = asyncio.create_task(flights.fly("a/1", work))
    await wait_until(lambda: len(computed) == 2)
    gate.set()
    assert list(await asyncio.gather(first, second)) == [1, 2]

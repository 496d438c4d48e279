"""Variants of pictures of other servers, and purging."""

import asyncio

import pytest

from cimaise.errors import (
    Malformed,
    TypeNotAllowed,
    UpstreamFailed,
)
from cimaise.images.keeping.flights import Flights
from tests.kit.picture_server import reply
from tests.kit.variants import opener, spec


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

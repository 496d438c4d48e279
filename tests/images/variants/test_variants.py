"""Variants: made once, kept, served again."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from cimaise.errors import (
    NotFound,
    TypeNotAllowed,
    Unavailable,
)
from cimaise.images.keeping.entry import make_etag
from tests.kit.picture_server import reply
from tests.kit.pictures import corner_names, decoded
from tests.kit.variants import CHROME, opener, spec


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

"""Files made to do harm: a picture or a clear refusal, within bounds, and everybody else goes on."""

import asyncio
import random
from pathlib import Path

import pytest

from cimaise.errors import CimaiseError, Invalid, TypeNotAllowed
from cimaise.images.limits import RenderLimits
from cimaise.images.pipeline import render
from cimaise.images.spec import ImageSpec
from cimaise.images.workers import Workers
from tests.kit.pictures import animation, guarded_codec, make, quadrants

SEED = 20261127
MUTATIONS = 30
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='30'><rect width='9' height='9'/></svg>"


def seeds(corpus: Path | None) -> list[bytes]:
    """Small files of every format: made ones, and real ones where there are any."""
    made = [
        bytes(quadrants(60, 40).write_to_buffer(suffix, **options))
        for suffix, options in (
            (".jpg", {}),
            (".jpg", {"interlace": True}),
            (".png", {}),
            (".png", {"interlace": True}),
            (".webp", {}),
            (".webp", {"lossless": True}),
            (".tif", {"compression": "deflate"}),
            (".gif", {}),
            (".avif", {}),
        )
    ]
    moving = [animation(3, suffix=suffix) for suffix in (".gif", ".webp")]
    encoded = [make(made[0], format="jxl").body]
    if corpus is None:
        return [*made, *moving, *encoded, SVG]
    names = ("relax.jp2", "p3.png", "5_webp_a.webp", "check.svg", "uncompressed_tiff.tiff")
    real = [(corpus / "formats" / name).read_bytes() for name in names]
    return [*made, *moving, *encoded, SVG, *real]


def mutated(source: bytes, dice: random.Random) -> bytes:
    """Some bytes changed, left out, doubled or cut off; the beginning more often than the rest."""
    content = bytearray(source)
    for _ in range(dice.randint(1, 4)):
        most = min(len(content), 200) if dice.random() < 0.5 else len(content)
        at = dice.randrange(max(1, most))
        match dice.randrange(5):
            case 0:
                content[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                content[at : at + 4] = dice.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
            case 2:
                del content[at : at + dice.randint(1, 20)]
            case 3:
                content[at:at] = content[at : at + dice.randint(1, 50)]
            case _:
                content = content[: max(16, len(content) - dice.randint(1, 100))]
    return bytes(content)


@pytest.mark.slow
def test_hundreds_of_mutated_files_give_a_picture_or_a_refusal(request):
    dice = random.Random(SEED)
    try:
        corpus = request.getfixturevalue("corpus")
    except pytest.skip.Exception:
        corpus = None  # then the made ones have to do
    limits = RenderLimits(max_pixels=4_000_000)
    outcomes: dict[str, int] = {}
    for source in seeds(corpus):
        for _ in range(MUTATIONS):
            try:
                made = render(
                    mutated(source, dice), ImageSpec(width=32), limits, codec=guarded_codec()
                )
                outcome = made.media_type
            except (TypeNotAllowed, Invalid) as refusal:
                outcome = refusal.code
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert set(outcomes) <= {"image/webp", "not_an_image", "too_many_pixels", "too_complex"}
    assert outcomes["image/webp"] > 20
    assert outcomes["not_an_image"] > 50


@pytest.mark.parametrize("output", ["webp", "jpeg", "avif"])
def test_every_hostile_file_gives_a_picture_or_a_refusal(corpus, output):
    for path in sorted((corpus / "hostile").iterdir()):
        try:
            assert make(path, width=64, format=output).width <= 64
        except (TypeNotAllowed, Invalid) as refusal:
            assert refusal.code in ("not_an_image", "too_many_pixels", "too_complex")
            assert str(corpus) not in refusal.message


async def test_others_are_answered_while_one_is_hard_to_decode():
    """The hard one is killed in the end; what others wait for meanwhile is made."""
    workers = Workers(threads=2, max_s=1.0)
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def endless(stop):
        loop.call_soon_threadsafe(begun.set)
        image = quadrants(100, 100).embed(0, 0, 400_000, 400_000)
        try:
            stop.watch(image.gaussblur(20)).avg()
        except Exception:
            stop.require_wanted()
            raise

    hard = asyncio.create_task(workers.run(endless))
    await begun.wait()
    source = bytes(quadrants(60, 40).write_to_buffer(".png"))
    for _ in range(5):
        made = await workers.run(
            lambda stop: render(source, ImageSpec(width=20), RenderLimits(), stop)
        )
        assert made.width == 20
    assert not hard.done()
    with pytest.raises(CimaiseError) as refusal:
        await hard
    assert refusal.value.code == "too_complex"
    await workers.close()

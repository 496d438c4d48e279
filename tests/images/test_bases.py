"""One decode for many widths."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import pyvips

from cimaise.images.bases import Bases
from cimaise.images.codec import OwnCodec
from cimaise.images.limits import RenderLimits
from cimaise.images.pipeline import render
from cimaise.images.spec import SpecLimits, parse_spec
from tests.kit.pictures import decoded, quadrants

WIDTHS = (1600, 1200, 800, 640, 480, 320)
MB = 1024 * 1024


@pytest.fixture(scope="module")
def photograph():
    noise = pyvips.Image.gaussnoise(2400, 1600, mean=0, sigma=8)
    return bytes((quadrants(2400, 1600) + noise).cast("uchar").write_to_buffer(".jpg", Q=92))


@pytest.fixture
def bases():
    return Bases(OwnCodec(), max_bytes=64 * MB)


def make(source, codec, **params):
    spec = parse_spec({name: str(value) for name, value in params.items()}, limits=SpecLimits())
    return render(source, spec, RenderLimits(), codec=codec)


@pytest.mark.slow
@pytest.mark.parametrize(("widths", "decodes"), [(WIDTHS, 1), (WIDTHS[::-1], 3)])
def test_six_widths_cost_one_decode_or_three_from_below(bases, photograph, widths, decodes):
    for width in widths:
        made = make(photograph, bases, width=width)
        assert (made.width, made.height) == (width, round(width * 1600 / 2400))
    assert bases.decoded <= decodes


@pytest.mark.slow
def test_six_at_once_wait_for_one_of_them(bases, photograph):
    make(photograph, bases, width=300)
    gate = threading.Barrier(5)

    def one(width):
        gate.wait(20)
        return make(photograph, bases, width=width).width

    with ThreadPoolExecutor(5) as threads:
        assert sorted(threads.map(one, WIDTHS[1:])) == sorted(WIDTHS[1:])
    assert bases.decoded == 2


@pytest.mark.parametrize(
    "params",
    [
        {"width": 400},
        {"width": 300, "height": 300, "fit": "cover", "gravity": "0.9,0.1"},
        {"width": 200, "crop": "1300,900,800,500"},
        {"width": 300, "height": 200, "fit": "cover", "gravity": "smart"},
        {"width": 300, "rotate": 90, "filter": "sepia"},
    ],
)
def test_a_picture_from_a_base_looks_like_one_from_the_source(bases, photograph, params):
    make(photograph, bases, width=1600)
    from_base = decoded(make(photograph, bases, format="png", **params).body)
    assert bases.decoded == 1
    from_source = decoded(make(photograph, OwnCodec(), format="png", **params).body)
    assert (from_base.width, from_base.height) == (from_source.width, from_source.height)
    assert (from_base - from_source).abs().avg() < 3


def test_what_is_asked_for_once_and_small_is_not_kept(bases, photograph):
    make(photograph, bases, width=400)
    assert not bases._kept


def test_a_crop_that_needs_more_than_the_base_has_is_decoded(bases, photograph):
    make(photograph, bases, width=1600)
    make(photograph, bases, crop="0,0,400,400", width=390)
    assert bases.decoded > 1


def test_what_is_too_large_for_a_base_is_decoded_once_each_time(bases, photograph):
    for _ in range(3):
        make(photograph, bases, width=1500)
    assert bases.decoded <= 3


def test_another_file_under_the_same_path_is_another_picture(bases, tmp_path):
    file = tmp_path / "a.png"
    for colour in (10, 200):
        flat = (pyvips.Image.black(3000, 2000, bands=3) + colour).cast("uchar")
        flat.copy(interpretation="srgb").write_to_file(str(file))
        for width in (1200, 300):
            image = decoded(make(file, bases, width=width, format="png").body)
            assert image.avg() == pytest.approx(colour, abs=1)


def test_it_stays_within_its_bytes():
    bases = Bases(OwnCodec(), max_bytes=7 * MB)
    for shade in range(4):
        flat = (pyvips.Image.black(3000, 2000, bands=3) + shade).cast("uchar")
        source = bytes(flat.copy(interpretation="srgb").write_to_buffer(".jpg"))
        make(source, bases, width=1200)
    assert sum(i.width * i.height * i.bands for i, _ in bases._kept.values()) <= 7 * MB
    assert bases._kept


def test_a_width_that_is_asked_for_later_is_decoded_at_its_own_size(photograph):
    now = [0.0]
    bases = Bases(OwnCodec(), max_bytes=64 * MB, clock=lambda: now[0])
    make(photograph, bases, width=300)
    now[0] = 11.0
    make(photograph, bases, width=200)
    make(photograph, bases, width=100)  # now it is a page: the base is made, and serves the next
    make(photograph, bases, width=150)
    assert bases.decoded == 3
    now[0] = 72.0
    make(photograph, bases, width=120)
    assert bases.decoded == 4


def test_the_second_width_waits_for_the_first_where_that_serves_it(photograph):
    begun, gate = threading.Event(), threading.Event()

    class Slow(OwnCodec):
        def decode(self, *given):
            begun.set()
            gate.wait(20)
            return super().decode(*given)

    bases = Bases(Slow(), max_bytes=64 * MB)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(make, photograph, bases, width=1600)
        assert begun.wait(20)
        second = threads.submit(make, photograph, bases, width=800)
        gate.set()
        assert (first.result().width, second.result().width) == (1600, 800)
    assert bases.decoded == 1

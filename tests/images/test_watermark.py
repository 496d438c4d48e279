import pytest
import pyvips

from cimaise.images.limits import RenderLimits
from cimaise.images.pipeline import render
from cimaise.images.spec import SpecLimits, parse_spec
from cimaise.images.watermark import read_watermarks
from tests.kit.pictures import animation, decoded, guarded_codec, pixel

WHITE, RED = [255, 255, 255], [255, 0, 0]


def plain(colour, width, height, suffix=".png"):
    flat = (pyvips.Image.black(width, height, bands=len(colour)) + colour).cast("uchar")
    return bytes(flat.copy(interpretation="srgb").write_to_buffer(suffix))


@pytest.fixture
def marks(tmp_path):
    (tmp_path / "red.png").write_bytes(plain(RED, 40, 20))
    (tmp_path / "half.png").write_bytes(plain([*RED, 128], 40, 20))
    (tmp_path / "tall.png").write_bytes(plain(RED, 10, 400))
    names = ("red", "half", "tall")
    return read_watermarks([(name, tmp_path / f"{name}.png") for name in names], guarded_codec())


@pytest.fixture
def marked(marks):
    def make(source=None, **params):
        source = source or plain(WHITE, 200, 100)
        limits = SpecLimits(watermarks=marks.digests)
        spec = parse_spec({"format": "png"} | params, limits=limits)
        made = render(source, spec, RenderLimits(), codec=guarded_codec(), watermarks=marks)
        return decoded(made.body)

    return make


@pytest.mark.parametrize(
    ("position", "there", "not_there"),
    [
        ("bottom-right", (0.95, 0.95), (0.1, 0.1)),
        ("top-left", (0.05, 0.05), (0.9, 0.9)),
        ("center", (0.5, 0.5), (0.1, 0.1)),
        ("0,1", (0.05, 0.95), (0.9, 0.1)),
    ],
)
def test_it_lies_where_it_is_put(marked, position, there, not_there):
    image = marked(watermark="red", watermark_position=position)
    assert pixel(image, *there) == RED
    assert pixel(image, *not_there) == WHITE
    assert image.bands == 3


def test_it_is_as_wide_as_its_scale_says_and_keeps_its_shape(marked):
    image = marked(watermark="red", watermark_scale="0.5", watermark_position="center")
    reds = (image[1] == 0).ifthenelse(1, 0)
    assert reds.avg() * image.width * image.height == pytest.approx(100 * 50, rel=0.06)


def test_one_that_would_be_higher_than_the_picture_is_made_to_fit(marked):
    image = marked(watermark="tall", watermark_scale="1", watermark_position="center")
    assert pixel(image, 0.5, 0.02) == RED
    assert pixel(image, 0.3, 0.5) == WHITE


@pytest.mark.parametrize(
    ("name", "opacity", "green"), [("red", "0.5", 128), ("half", "1", 127), ("half", "0.5", 191)]
)
def test_opacity_comes_on_top_of_its_own(marked, name, opacity, green):
    image = marked(watermark=name, watermark_opacity=opacity, watermark_position="center")
    assert pixel(image, 0.5, 0.5)[1] == pytest.approx(green, abs=2)


def test_a_tile_covers_the_picture(marked):
    image = marked(watermark="red", watermark_position="tile", watermark_scale="0.1")
    for left in range(0, 200, 50):
        part = image.crop(left, 25, 50, 50)
        assert 50 < part[1].avg() < 240


def test_transparent_pictures_stay_so_around_it(marked):
    image = marked(plain([0, 0, 0, 0], 100, 100), watermark="red", watermark_position="center")
    assert pixel(image, 0.5, 0.5) == [*RED, 255]
    assert pixel(image, 0.1, 0.1)[3] == 0


def test_it_lies_on_every_frame(marks):
    spec = parse_spec(
        {"watermark": "red", "watermark_position": "center", "watermark_scale": "0.5"},
        limits=SpecLimits(watermarks=marks.digests),
    )
    made = render(animation(3), spec, RenderLimits(), codec=guarded_codec(), watermarks=marks)
    moving = pyvips.Image.webpload_buffer(made.body, n=-1)
    for frame in range(3):
        red, green, *_ = moving.getpoint(20, frame * 30 + 15)
        assert red > 200
        assert green < 60


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_one_that_cannot_be_read_stops_the_server_from_starting(tmp_path, content):
    if content is not None:
        (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ValueError, match="the watermark x"):
        read_watermarks([("x", tmp_path / "x.png")], guarded_codec())

import pytest
import pyvips

from cimaise.images.codec import read_header
from cimaise.images.drawing.motifs import Style, draw_picture
from cimaise.images.libvips import prepare_libvips

STYLES: tuple[Style, ...] = ("dunes", "nocturnes")


@pytest.fixture(autouse=True)
def _prepared():
    prepare_libvips()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [(300, 200), (200, 267), (280, 158)])
def test_a_drawing_is_a_jpeg_of_the_wanted_size(style, size):
    header = read_header(draw_picture(3, *size, style=style))
    assert (header.width, header.height, header.format) == (*size, "jpeg")


@pytest.mark.parametrize("style", STYLES)
def test_the_same_seed_draws_the_same_picture_and_another_one_another(style):
    drawn = [draw_picture(seed, 240, 160, style=style) for seed in (7, 7, 8)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("style", STYLES)
def test_every_drawing_has_something_to_look_at(style, seed):
    image = pyvips.Image.new_from_buffer(draw_picture(seed, 300, 200, style=style), "")
    assert image.bands == 3
    assert image.deviate() > 12  # nothing plain
    assert (image[0] - image[2]).abs().avg() > 8  # and nothing grey
    edges = image.crop(0, 100, 2, 100).avg() - image.crop(4, 100, 2, 100).avg()
    assert abs(edges) < 12  # no border


def test_days_are_brighter_than_nights():
    light = {
        style: sum(
            pyvips.Image.new_from_buffer(draw_picture(seed, 240, 160, style=style), "").avg()
            for seed in range(6)
        )
        for style in STYLES
    }
    assert light["dunes"] > 2 * light["nocturnes"]

import base64
import math

import pytest

from cimaise.errors import TypeNotAllowed
from cimaise.images.limits import RenderLimits
from cimaise.images.placeholder import make_placeholder, thumbhash


def average(made):
    """The average colour that a ThumbHash holds: red, green, blue, alpha from 0 to 1."""
    head = int.from_bytes(made[:3], "little")
    luminance = (head & 63) / 63
    p = ((head >> 6) & 63) / 31.5 - 1
    q = ((head >> 12) & 63) / 31.5 - 1
    blue = luminance - 2 / 3 * p
    red = (3 * luminance - blue + q) / 2
    return red, red - q, blue, (made[5] & 15) / 15 if head >> 23 else 1.0


@pytest.mark.parametrize(
    "colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (90, 120, 200)]
)
def test_the_average_colour_is_in_the_hash(colour):
    made = thumbhash(8, 8, bytes((*colour, 255)) * 64)
    expected = [band / 255 for band in colour]
    assert average(made)[:3] == pytest.approx(expected, abs=0.04)
    assert average(made)[3] == 1.0


def test_transparency_is_in_the_hash_and_lends_no_colour():
    made = thumbhash(4, 4, (bytes((255, 0, 0, 255)) + bytes((0, 255, 0, 0))) * 8)
    red, green, blue, alpha = average(made)
    assert (red, green, blue) == pytest.approx((1, 0, 0), abs=0.06)
    assert alpha == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("width", "height", "shorter", "is_landscape"),
    [(32, 32, 7, False), (32, 16, 4, True), (16, 32, 4, False), (32, 1, 1, True)],
)
def test_the_proportions_are_in_the_hash(width, height, shorter, is_landscape):
    head = int.from_bytes(
        thumbhash(width, height, b"\x80\x80\x80\xff" * width * height)[3:5], "little"
    )
    assert head & 7 == shorter
    assert bool(head >> 15) == is_landscape


def test_a_gradient_from_left_to_right_is_one_wave():
    row = b"".join(bytes([v, v, v, 255]) for v in (0, 36, 73, 109, 146, 182, 219, 255))
    made = thumbhash(8, 8, row * 8)
    nibbles = [value for byte in made[5:] for value in (byte & 15, byte >> 4)]
    assert nibbles[0] == 15 or nibbles[0] == 0
    assert all(abs(value - 7.5) < 2 for value in nibbles[1:7])
    scale = ((int.from_bytes(made[:3], "little") >> 18) & 31) / 31
    wave = [math.cos(math.pi / 8 * (at + 0.5)) for at in range(8)]
    term = sum(a * b for a, b in zip((0, 36, 73, 109, 146, 182, 219, 255), wave, strict=True))
    assert scale == pytest.approx(abs(term / 8 / 255), abs=0.03)


def test_one_pixel_and_all_transparent_are_no_trouble():
    assert len(thumbhash(1, 1, b"\x01\x02\x03\xff")) >= 6
    assert average(thumbhash(2, 2, b"\0" * 16))[3] == 0


def test_a_picture_becomes_a_short_text(picture, corpus):
    made = make_placeholder(picture(300, 200, ".jpg"), RenderLimits())
    assert len(base64.b64decode(made)) in range(15, 30)
    assert average(base64.b64decode(made))[:3] == pytest.approx((0.5, 0.5, 0.5), abs=0.05)
    transparent = base64.b64decode(
        make_placeholder(corpus / "formats" / "with-alpha.png", RenderLimits())
    )
    assert int.from_bytes(transparent[:3], "little") >> 23


def test_no_picture_has_no_placeholder():
    with pytest.raises(TypeNotAllowed):
        make_placeholder(b"no picture", RenderLimits())

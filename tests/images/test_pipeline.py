from typing import Any

import pytest
import pyvips

from cimaise.images.codec import read_header
from cimaise.images.decoders.base import ImageHeader
from cimaise.images.limits import RenderLimits
from cimaise.images.pipeline import choose_output
from cimaise.images.spec import ImageSpec
from tests.kit.pictures import animation, corner_names, decoded, make, pixel, quadrants

OUTPUTS = ("webp", "avif", "jpeg", "png")


def oriented(orientation, width=64, height=48):
    image = quadrants(width, height).copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return image.jpegsave_buffer(Q=95)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_picture_gets_its_size_and_keeps_its_colours(name, picture):
    made = make(picture(400, 300), width=100, format=name)
    image = decoded(made.body)
    assert (image.width, image.height) == (made.width, made.height) == (100, 75)
    assert corner_names(image) == "rgwb"
    assert made.media_type == f"image/{name}"
    assert read_header(made.body).format == name


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize(
    ("orientation", "corners"),
    [
        (1, "rgwb"),
        (2, "grbw"),
        (3, "wbrg"),
        (4, "bwgr"),
        (5, "rbwg"),
        (6, "brgw"),
        (7, "wgrb"),
        (8, "gwbr"),
    ],
)
def test_each_of_the_eight_orientations_comes_out_upright(orientation, corners, name):
    source = oriented(orientation)
    header = read_header(source)
    made = make(source, width=32, format=name)
    image = decoded(made.body)
    assert corner_names(image) == corners
    turned = orientation > 4
    assert (header.width, header.height) == ((48, 64) if turned else (64, 48))
    assert (image.width, image.height) == ((32, 43) if turned else (32, 24))
    assert read_header(made.body).orientation == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_crop_counts_in_the_upright_picture(orientation):
    source = oriented(orientation, 1200, 800)
    header = read_header(source)
    whole = decoded(make(source, format="png").body)
    box = f"0,0,{header.width // 2},{header.height // 2}"
    for width in (8, 100, 400):
        part = decoded(make(source, crop=box, width=width, format="png").body)
        assert pixel(part, 0.5, 0.5) == pytest.approx(pixel(whole, 0.25, 0.25), abs=6)
        assert corner_names(part) == corner_names(whole)[0] * 4


@pytest.mark.parametrize("shrunk", [1, 2, 3, 5, 9, 40])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".png", ".tif", ".gif"])
def test_decoding_smaller_gives_the_same_picture(suffix, shrunk, picture):
    made = make(picture(801, 603, suffix), width=800 // shrunk, format="png")
    image = decoded(made.body)
    assert (image.width, image.height) == (made.width, made.height)
    assert image.width == 800 // shrunk
    assert corner_names(image) == "rgwb"


def test_nothing_is_enlarged_unless_asked(picture):
    assert make(picture(20, 10), width=400).width == 20
    assert make(picture(20, 10), width=400, enlarge=1).height == 200


def test_cover_cuts_where_the_gravity_says(picture):
    source = picture(400, 400)
    options: dict[str, Any] = {"width": 100, "height": 30, "fit": "cover", "format": "png"}
    assert corner_names(decoded(make(source, gravity="top", **options).body)) == "rggr"
    assert corner_names(decoded(make(source, gravity="bottom", **options).body)) == "bwwb"
    assert corner_names(decoded(make(source, gravity="0.5,0.9", **options).body)) == "bwwb"


def test_smart_finds_the_only_interesting_thing():
    grey = pyvips.Image.black(600, 200, bands=3).copy(interpretation="srgb") + 90
    source = grey.draw_circle([255, 60, 20], 540, 100, 40, fill=True).cast("uchar").pngsave_buffer()
    made = decoded(make(source, width=100, height=100, fit="cover", gravity="smart").body)
    assert (made.width, made.height) == (100, 100)
    assert made.max() > 200


def test_contain_fills_up_with_the_background(picture):
    source = picture(100, 100)
    options: dict[str, Any] = {"width": 100, "height": 50, "fit": "contain"}
    transparent = decoded(make(source, format="png", **options).body)
    assert (transparent.width, transparent.height) == (100, 50)
    assert pixel(transparent, 0, 0.5) == [0, 0, 0, 0]
    assert pixel(transparent, 0.3, 0.1) == [255, 0, 0, 255]
    plain = decoded(make(source, format="png", background="00f", **options).body)
    assert pixel(plain, 0, 0.5) == [0, 0, 255]
    assert pixel(decoded(make(source, format="jpeg", **options).body), 0, 0.5) == [255, 255, 255]
    left = decoded(make(source, format="png", background="00f", gravity="left", **options).body)
    assert pixel(left, 0.02, 0.1) == [255, 0, 0]
    assert pixel(left, 0.95, 0.1) == [0, 0, 255]


def test_fill_stretches(picture):
    image = decoded(make(picture(100, 100), width=80, height=20, fit="fill", format="png").body)
    assert (image.width, image.height) == (80, 20)
    assert corner_names(image) == "rgwb"


@pytest.mark.parametrize(
    ("params", "corners"),
    [
        ({"rotate": 90}, "brgw"),
        ({"rotate": 180}, "wbrg"),
        ({"rotate": 270}, "gwbr"),
        ({"rotate": 360}, "rgwb"),
        ({"flip": "h"}, "grbw"),
        ({"flip": "v"}, "bwgr"),
        ({"flip": "both"}, "wbrg"),
        ({"flip": "h", "rotate": 90}, "wgrb"),
    ],
)
def test_turning_and_mirroring(params, corners, picture):
    assert corner_names(decoded(make(picture(), format="png", **params).body)) == corners


def test_any_angle_shows_the_background_at_the_corners(picture):
    source = picture(100, 100)
    plain = decoded(make(source, rotate=45, background="ff00ff", format="png").body)
    assert 139 <= plain.width <= 143
    assert pixel(plain, 0, 0) == [255, 0, 255]
    assert pixel(plain, 0.5, 0.2)[:2] == [255, 0]
    assert pixel(decoded(make(source, rotate=45, format="png").body), 0, 0)[3] == 0
    assert pixel(decoded(make(source, rotate=45, format="jpeg").body), 0, 0) == [255, 255, 255]


def plain(colour, **params):
    bands = len(colour)
    image = pyvips.Image.black(40, 40, bands=bands).linear(0, list(colour))
    source = image.cast("uchar").copy(interpretation="srgb").pngsave_buffer()
    return pixel(decoded(make(source, format="png", **params).body), 0.5, 0.5)


@pytest.mark.parametrize(
    ("params", "before", "after"),
    [
        ({"brightness": 2}, (10, 100, 200), (20, 200, 255)),
        ({"brightness": 0}, (10, 100, 200), (0, 0, 0)),
        ({"contrast": 2}, (100, 128, 200), (72, 128, 255)),
        ({"contrast": 0}, (10, 100, 200), (127, 127, 127)),
        ({"saturation": 0}, (255, 0, 0), (54, 54, 54)),
        ({"saturation": 2}, (100, 100, 100), (100, 100, 100)),
        ({"filter": "grayscale"}, (0, 255, 0), (182, 182, 182)),
        ({"filter": "negative"}, (10, 100, 200), (245, 155, 55)),
        ({"filter": "sepia"}, (100, 100, 100), (135, 120, 93)),
        ({"filter": "bitonal"}, (200, 200, 200), (255, 255, 255)),
        ({"filter": "bitonal"}, (20, 20, 200), (0, 0, 0)),
        ({"blur": 5}, (10, 100, 200), (10, 100, 200)),
        ({"sharpen": 2}, (10, 100, 200), (10, 100, 200)),
    ],
)
def test_an_operation_changes_a_plain_colour_as_it_says(params, before, after):
    assert plain(before, **params) == pytest.approx(after, abs=2)
    assert plain((*before, 90), **params) == pytest.approx((*after, 90), abs=3)


def test_blur_mixes_and_sharpen_parts(picture):
    source = picture(80, 80)
    blurred = decoded(make(source, blur=5, format="png").body)
    assert 90 < pixel(blurred, 0.5, 0.1)[0] < 165
    soft = decoded(make(source, blur=3, sharpen=5, format="png").body)
    assert soft.deviate() > blurred.deviate()


def test_transparency_is_kept_where_the_format_can_and_laid_on_white_where_not():
    half = (pyvips.Image.black(40, 40, bands=4).linear(0, [200, 0, 0, 128])).cast("uchar")
    source = half.copy(interpretation="srgb").pngsave_buffer()
    for name in ("webp", "avif", "png"):
        assert pixel(decoded(make(source, format=name).body), 0.5, 0.5)[3] == 128
    assert pixel(decoded(make(source, format="jpeg").body), 0.5, 0.5) == pytest.approx(
        [227, 127, 127], abs=3
    )
    laid = pixel(decoded(make(source, format="png", background="000").body), 0.5, 0.5)
    assert laid == pytest.approx([100, 0, 0], abs=2)


def test_transparent_pixels_lend_no_colour_when_made_smaller():
    clear = (
        pyvips.Image.black(100, 200, bands=4).copy(interpretation="srgb").linear(0, [0, 255, 0, 0])
    )
    solid = clear.linear(0, [255, 0, 0, 255])
    source = clear.join(solid, "horizontal").cast("uchar").pngsave_buffer()
    edge = decoded(make(source, width=21, format="png").body)
    assert max(edge.getpoint(x, 10)[1] for x in range(21) if edge.getpoint(x, 10)[3] > 40) < 30


def test_no_metadata_leaves(corpus):
    source = corpus / "gps" / "DSCN0010.jpg"
    for name in OUTPUTS:
        body = make(source, width=100, format=name).body
        fields = decoded(body).get_fields()
        assert not [f for f in fields if f.startswith(("exif", "xmp", "iptc", "icc"))]
        assert b"NIKON" not in body
        assert b"Exif\0" not in body


def test_a_wide_gamut_is_converted_and_srgb_is_left_alone(corpus):
    converted = make(corpus / "formats" / "p3.png", format="png").body
    ignored = pyvips.Image.new_from_file(str(corpus / "formats" / "p3.png"))
    assert pixel(decoded(converted), 0.5, 0.5) != pixel(ignored, 0.5, 0.5)


def test_a_broken_colour_profile_is_ignored():
    image = quadrants(40, 40).copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", b"no profile at all" * 20)
    assert corner_names(decoded(make(image.jpegsave_buffer(Q=95), format="png").body)) == "rgwb"


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_what_moves_keeps_moving_as_webp(suffix):
    source = animation(suffix=suffix)
    assert read_header(source).frames == 5
    made = make(source, width=20, rotate=90)
    image = pyvips.Image.new_from_buffer(made.body, "", n=-1)
    assert (made.width, made.height) == (15, 20)
    assert image.get("n-pages") == 5
    assert image.get("delay") == [100, 110, 120, 130, 140]
    assert image.get("loop") == 3
    for index in range(5):
        expected = [40 * index, 255 - 40 * index, 90]
        assert image.getpoint(7, index * 20 + 10)[:3] == pytest.approx(expected, abs=12)


def test_frames_past_the_limit_are_left_out():
    made = make(animation(), limits=RenderLimits(max_frames=2))
    assert pyvips.Image.new_from_buffer(made.body, "", n=-1).get("n-pages") == 2


@pytest.mark.parametrize("name", ["jpeg", "png", "avif"])
def test_a_format_that_cannot_move_shows_the_first_frame(name):
    image = decoded(make(animation(), format=name).body)
    assert (image.width, image.height) == (40, 30)
    assert pixel(image, 0.5, 0.5)[1] > 200


@pytest.mark.parametrize(
    ("frames", "has_alpha", "asked", "alternatives", "written"),
    [
        (1, False, "avif", ("webp",), "avif"),
        (5, False, "avif", ("webp",), "webp"),
        (5, True, "avif", (), "avif"),
        (1, True, "jpeg", ("png",), "png"),
        (5, True, "jpeg", ("png",), "png"),
        (5, False, "jpeg", ("png",), "jpeg"),
        (1, True, "jpeg", (), "jpeg"),
    ],
)
def test_auto_gives_way_only_for_what_the_format_cannot_hold(
    frames, has_alpha, asked, alternatives, written
):
    header = ImageHeader(1, 1, "gif", "image/gif", frames=frames, has_alpha=has_alpha)
    assert choose_output(ImageSpec(format=asked, alternatives=alternatives), header) == written

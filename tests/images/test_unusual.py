"""Well-formed pictures that are seldom met look as their makers meant them."""

import io

import PIL.Image
import pytest
import pyvips

from cimaise.errors import TypeNotAllowed
from tests.kit import unusual
from tests.kit.pictures import decoded, guarded_codec, make, pixel

OUTPUTS = ("webp", "avif", "jpeg", "png", "jxl")
QUARTERS = {
    "palette": unusual.palette_with_transparent_colour,
    "pages": unusual.tiff_of_pages,
    "p3": unusual.heic_of_wide_colours,
    "mpo": unusual.mpo,
    "thumbnail": unusual.wrong_exif_thumbnail,
    "interlaced": unusual.interlaced_gif,
    "bmp": unusual.bmp_from_the_top,
    "icon": unusual.icon,
    "kept jpeg": unusual.jpeg_kept_in_jxl,
    "lab": unusual.lab_tiff,
    "big tiff": unusual.big_tiff,
    "big-endian big tiff": unusual.big_endian_big_tiff,
}


def corners(image: pyvips.Image) -> list[list[int]]:
    return [pixel(image, x, y)[:3] for y in (0.25, 0.75) for x in (0.25, 0.75)]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", QUARTERS)
def test_the_quarters_have_their_colours_in_every_format(name, output):
    source = QUARTERS[name]()
    header = guarded_codec().read_header(source)
    made = make(source, width=60, format=output, background="white")
    assert (made.width, made.height) == (60, round(60 * header.height / header.width))
    wanted = [unusual.RED, unusual.GREEN, unusual.BLUE, unusual.WHITE]
    for found, meant in zip(corners(decoded(made.body)), wanted, strict=True):
        assert found == pytest.approx(list(meant), abs=12)


def test_the_transparent_colour_of_a_palette_stays_transparent():
    image = decoded(make(unusual.palette_with_transparent_colour(), width=60, format="png").body)
    assert pixel(image, 0.75, 0.75)[3] == 0
    assert pixel(image, 0.25, 0.25)[3] == 255


def test_grey_of_16_bits_keeps_its_shades_and_its_transparency():
    image = decoded(make(unusual.grey_16_bits_with_alpha(), width=120, format="png").body)
    for x, y in ((0.25, 0.25), (0.75, 0.5), (0.5, 0.9)):
        shown = pixel(image, x, y)
        assert shown[:3] == [shown[0]] * 3
        assert (shown[0], shown[3]) == pytest.approx((x * 255, y * 255), abs=4)


@pytest.mark.parametrize("output", OUTPUTS)
def test_ink_is_never_taken_for_light(output):
    with_marker = decoded(make(unusual.cmyk_inverted(), width=60, format=output).body)
    red, green, blue, white = corners(with_marker)
    assert red[0] > 150 > max(red[1:])
    assert green[1] > green[0] + 50
    assert blue[2] > max(blue[:2]) + 40
    assert min(white) > 245
    without = decoded(make(unusual.cmyk_without_a_marker(), width=60, format=output).body)
    assert min(pixel(without, 0.5, 0.5)[:3]) > 245


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
def test_frames_of_a_gif_are_laid_as_another_decoder_lays_them(disposal):
    source = unusual.gif_that_takes_frames_away(disposal)
    require_same_frames(source, make(source, width=120, quality=100).body)


def test_partial_frames_of_a_webp_are_laid_on_the_whole():
    source = unusual.webp_of_partial_frames()
    require_same_frames(source, make(source, width=120, quality=100).body)


def require_same_frames(source: bytes, body: bytes) -> None:
    with PIL.Image.open(io.BytesIO(source)) as theirs, PIL.Image.open(io.BytesIO(body)) as ours:
        assert [getattr(one, "n_frames", 1) for one in (ours, theirs)] == [3, 3]
        for number in range(3):
            theirs.seek(number)
            ours.seek(number)
            for at in ((60, 40), (10, 10), (110, 70)):
                meant, shown = (one.convert("RGBA").getpixel(at) for one in (theirs, ours))
                assert isinstance(meant, tuple)
                assert isinstance(shown, tuple)
                assert shown[3] == meant[3]
                assert not meant[3] or shown[:3] == pytest.approx(meant[:3], abs=12)


def test_a_progressive_photograph_that_is_cut_short_is_refused_not_shown_blurred():
    with pytest.raises(TypeNotAllowed) as refusal:
        make(unusual.progressive_cut_short(), width=60)
    assert refusal.value.code == "not_an_image"

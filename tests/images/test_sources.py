import pytest
import pyvips

from cimaise.errors import ClientGone, Invalid, NotFound, TypeNotAllowed
from cimaise.images.decoders.base import ImageHeader
from cimaise.images.encoders.avif import avif_quality
from cimaise.images.encoders.table import available_formats
from cimaise.images.libvips import prepare_libvips
from cimaise.images.limits import RenderLimits, require_pixels
from cimaise.images.pipeline import render
from cimaise.images.spec import ImageSpec
from cimaise.images.stopping import Stop
from tests.kit.pictures import animation, decoded, guarded_codec, likeness, make, pixel

OUTPUTS = ("webp", "avif", "jpeg", "png", "jxl")

FORMATS = [
    "16-bit-grey-alpha.png",
    "4.webp",
    "5_webp_a.webp",
    "Channel_digital_image_CMYK_color.jpg",
    "Channel_digital_image_CMYK_color_no_profile.jpg",
    "Flag_of_the_Netherlands-16bit.png",
    "G31D_MULTI.TIF",
    "alpha-premultiply-1024x768-paper.png",
    "animated-loop-3.gif",
    "blackbug.png",
    "check.svg",
    "gain-map.jpg",
    "gradients-rgb8.png",
    "iphone_13_pro_max.HEIC",
    "low-contrast.jpg",
    "p3.png",
    "pitm.avif",
    "relax.jp2",
    "rotating-squares.gif",
    "rotating-squares.webp",
    "sdr_cosmos12920_cicp1-13-6_yuv444_full_qp10.avif",
    "struct-image-04-t.svg",
    "uncompressed_tiff.tiff",
    "with-alpha.png",
]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_kind_of_file_becomes_every_format(name, output, corpus):
    header = guarded_codec().read_header(corpus / "formats" / name)
    made = make(corpus / "formats" / name, width=60, format=output)
    image = decoded(made.body)
    assert made.width == min(60, header.width)
    assert made.height == pytest.approx(header.height * made.width / header.width, abs=1)
    assert (image.width, image.height) == (made.width, made.height)
    assert image.bands in ((3,) if output == "jpeg" else (3, 4))


def test_cmyk_and_sixteen_bit_have_their_real_colours(corpus):
    flag = decoded(make(corpus / "formats" / "Flag_of_the_Netherlands-16bit.png").body)
    red, white, blue = (pixel(flag, 0.5, y) for y in (0.1, 0.5, 0.9))
    assert red[0] > 150 > red[2]
    assert min(white) > 240
    assert blue[2] > 100 > blue[0]
    for name in ("color", "color_no_profile"):
        picture = corpus / "formats" / f"Channel_digital_image_CMYK_{name}.jpg"
        assert 60 < decoded(make(picture).body).avg() < 220


@pytest.mark.parametrize("kind", ["Landscape", "Portrait"])
def test_the_eight_real_orientations_look_alike(kind, corpus):
    first, *others = (
        decoded(make(corpus / "orientation" / f"{kind}_{number}.jpg", width=60).body)
        for number in range(1, 9)
    )
    for other in others:
        assert (other.width, other.height) == (first.width, first.height)
        assert (other - first).abs().avg() < 8


@pytest.mark.parametrize(
    "name", ["corrupt-header.jpg", "corrupted.jpg", "truncated.jpg", "truncated.png"]
)
def test_a_broken_file_is_no_picture(name, corpus):
    with pytest.raises(TypeNotAllowed) as refusal:
        make(corpus / "hostile" / name, width=100)
    assert refusal.value.code == "not_an_image"
    assert str(corpus) not in refusal.value.message


@pytest.mark.parametrize("name", ["65536-uint32-limit.png", "giant-image.jpg"])
def test_a_bomb_is_refused_by_its_header(name, corpus):
    with pytest.raises(Invalid) as refusal:
        make(corpus / "hostile" / name, width=100)
    assert refusal.value.code == "too_many_pixels"
    assert refusal.value.limit is not None
    assert refusal.value.limit.actual is not None
    assert refusal.value.limit.actual > refusal.value.limit.value == 100_000_000


@pytest.mark.parametrize("name", ["Crash_test.gif", "big-height.webp", "image00971.jpg"])
def test_a_strange_file_that_is_well_formed_is_served(name, corpus):
    assert make(corpus / "hostile" / name, width=100).width <= 100


def test_all_frames_count_against_the_limit_of_pixels():
    limits = RenderLimits(max_pixels=40 * 30 * 5 - 1)
    with pytest.raises(Invalid) as refusal:
        make(animation(), limits=limits)
    assert refusal.value.code == "too_many_pixels"
    assert make(animation(), limits=RenderLimits(max_pixels=40 * 30 * 5)).width == 40


def test_avif_has_a_lower_limit_of_pixels():
    header = ImageHeader(10_000, 6000, "avif", "image/avif")
    with pytest.raises(Invalid):
        require_pixels(header, 100_000_000)
    require_pixels(ImageHeader(10_000, 6000, "jpeg", "image/jpeg"), 100_000_000)


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\xff",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"\x89PNG\r\n\x1a\n",
        b"II*\x00\xff\xff\xff\xff",
        b"\x00\x00\x00\x20ftypavif",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"push graphic-context",
        b"x" * 10_000,
    ],
)
def test_bytes_that_are_no_picture_are_refused(source):
    for attempt in (guarded_codec().read_header, make):
        with pytest.raises(TypeNotAllowed) as refusal:
            attempt(source)
        assert refusal.value.code == "not_an_image"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".tif", ".avif"])
def test_a_file_cut_anywhere_is_refused_or_served_but_never_falls_over(suffix, picture):
    source = picture(200, 160, suffix)
    for share in range(1, 20):
        try:
            made = make(source[: len(source) * share // 20], width=50)
        except TypeNotAllowed:
            continue
        assert made.width == 50


def test_stopping_before_and_in_the_middle_ends_the_work(picture):
    stop = Stop()
    stop.ask()
    with pytest.raises(ClientGone):
        render(picture(), ImageSpec(), RenderLimits(), stop)

    class AskedWhileEncoding(Stop):
        def watch(self, image):
            watched = super().watch(image)
            self.ask()
            return watched

    with pytest.raises(ClientGone):
        render(picture(2000, 2000), ImageSpec(), RenderLimits(), AskedWhileEncoding())


def test_the_header_tells_what_a_gallery_shows_and_not_where_it_was(corpus):
    header = guarded_codec().read_header(corpus / "gps" / "DSCN0010.jpg")
    assert (header.width, header.height, header.media_type) == (640, 480, "image/jpeg")
    assert header.taken_at is not None
    assert header.taken_at.isoformat() == "2008-10-22T16:28:39+00:00"
    assert header.exif["make"] == "NIKON"
    assert header.exif["model"] == "COOLPIX P6000"
    assert header.exif["f_number"] == 5.9
    assert header.exif["iso"] == 64
    assert "43" not in str(dict(header.exif).keys())
    assert not [name for name in header.exif if "gps" in name.lower()]


def test_files_and_bytes_have_the_same_header(tmp_path, picture):
    path = tmp_path / "with space é.webp"
    path.write_bytes(picture(30, 20, ".webp"))
    read_header = guarded_codec().read_header
    assert read_header(path) == read_header(path.read_bytes())


def test_untrusted_loaders_are_blocked(tmp_path):
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>"
    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_buffer(svg, "")
    (tmp_path / "a.svg").write_bytes(svg)
    with pytest.raises(pyvips.Error):
        pyvips.Image.svgload(str(tmp_path / "a.svg"))


def test_an_old_library_is_refused_at_the_start(monkeypatch):
    monkeypatch.setattr(pyvips, "version", lambda part: (8, 14, 1)[part])
    with pytest.raises(RuntimeError, match=r"8\.15"):
        prepare_libvips()


def test_webp_quality_80_is_avif_65():
    assert [avif_quality(q) for q in (1, 40, 80, 90, 100)] == [1, 32, 65, 82, 100]
    assert available_formats() == ("webp", "avif", "jpeg", "png", "jxl")


@pytest.mark.parametrize("name", ["canyon-wren.jpg", "blue-periwinkle.jpg"])
def test_avif_looks_like_webp_of_the_same_quality_and_is_smaller(name, corpus):
    photograph = corpus / "landscapes" / name
    asked = make(photograph, width=800, format="png").body
    avif, webp = (make(photograph, width=800, format=f, quality=80).body for f in ("avif", "webp"))
    assert len(avif) < len(webp)
    assert likeness(avif, asked) > likeness(webp, asked) - 0.002


def test_a_file_that_is_gone_is_missing(tmp_path):
    with pytest.raises(NotFound) as missing:
        make(tmp_path / "gone.png")
    assert missing.value.code == "file_missing"
    assert str(tmp_path) not in missing.value.message

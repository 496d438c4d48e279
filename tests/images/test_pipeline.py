import pytest
import pyvips

from cimaise.errors import ClientGone, Invalid, TypeNotAllowed
from cimaise.images import codec
from cimaise.images.codec import ImageHeader, read_header
from cimaise.images.pipeline import RenderLimits, choose_output, render
from cimaise.images.spec import ImageSpec, SpecLimits, parse_spec
from cimaise.images.stopping import Stop
from tests.kit.pictures import corner_names, decoded, pixel, quadrants

OUTPUTS = ("webp", "avif", "jpeg", "png")


def make(source, limits=RenderLimits(), **params):  # noqa: B008
    texts = {name: str(value) for name, value in params.items()}
    return render(source, parse_spec(texts, limits=SpecLimits()), limits)


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
    options = {"width": 100, "height": 30, "fit": "cover", "format": "png"}
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
    options = {"width": 100, "height": 50, "fit": "contain"}
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


def animation(frames=5, width=40, height=30, suffix=".gif"):
    colours = [[40 * i, 255 - 40 * i, 90] for i in range(frames)]
    base = pyvips.Image.black(width, height, bands=3)
    pages = [(base + c).cast("uchar").copy(interpretation="srgb") for c in colours]
    joined = pyvips.Image.arrayjoin(pages, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", height)
    joined.set_type(
        pyvips.GValue.array_int_type, "delay", [100 + 10 * index for index in range(frames)]
    )
    joined.set_type(pyvips.GValue.gint_type, "loop", 3)
    return joined.write_to_buffer(suffix)


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
    "gain-map.jpg",
    "gradients-rgb8.png",
    "low-contrast.jpg",
    "p3.png",
    "pitm.avif",
    "rotating-squares.gif",
    "rotating-squares.webp",
    "sdr_cosmos12920_cicp1-13-6_yuv444_full_qp10.avif",
    "uncompressed_tiff.tiff",
    "with-alpha.png",
]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_kind_of_file_becomes_every_format(name, output, corpus):
    header = read_header(corpus / "formats" / name)
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


@pytest.mark.parametrize("name", ["check.svg", "struct-image-04-t.svg", "relax.jp2"])
def test_a_format_that_is_not_on_the_list_is_refused(name, corpus):
    with pytest.raises(TypeNotAllowed):
        make(corpus / "formats" / name)


def test_heic_has_a_header_but_is_not_converted(corpus):
    source = corpus / "formats" / "iphone_13_pro_max.HEIC"
    header = read_header(source)
    assert (header.format, header.width, header.height) == ("heic", 3024, 4032)
    with pytest.raises(TypeNotAllowed):
        make(source)


def test_all_frames_count_against_the_limit_of_pixels():
    limits = RenderLimits(max_pixels=40 * 30 * 5 - 1)
    with pytest.raises(Invalid) as refusal:
        make(animation(), limits=limits)
    assert refusal.value.code == "too_many_pixels"
    assert make(animation(), limits=RenderLimits(max_pixels=40 * 30 * 5)).width == 40


def test_avif_has_a_lower_limit_of_pixels():
    header = ImageHeader(6000, 5000, "avif", "image/avif")
    with pytest.raises(Invalid):
        codec.require_pixels(header, 100_000_000)
    codec.require_pixels(ImageHeader(6000, 5000, "jpeg", "image/jpeg"), 100_000_000)


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
    for attempt in (read_header, make):
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
    header = read_header(corpus / "gps" / "DSCN0010.jpg")
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
        codec.prepare_libvips()


def test_webp_quality_80_is_avif_65():
    assert [codec.avif_quality(q) for q in (1, 40, 80, 90, 100)] == [1, 32, 65, 82, 100]
    assert codec.available_formats() == ("webp", "avif", "jpeg", "png")

"""Requests of the IIIF Image API: what is read, what it means for a picture, its one text."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Malformed
from cimaise.images.geometry import plan_size
from cimaise.images.iiif.dialect import Size, Version
from cimaise.images.iiif.request import ImageRequest, parse_request, resolve
from cimaise.images.spec import SpecLimits, parse_spec

LIMIT = 2560
WIDE = Size(4000, 3000)
SMALL = Size(300, 200)
VERSIONS = st.sampled_from(Version)


def asked(text: str, picture: Size = WIDE, version: Version = Version.THREE) -> ImageRequest:
    region, size, rotation, last = text.split("/")
    quality, _, format_ = last.partition(".")
    parsed = parse_request(
        version=version,
        region=region,
        size=size,
        rotation=rotation,
        quality=quality,
        format_=format_,
    )
    return resolve(parsed, picture, LIMIT)


def region(text: str, picture: Size = WIDE) -> tuple[int, int, int, int]:
    return asked(f"{text}/1,1/0/default.jpg", picture).box


def size(text: str, picture: Size = WIDE, version: Version = Version.THREE) -> tuple[int, int]:
    found = asked(f"full/{text}/0/default.jpg", picture, version).size
    return found.width, found.height


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("full", (0, 0, 4000, 3000)),
        ("square", (500, 0, 3000, 3000)),
        ("10,20,30,40", (10, 20, 30, 40)),
        ("3990,2990,100,100", (3990, 2990, 10, 10)),
        ("0,0,999999999,999999999", (0, 0, 4000, 3000)),
        ("pct:25,50,12.5,10", (1000, 1500, 500, 300)),
        ("pct:50,50,100,100", (2000, 1500, 2000, 1500)),
        ("pct:0,0,0.0125,0.0167", (0, 0, 1, 1)),
    ],
)
def test_a_region_is_cut_off_at_the_edges_of_the_picture(text, box):
    assert region(text) == box


@pytest.mark.parametrize(
    "text",
    [
        "", "Full", "1,2,3", "1,2,3,4,5", "1,2,0,4", "1,2,3,0", "4000,0,1,1", "0,3000,1,1", "-1,0,2,2",
        "1.5,0,2,2", "pct:", "pct:0,0,0,10", "pct:100,0,10,10", "pct:0,0,0.001,1", "pct:1e1,0,10,10",
        "pct:0,0,.5,1", "pct:0,0,1.,1", "1,2,3,4 ", "١,2,3,4", "0,0,1000000000,1", "nan,0,1,1",
        "pct:0,0,0.00000000001,1",
    ],
)  # fmt: skip
def test_a_region_without_a_pixel_or_a_form_is_malformed(text):
    with pytest.raises(Malformed) as refused:
        region(text)
    assert refused.value.field == "region"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max", (2560, 1920)),
        ("^max", (2560, 1920)),
        ("400,", (400, 300)),
        (",400", (533, 400)),
        ("400,400", (400, 400)),
        ("!400,400", (400, 300)),
        ("!400,100", (133, 100)),
        ("pct:10", (400, 300)),
        ("pct:0.1", (4, 3)),
        ("^2560,100", (2560, 100)),
    ],
)
def test_a_size_follows_the_proportions_unless_both_sides_are_given(text, expected):
    assert size(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max", (300, 200)),
        ("^max", (2560, 1707)),
        ("^600,", (600, 400)),
        ("^,100", (150, 100)),
        ("^!900,900", (900, 600)),
        ("^pct:150", (450, 300)),
        ("!200,5000", (200, 133)),
    ],
)
def test_only_a_caret_enlarges(text, expected):
    assert size(text, SMALL) == expected


@pytest.mark.parametrize(
    "text", ["301,", ",201", "300,201", "301,1", "pct:100.5", "!2000,3000", "!301,201"]
)
def test_more_than_the_region_without_a_caret_is_malformed(text):
    with pytest.raises(Malformed) as refused:
        size(text, SMALL)
    assert refused.value.field == "size"


@pytest.mark.parametrize(
    "text",
    [
        "", "full", "^full", "0,", ",0", "0,0", ",", "!,", "!5,", "!,5", "pct:0", "pct:", "pct:-1", "pct:1e2",
        "2561,", "^2561,1", "^9,2561", "^^5,", "^!", "5,5,5", "1.5,", "pct:0.01", "4000,3000", "max ", "MAX",
        "1000000000,", "²,",
    ],
)  # fmt: skip
def test_a_size_that_cannot_be_had_is_malformed(text):
    with pytest.raises(Malformed) as refused:
        size(text)
    assert refused.value.field == "size"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("full", (300, 200)),
        ("max", (300, 200)),
        ("600,", (600, 400)),
        ("pct:200", (600, 400)),
        ("!600,600", (600, 400)),
    ],
)
def test_version_2_knows_full_and_enlarges_without_a_caret(text, expected):
    assert size(text, SMALL, Version.TWO) == expected


@pytest.mark.parametrize("text", ["^max", "^5,", "full"])
def test_version_2_has_no_caret_and_full_is_bound_by_the_limit(text):
    with pytest.raises(Malformed):
        size(text, WIDE, Version.TWO)


def test_a_strip_has_a_largest_size_of_at_least_a_pixel():
    assert size("max", Size(20_000, 3)) == (2560, 1)
    assert size("!100,100", Size(20_000, 3)) == (100, 1)
    with pytest.raises(Malformed):
        size("100,", Size(20_000, 3))


@pytest.mark.parametrize(
    ("text", "mirrored", "degrees"),
    [
        ("0", False, 0),
        ("90", False, 90),
        ("!0", True, 0),
        ("!180", True, 180),
        ("22.5", False, Fraction("22.5")),
        ("360", False, 0),
    ],
)
def test_a_rotation_is_mirrored_first_and_then_turned_clockwise(text, mirrored, degrees):
    found = asked(f"full/max/{text}/default.jpg")
    assert (found.is_mirrored, found.degrees) == (mirrored, degrees)


@pytest.mark.parametrize(
    ("part", "texts"),
    [
        ("rotation", ["", "!", "!!0", "-90", "361", "360.1", "a", "90deg", "1e2", "+5", "NaN"]),
        ("quality", ["", "native", "grey", "Color", "colour", "default.jpg"]),
        ("format", ["", "jpeg", "JPG", "gif", "jp2", "pdf", "exe", "jpg "]),
    ],
)
def test_other_rotations_qualities_and_formats_are_malformed(part, texts):
    for text in texts:
        parts = {"rotation": "0", "quality": "default", "format_": "jpg"}
        parts["format_" if part == "format" else part] = text
        with pytest.raises(Malformed) as refused:
            parse_request(version=Version.THREE, region="full", size="max", **parts)
        assert refused.value.field == part, text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("full/max/0/default.jpg", "full/max/0/default.jpg"),
        ("0,0,4000,3000/2560,/360/default.jpg", "full/max/0/default.jpg"),
        ("pct:0,0,50,50/!500,500/!090.0/gray.png", "0,0,2000,1500/500,375/!90/gray.png"),
        ("square/pct:10/22.50/bitonal.webp", "500,0,3000,3000/300,300/22.5/bitonal.webp"),
        ("10,10,100,50/max/0/color.jpg", "10,10,100,50/max/0/color.jpg"),
        ("10,10,100,50/100,50/0/color.jpg", "10,10,100,50/max/0/color.jpg"),
        ("10,10,100,50/^200,/0/color.jpg", "10,10,100,50/^200,100/0/color.jpg"),
        ("10,10,100,50/^max/0/color.jpg", "10,10,100,50/^max/0/color.jpg"),
    ],
)
def test_the_canonical_text_is_in_pixels(text, canonical):
    assert asked(text).canonical() == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("full/max/0/default.jpg", "full/full/0/default.jpg"),
        ("full/150,100/0/default.jpg", "full/150,/0/default.jpg"),
        ("full/,100/0/default.jpg", "full/150,/0/default.jpg"),
        ("full/150,90/0/default.jpg", "full/150,90/0/default.jpg"),
    ],
)
def test_version_2_writes_full_and_leaves_a_height_out_that_follows(text, canonical):
    assert asked(text, SMALL, Version.TWO).canonical() == canonical


def test_a_request_becomes_the_parameters_of_every_other_picture():
    wanted = asked("pct:0,0,50,50/!500,500/!22.5/gray.png")
    assert wanted.parameters() == {
        "crop": "0,0,2000,1500",
        "width": "500",
        "height": "375",
        "fit": "fill",
        "flip": "h",
        "rotate": "22.5",
        "filter": "grayscale",
        "format": "png",
    }
    assert asked("full/max/0/color.jpg").parameters() == {
        "width": "2560",
        "height": "1920",
        "fit": "fill",
        "format": "jpeg",
    }


TEXTS = st.text(alphabet="0123456789.,!^:pctfulmaxsqreé%/- \0", max_size=20)


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, VERSIONS)
def test_any_texts_are_read_or_malformed(region, size, rotation, quality, format_, version):
    try:
        parsed = parse_request(
            version=version,
            region=region,
            size=size,
            rotation=rotation,
            quality=quality,
            format_=format_,
        )
        resolve(parsed, WIDE, LIMIT)
    except Malformed:
        pass


SIDES = st.integers(1, 50_000)
SMALL_NUMBERS = st.integers(0, 60_000)
PERCENTS = st.decimals(0, 150, places=3).map(str)
REGIONS = st.one_of(
    st.sampled_from(["full", "square"]),
    st.tuples(*[SMALL_NUMBERS] * 4).map(lambda n: ",".join(map(str, n))),
    st.tuples(*[PERCENTS] * 4).map(lambda n: "pct:" + ",".join(n)),
)
CARETS = st.sampled_from(["", "^"])
SIZES = st.one_of(
    st.just("max"),
    st.integers(1, 3000).map("{},".format),
    st.integers(1, 3000).map(",{}".format),
    st.tuples(st.sampled_from(["", "!"]), st.integers(1, 3000), st.integers(1, 3000)).map(
        lambda n: f"{n[0]}{n[1]},{n[2]}"
    ),
    PERCENTS.map("pct:{}".format),
)
ROTATIONS = st.tuples(st.sampled_from(["", "!"]), st.decimals(0, 360, places=2)).map(
    lambda n: f"{n[0]}{n[1]}"
)


@given(SIDES, SIDES, REGIONS, CARETS, SIZES, ROTATIONS, VERSIONS)
def test_what_is_read_fits_the_picture_and_its_canonical_text_means_the_same(
    width, height, region, caret, size, rotation, version
):
    caret = caret if version is Version.THREE else ""
    picture = Size(width, height)
    try:
        wanted = asked(f"{region}/{caret}{size}/{rotation}/default.jpg", picture, version)
    except Malformed:
        return
    left, top, across, down = wanted.box
    assert left >= 0
    assert top >= 0
    assert across >= 1
    assert down >= 1
    assert left + across <= width
    assert top + down <= height
    assert 1 <= wanted.size.width <= LIMIT
    assert 1 <= wanted.size.height <= LIMIT
    if version is Version.THREE and not caret:
        assert not wanted.is_enlarged
    again = asked(wanted.canonical(), picture, version)
    assert again.canonical() == wanted.canonical()
    assert (again.box, again.size, again.degrees) == (wanted.box, wanted.size, wanted.degrees)


@given(SIDES, SIDES, REGIONS, CARETS, SIZES)
def test_the_picture_that_is_made_has_exactly_the_size_that_was_promised(
    width, height, region, caret, size
):
    picture = Size(width, height)
    try:
        wanted = asked(f"{region}/{caret}{size}/0/default.jpg", picture)
    except Malformed:
        return
    spec = parse_spec(wanted.parameters(), limits=SpecLimits(max_width=LIMIT))
    plan = plan_size(spec, width, height, max_width=LIMIT)
    assert plan.crop == wanted.box
    assert plan.window == (wanted.size.width, wanted.size.height)

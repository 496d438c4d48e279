from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Invalid, NotFound
from cimaise.images.operations.table import OPERATIONS
from cimaise.images.spec import (
    MARK_PARAMETERS,
    PRESETS,
    SpecLimits,
    canonical,
    parse_preset,
    parse_spec,
)

LIMITS = SpecLimits(watermarks={"logo": "a1b2", "seal": "c3d4"})

GOOD = {
    "width": ["1", "800", "2560"],
    "height": ["1", "2560"],
    "dpr": ["1", "2", "1.5", "3.25", "5", "1.0"],
    "fit": ["inside", "cover", "contain", "fill"],
    "gravity": ["center", "top", "bottom-left", "southeast", "smart", "0,0", "0.25,1", "1,0.5"],
    "crop": ["0,0,1,1", "10,20,300,400"],
    "quality": ["1", "80", "100"],
    "format": ["auto", "webp", "avif", "jpeg", "jpg", "png"],
    "rotate": ["0", "90", "180", "270", "360", "12.5"],
    "flip": ["h", "v", "both"],
    "blur": ["0.3", "5", "50"],
    "sharpen": ["0.3", "1.5", "10"],
    "brightness": ["0", "1", "1.2", "10"],
    "contrast": ["0", "1", "0.8", "10"],
    "saturation": ["0", "1", "2", "10"],
    "filter": ["grayscale", "sepia", "negative", "bitonal"],
    "background": ["fff", "ff8800", "#ff8800", "ff880080", "white", "black", "transparent"],
    "enlarge": ["0", "1", "true", "false"],
    "watermark": ["logo", "seal"],
    "watermark_position": ["center", "bottom-right", "tile", "0,0", "0.25,1"],
    "watermark_opacity": ["0", "0.5", "1"],
    "watermark_scale": ["0.01", "0.2", "1"],
}
NEEDS = {name: {"watermark": "logo"} for name in MARK_PARAMETERS}
"""What must be given besides a parameter."""

NO_NUMBERS = [
    "",
    " ",
    "x",
    "-1",
    "-0",
    "+1",
    " 1",
    "1 ",
    "1e2",
    "1_0",
    "0x10",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "1,5",
    "١٢",
    "１２",
    "²",
    "1\n",
    "9" * 40,
    "1.",
    ".5",
    "00",
    "01",
    "1.5.2",
    "\0",
    "true",
    "null",
]
BAD = {
    "width": [*NO_NUMBERS, "0", "2561", "800.5", "1000001"],
    "height": [*NO_NUMBERS, "0", "2561", "1.5"],
    "dpr": [*NO_NUMBERS, "0", "0.5", "5.1", "6", "1.00000001"],
    "fit": ["", "Cover", "stretch", "inside ", "none"],
    "gravity": ["", "middle", "1.1,0", "-0.1,0", "0.5", "0,0,0", "0.5,nan", "a,b", ",", "Smart"],
    "crop": ["", "1,2,3", "0,0,0,1", "0,0,1,0", "-1,0,1,1", "0,0,1,1,1", "a,b,c,d", "0,0,1.5,1"],
    "quality": [*NO_NUMBERS, "0", "101", "80.5"],
    "format": ["", "gif", "jxl", "WEBP", "bmp", "heic", "svg", "../webp"],
    "rotate": [*NO_NUMBERS, "361", "-90"],
    "flip": ["", "H", "x", "hv", "true"],
    "blur": [*NO_NUMBERS, "0", "0.2", "51"],
    "sharpen": [*NO_NUMBERS, "0", "11"],
    "brightness": [*NO_NUMBERS, "10.5", "-0.5"],
    "contrast": [*NO_NUMBERS, "11"],
    "saturation": [*NO_NUMBERS, "11"],
    "filter": ["", "none", "Sepia", "blur"],
    "background": ["", "ff", "ffff", "fffff", "gggggg", "##fff", "red", "rgb(0,0,0)", "１２３"],
    "enlarge": ["", "2", "yes", "True"],
    "watermark": ["", "Logo", "other", "logo,seal", "../logo"],
    "watermark_position": ["", "middle", "smart", "1.1,0", "0.5", "Tile"],
    "watermark_opacity": [*NO_NUMBERS, "1.1", "50"],
    "watermark_scale": [*NO_NUMBERS, "0", "0.001", "1.5"],
}


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, texts in GOOD.items() for t in texts])
def test_a_good_value_is_read(name, text):
    assert canonical(parse_spec({name: text} | NEEDS.get(name, {}), limits=LIMITS))


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, texts in BAD.items() for t in texts])
def test_a_bad_value_is_refused_by_the_name_of_its_field(name, text):
    with pytest.raises(Invalid) as refusal:
        parse_spec(NEEDS.get(name, {}) | {name: text}, limits=LIMITS)
    assert refusal.value.field == name
    assert refusal.value.code == "invalid"


@pytest.mark.parametrize("name", MARK_PARAMETERS)
def test_a_parameter_of_watermarks_without_one_is_refused_by_its_name(name):
    with pytest.raises(Invalid) as refusal:
        parse_spec({name: GOOD[name][0]}, limits=LIMITS)
    assert refusal.value.field == name


def test_where_no_watermark_is_configured_there_is_none_to_ask_for():
    with pytest.raises(Invalid) as refusal:
        parse_spec({"watermark": "logo"}, limits=SpecLimits())
    assert refusal.value.field == "watermark"
    assert "there is none" in refusal.value.message


def test_another_picture_under_the_same_name_is_another_variant():
    first, second = (
        canonical(parse_spec({"watermark": "logo"}, limits=SpecLimits(watermarks={"logo": text})))
        for text in ("a", "b")
    )
    assert first != second


@pytest.mark.parametrize("name", ["url", "watermarks", "Width", "w", "", "x" * 5000, "width[]"])
def test_an_unknown_parameter_is_refused_by_its_name(name):
    with pytest.raises(Invalid) as refusal:
        parse_spec({name: "1"}, limits=LIMITS)
    assert refusal.value.field == name[:40]
    assert len(refusal.value.message) < 200


def test_every_operation_has_its_row_in_the_tables_of_values():
    assert {operation.name for operation in OPERATIONS} <= GOOD.keys() & BAD.keys()


@pytest.mark.parametrize("name", ["width", "height"])
def test_a_side_times_dpr_above_the_limit_is_refused_and_says_how_much_it_was(name):
    with pytest.raises(Invalid) as refusal:
        parse_spec({name: "1281", "dpr": "2"}, limits=LIMITS)
    assert refusal.value.field == name
    assert refusal.value.limit is not None
    assert (refusal.value.limit.name, refusal.value.limit.value) == ("max_width", 2560)
    assert refusal.value.limit.actual == 2562


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"width": "800", "dpr": "2"}, {"width": "1600", "dpr": "1"}),
        ({"width": "800", "dpr": "2"}, {"width": "1600"}),
        ({"width": "800"}, {"width": "800", "quality": "80", "format": "webp", "fit": "inside"}),
        ({"width": "800"}, {"width": "800", "gravity": "top", "fit": "cover"}),
        ({"format": "jpg"}, {"format": "jpeg"}),
        ({"format": "png"}, {"format": "png", "quality": "3"}),
        ({"rotate": "90.0"}, {"rotate": "90"}),
        ({}, {"rotate": "360", "brightness": "1.0", "contrast": "1", "enlarge": "0"}),
        ({"background": "fff"}, {"background": "#FFFFFFff"}),
        ({"blur": "5", "flip": "h"}, {"flip": "h", "blur": "5.00"}),
        (
            {"width": "9", "height": "9", "fit": "cover", "gravity": "north"},
            {"width": "9", "height": "9", "fit": "cover", "gravity": "0.5,0"},
        ),
    ],
)
def test_two_ways_to_ask_for_the_same_picture_have_one_canonical_text(one, other):
    assert canonical(parse_spec(one, limits=LIMITS)) == canonical(parse_spec(other, limits=LIMITS))


def test_everything_that_changes_the_picture_changes_the_canonical_text():
    base = {"width": "100", "height": "90", "fit": "cover"}
    changes = [
        {},
        {"width": "101"},
        {"height": "91"},
        {"fit": "fill"},
        {"fit": "contain"},
        {"gravity": "smart"},
        {"gravity": "top"},
        {"crop": "0,0,5,5"},
        {"quality": "79"},
        {"format": "avif"},
        {"format": "auto"},
        {"rotate": "90"},
        {"flip": "h"},
        {"blur": "1"},
        {"sharpen": "1"},
        {"brightness": "1.1"},
        {"contrast": "1.1"},
        {"saturation": "1.1"},
        {"filter": "sepia"},
        {"background": "000"},
        {"enlarge": "1"},
    ]
    texts = {canonical(parse_spec({**base, **change}, limits=LIMITS)) for change in changes}
    assert len(texts) == len(changes)
    spec = parse_spec(base, limits=LIMITS)
    assert canonical(replace(spec, alternatives=("png",))) not in texts


def test_the_default_quality_is_part_of_the_text_so_that_changing_it_changes_pictures():
    other = SpecLimits(default_quality=60)
    assert canonical(parse_spec({}, limits=LIMITS)) != canonical(parse_spec({}, limits=other))


@given(
    st.dictionaries(
        st.one_of(st.sampled_from(sorted(GOOD)), st.text(max_size=10)), st.text(max_size=20)
    )
)
def test_whatever_is_sent_gives_a_spec_or_a_refusal_that_names_a_field(params):
    field = None
    try:
        assert "format=" in canonical(parse_spec(params, limits=LIMITS))
    except Invalid as refusal:
        field = refusal.field
    assert field is None or field in {name[:40] for name in params}


@pytest.mark.parametrize("name", ["thumb", "small", "medium", "large"])
def test_the_four_presets_are_there(name):
    spec = parse_preset(name, {"format": "avif"}, limits=LIMITS)
    assert spec.width == int(PRESETS[name]["width"])
    assert spec.format == "avif"


def test_presets_can_be_given():
    presets = {"hero": {"width": "1000", "filter": "sepia"}}
    assert parse_preset("hero", {}, limits=LIMITS, presets=presets).width == 1000
    with pytest.raises(NotFound):
        parse_preset("thumb", {}, limits=LIMITS, presets=presets)


def test_a_preset_takes_dpr_and_refuses_what_would_make_it_another():
    assert parse_preset("small", {"dpr": "2"}, limits=LIMITS).width == 1600
    with pytest.raises(Invalid) as refusal:
        parse_preset("small", {"width": "5"}, limits=LIMITS)
    assert refusal.value.field == "width"

"""Whatever is asked for: a picture that can be decoded and fits, or a refusal that names a field."""

import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from cimaise.errors import Invalid
from cimaise.images.limits import RenderLimits
from cimaise.images.pipeline import render
from cimaise.images.spec import ImageSpec, SpecLimits, parse_spec
from cimaise.images.watermark import read_watermarks
from tests.kit.examples import examples
from tests.kit.pictures import animation, decoded, guarded_codec, quadrants

MAX_WIDTH = 300
WIDE_RANGE = st.floats(-2, 400, allow_nan=False).map(lambda number: f"{number:.3g}")
GOOD = {
    "width": st.integers(1, MAX_WIDTH).map(str),
    "height": st.integers(1, MAX_WIDTH).map(str),
    "dpr": st.sampled_from(["1", "1.5", "2", "5"]),
    "fit": st.sampled_from(["inside", "cover", "contain", "fill"]),
    "gravity": st.sampled_from(["center", "smart", "top", "bottom-left", "0.2,0.9", "1,1"]),
    "crop": st.tuples(*[st.integers(0, 80)] * 2, *[st.integers(1, 200)] * 2).map(
        lambda box: ",".join(map(str, box))
    ),
    "quality": st.integers(1, 100).map(str),
    "format": st.sampled_from(["webp", "jpeg", "jpg", "png"]),
    "rotate": st.sampled_from(["0", "90", "180", "270", "360", "12.5", "0.1", "359.9"]),
    "flip": st.sampled_from(["h", "v", "both"]),
    "blur": st.sampled_from(["0.3", "3", "50"]),
    "sharpen": st.sampled_from(["0.3", "2", "10"]),
    "brightness": st.sampled_from(["0", "0.5", "1", "10"]),
    "contrast": st.sampled_from(["0", "0.5", "1", "10"]),
    "saturation": st.sampled_from(["0", "0.5", "1", "10"]),
    "filter": st.sampled_from(["grayscale", "sepia", "negative", "bitonal"]),
    "background": st.sampled_from(["fff", "00f", "11223344", "transparent"]),
    "enlarge": st.sampled_from(["0", "1"]),
    "watermark": st.just("logo"),
    "watermark_position": st.sampled_from(["tile", "center", "bottom-right", "0.3,0.3"]),
    "watermark_opacity": st.sampled_from(["0", "0.3", "1"]),
    "watermark_scale": st.sampled_from(["0.01", "0.2", "1"]),
}
ANYTHING = st.one_of(
    st.text(max_size=12), WIDE_RANGE, st.integers(-(10**9), 10**9).map(str), st.just("1,1,0,0")
)
SIZES = [(1, 1), (1, 400), (400, 1), (97, 61), (2, 3)]


@pytest.fixture(scope="module")
def watermarks(tmp_path_factory):
    file = tmp_path_factory.mktemp("marks") / "logo.png"
    file.write_bytes(bytes(quadrants(30, 20).write_to_buffer(".png")))
    return read_watermarks([("logo", file)], guarded_codec())


@pytest.fixture(scope="module")
def limits(watermarks):
    return SpecLimits(max_width=MAX_WIDTH, watermarks=watermarks.digests)


@pytest.fixture(scope="module")
def sources():
    stills = [
        bytes(quadrants(max(width, 2), max(height, 2)).write_to_buffer(suffix))
        for (width, height), suffix in zip(
            SIZES, (".png", ".jpg", ".webp", ".png", ".jpg"), strict=True
        )
    ]
    dot = pyvips.Image.black(1, 1, bands=4).cast("uchar").copy(interpretation="srgb")
    return [*stills, bytes(dot.write_to_buffer(".png")), animation(3, 9, 7)]


@pytest.mark.slow
@settings(max_examples=examples(400))
@given(params=st.fixed_dictionaries({}, optional=GOOD), index=st.integers(0, 6))
def test_every_combination_of_good_values_gives_a_picture_or_names_the_field(
    params, index, watermarks, limits, sources
):
    try:
        spec = parse_spec(params, limits=limits)
        made = render(
            sources[index],
            spec,
            RenderLimits(max_width=MAX_WIDTH),
            codec=guarded_codec(),
            watermarks=watermarks,
        )
    except Invalid as refusal:
        assert refusal.field in params
        return
    image = decoded(made.body)
    assert (image.width, image.height) == (made.width, made.height)
    assert fits(spec, made.width, made.height)


def fits(spec: ImageSpec, width: int, height: int) -> bool:
    """No side is longer than what was asked for, turned or not."""
    if spec.edits.get("rotate", 0) % 90:
        return max(width, height) <= 2 * 4 * MAX_WIDTH
    if spec.edits.get("rotate", 0) in (90, 270):
        width, height = height, width
    return width <= (spec.width or 4 * MAX_WIDTH) and height <= (spec.height or 4 * MAX_WIDTH)


@given(
    good=st.fixed_dictionaries({}, optional=GOOD),
    name=st.one_of(st.sampled_from(sorted(GOOD)), st.text(max_size=10)),
    value=ANYTHING,
)
def test_any_value_of_any_parameter_is_understood_or_refused_by_its_name(good, name, value, limits):
    params = good | {name: value}
    try:
        parse_spec(params, limits=limits)
    except Invalid as refusal:
        assert refusal.field in params
        assert refusal.code == "invalid"
        assert len(refusal.message) < 300

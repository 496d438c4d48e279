import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Invalid
from cimaise.images.geometry import plan_size, to_stored, to_stored_size
from cimaise.images.spec import SpecLimits, parse_spec

LIMITS = SpecLimits()


def plan(width, height, /, **params):
    spec = parse_spec({name: str(value) for name, value in params.items()}, limits=LIMITS)
    return plan_size(spec, width, height, max_width=2560)


@pytest.mark.parametrize(
    ("params", "window"),
    [
        ({"width": 400}, (400, 300)),
        ({"height": 300}, (400, 300)),
        ({"width": 400, "height": 100}, (133, 100)),
        ({"width": 400, "height": 100, "fit": "cover"}, (400, 100)),
        ({"width": 400, "height": 100, "fit": "contain"}, (400, 100)),
        ({"width": 400, "height": 100, "fit": "fill"}, (400, 100)),
        ({"width": 2000}, (800, 600)),
        ({"width": 2000, "enlarge": 1}, (2000, 1500)),
        ({"width": 1600, "height": 600, "fit": "cover"}, (800, 300)),
        ({"width": 1600, "height": 600, "fit": "cover", "enlarge": 1}, (1600, 600)),
        ({"width": 1600, "height": 1600, "fit": "contain"}, (1600, 1600)),
        ({"width": 1600, "height": 300, "fit": "fill"}, (800, 300)),
        ({}, (800, 600)),
        ({"enlarge": 1}, (800, 600)),
        ({"crop": "100,100,200,100"}, (200, 100)),
        ({"crop": "700,500,200,200"}, (100, 100)),
        ({"crop": "100,100,200,100", "width": 50}, (50, 25)),
    ],
)
def test_a_picture_of_800_x_600_becomes(params, window):
    assert plan(800, 600, **params).window == window


def test_a_picture_that_nobody_gave_a_size_is_at_most_max_width():
    assert plan(5120, 1000).window == (2560, 500)
    assert plan(1000, 5120).window == (500, 2560)


def test_a_tall_strip_keeps_the_width_that_was_asked_for():
    assert plan(1080, 8000, width=800).window == (800, 5926)


def test_a_strip_is_made_narrower_where_it_would_be_too_tall():
    assert plan(100, 50_000, width=100).window == (20, 10_240)
    assert plan(100, 50_000, width=100, rotate=45).window == (5, 2560)


def test_the_focal_point_stays_in_view():
    assert plan(1000, 100, width=100, height=100, fit="cover", gravity="0,0").crop[0] == 0
    assert plan(1000, 100, width=100, height=100, fit="cover", gravity="0.5,0").crop[0] == 450
    assert plan(1000, 100, width=100, height=100, fit="cover", gravity="0.3,0").crop[0] == 250
    assert plan(1000, 100, width=100, height=100, fit="cover", gravity="1,1").crop[0] == 900


@pytest.mark.parametrize("crop", ["800,0,1,1", "0,600,1,1", "5000,5000,1,1"])
def test_a_crop_outside_of_the_picture_is_refused(crop):
    with pytest.raises(Invalid) as refusal:
        plan(800, 600, crop=crop)
    assert refusal.value.field == "crop"


sides = st.integers(1, 20_000)
asked = st.one_of(st.none(), st.integers(1, 2560))


@given(
    st.tuples(sides, sides),
    st.tuples(asked, asked),
    st.sampled_from(["inside", "cover", "contain", "fill"]),
    st.booleans(),
    st.sampled_from(["center", "smart", "0.1,0.9"]),
)
def test_no_plan_is_empty_outside_of_the_source_or_boundless(source, wanted, fit, enlarge, gravity):
    (width, height), (to_width, to_height) = source, wanted
    params = {"fit": fit, "enlarge": int(enlarge), "gravity": gravity}
    params |= {"width": to_width} if to_width else {}
    params |= {"height": to_height} if to_height else {}
    made = plan(width, height, **params)
    left, top, across, down = made.crop
    assert 0 <= left < left + across <= width
    assert 0 <= top < top + down <= height
    assert min(*made.size, *made.window) >= 1
    assert max(made.size) <= 10_240
    assert max(made.window) <= 10_240
    assert to_width is None or made.window[0] <= to_width
    assert to_height is None or made.window[1] <= to_height
    if not enlarge:
        assert made.size[0] <= width
        assert made.size[1] <= height


@given(st.integers(1, 8), sides, sides, st.data())
def test_a_box_of_the_upright_picture_lies_inside_of_the_stored_one(
    orientation, width, height, data
):
    upright = to_stored_size((width, height), orientation)
    left = data.draw(st.integers(0, upright[0] - 1))
    top = data.draw(st.integers(0, upright[1] - 1))
    across = data.draw(st.integers(1, upright[0] - left))
    down = data.draw(st.integers(1, upright[1] - top))
    box = to_stored((left, top, across, down), orientation, width, height)
    assert min(box) >= 0
    assert box[0] + box[2] <= width
    assert box[1] + box[3] <= height
    assert box[2] * box[3] == across * down

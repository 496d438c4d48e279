"""info.json: sizes, tiles and what may be asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.images.iiif.description import Offer, describe, profile_uri
from cimaise.images.iiif.dialect import Size, Version
from cimaise.images.iiif.pyramid import TILE_PX, is_offered, offered_sizes, scale_factors
from cimaise.images.iiif.request import ImageRequest, parse_request, resolve

LIMIT = 2560
FORMATS = ("webp", "avif", "jpeg", "png")
BASE = "https://media.example/iiif/3/abc"
FREE, NARROW = Offer(LIMIT, FORMATS), Offer(LIMIT, FORMATS, is_free=False)
PICTURES = st.builds(Size, st.integers(1, 60_000), st.integers(1, 60_000))


def wanted(picture: Size, region: str, size: str, last: str = "default.jpg") -> ImageRequest:
    quality, _, format_ = last.partition(".")
    asked = parse_request(
        version=Version.THREE,
        region=region,
        size=size,
        rotation="0",
        quality=quality,
        format_=format_,
    )
    return resolve(asked, picture, LIMIT)


def test_version_3_says_who_it_is_and_what_it_can_do():
    info = describe(Version.THREE, BASE, Size(4000, 3000), FREE)
    assert list(info)[:7] == ["@context", "id", "type", "protocol", "profile", "width", "height"]
    assert info["@context"] == "http://iiif.io/api/image/3/context.json"
    assert (info["id"], info["type"], info["profile"]) == (BASE, "ImageService3", "level2")
    assert (info["width"], info["height"], info["maxWidth"]) == (4000, 3000, LIMIT)
    assert info["tiles"] == [{"width": TILE_PX, "scaleFactors": [1, 2, 4, 8]}]
    assert info["sizes"][-1] == {"width": 2560, "height": 1920}
    assert info["extraFormats"] == ["webp", "avif"]
    assert "sizeUpscaling" in info["extraFeatures"]


def test_version_2_keeps_its_names_in_the_profile():
    info = describe(Version.TWO, BASE, Size(300, 200), FREE)
    level, details = info["profile"]
    assert level == "http://iiif.io/api/image/2/level2.json"
    assert details["formats"] == ["jpg", "png", "webp", "avif"]
    assert details["maxWidth"] == LIMIT
    assert info["@id"] == BASE
    assert "id" not in info


@pytest.mark.parametrize("version", Version)
def test_where_nothing_is_free_it_is_level_0_of_jpg_alone(version: Version):
    text = str(describe(version, BASE, Size(4000, 3000), NARROW))
    assert "level0" in text
    assert "webp" not in text
    assert "bitonal" not in text
    assert profile_uri(version, NARROW).endswith("/level0.json")


@given(PICTURES)
def test_sizes_grow_to_the_largest_and_tiles_end_with_a_single_one(picture: Size):
    sizes = offered_sizes(picture, LIMIT)
    longer = [max(one.width, one.height) for one in sizes]
    assert longer == sorted(set(longer))
    assert all(max(one.width, one.height) <= LIMIT for one in sizes)
    factors = scale_factors(picture)
    assert max(picture.width, picture.height) <= TILE_PX * factors[-1]
    assert factors == tuple(2**power for power in range(len(factors)))


@given(PICTURES, st.data())
def test_every_size_and_tile_that_is_described_is_offered(picture: Size, data: st.DataObject):
    size = data.draw(st.sampled_from(offered_sizes(picture, LIMIT)))
    assert is_offered(wanted(picture, "full", f"{size.width},{size.height}"), LIMIT)
    side = TILE_PX * data.draw(st.sampled_from(scale_factors(picture)))
    factor = side // TILE_PX
    left = side * data.draw(st.integers(0, (picture.width - 1) // side))
    top = side * data.draw(st.integers(0, (picture.height - 1) // side))
    across, down = min(side, picture.width - left), min(side, picture.height - top)
    tile = f"{left},{top},{across},{down}"
    scaled = f"{-(-across // factor)},{-(-down // factor)}"
    assert is_offered(wanted(picture, tile, scaled), LIMIT)


@pytest.mark.parametrize(
    ("region", "size", "last"),
    [
        ("full", "333,", "default.jpg"),
        ("1,0,512,512", "512,512", "default.jpg"),
        ("0,0,512,512", "100,100", "default.jpg"),
        ("0,0,500,512", "500,512", "default.jpg"),
        ("full", "max", "gray.jpg"),
        ("full", "max", "default.webp"),
    ],
)
def test_everything_else_is_not(region: str, size: str, last: str):
    assert not is_offered(wanted(Size(4000, 3000), region, size, last), LIMIT)

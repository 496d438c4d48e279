"""Where things lie: the lightbox's details beside its arrows, a lone picture in the middle of its row."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import FloatRect, Page, Route, expect

from tests.browser.conftest import NewVisitor
from tests.kit.application import Person, RunningApplication
from tests.kit.pictures import quadrants
from tests.kit.sending import make_collection

FACTS: dict[str, Any] = {
    "width": 6000, "height": 4000, "format": "jpeg", "size": 12_345_678, "frames": 3,
    "exif": {
        "make": "NIKON CORPORATION", "model": "NIKON D810", "exposure_s": 0.004, "f_number": 5.6,
        "lens": "AF-S NIKKOR 24-70mm f/2.8E ED VR with a name that takes more than one line",
        "iso": 400, "focal_length_mm": 50,
    },
}  # fmt: skip
AT_ARROW = """arrow => {
  const { x, y, width, height } = arrow.getBoundingClientRect();
  return [0.1, 0.5, 0.9].every(part => arrow.contains(document.elementFromPoint(x + width / 2, y + height * part)));
}"""


def answer(route: Route) -> None:
    route.fulfill(content_type="application/json", body=json.dumps(FACTS))


@pytest.mark.parametrize(
    "size", [(360, 640), (390, 844), (640, 900), (844, 390), (1400, 900), (3840, 2160)]
)
def test_the_details_never_lie_over_an_arrow(visitor: NewVisitor, size: tuple[int, int]) -> None:
    page = visitor(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce").page
    page.route("**/info", answer)
    page.goto("/gallery/%C3%89t%C3%A9%20&%20co?sort=name")
    page.locator("[data-wall] a").nth(1).click()
    page.get_by_role("button", name="Details (I)").click()
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("NIKKOR")
    for name in ("Previous picture", "Next picture"):
        assert page.get_by_role("button", name=name).evaluate(AT_ARROW), name
    box = details.bounding_box()
    assert box is not None
    assert box["height"] >= min(size[1] / 3, 150)
    assert box["x"] >= 0
    assert box["y"] + box["height"] <= size[1]


@pytest.fixture
def album(site: RunningApplication, ann: Person) -> Iterator[str]:
    """A square alone in the first row of a wide window, because a panorama comes next."""
    with site.client(ann) as client:
        name = make_collection(site, client, title="Lone", visibility="public")
        for number, size in enumerate([(200, 200), (200, 200), (1200, 200), (200, 200)]):
            body = bytes(quadrants(*size).write_to_buffer(".png"))
            path = f"/api/collections/{name}/files/{number}.png"
            client.put(path, content=body).raise_for_status()
        yield name


def box_of(page: Page, selector: str, number: int) -> FloatRect:
    box = page.locator(selector).nth(number).bounding_box()
    assert box is not None
    return box


def test_a_picture_alone_in_its_row_hangs_in_the_middle_of_it(
    visitor: NewVisitor, album: str
) -> None:
    page = visitor(viewport={"width": 1400, "height": 900}).page
    page.goto(f"/gallery/{album}")
    wall, mat, image, panorama, last = (
        box_of(page, ".wall", 0), box_of(page, ".tile a", 0), box_of(page, ".tile img", 0),
        box_of(page, ".tile a", 1), box_of(page, ".tile a", 3),
    )  # fmt: skip
    assert (mat["x"], mat["width"]) == (wall["x"], wall["width"])
    assert image["x"] + image["width"] / 2 == pytest.approx(wall["x"] + wall["width"] / 2, abs=1)
    assert image["height"] == pytest.approx(image["width"], abs=1)
    assert image["height"] == pytest.approx(mat["height"], abs=1)
    assert image["height"] < 600
    assert panorama["y"] > mat["y"]
    assert last["width"] == pytest.approx(224, abs=1)  # the last row is not stretched

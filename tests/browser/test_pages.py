"""The pages in a real browser: as they look, without script, by keyboard."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from cimaise.web.pages.albums import PICTURES_A_PAGE
from tests.browser.conftest import PICTURES, NewVisitor
from tests.kit.application import Person, RunningApplication

PAGES = ("/", "/gallery/long", "/gallery/%C3%89t%C3%A9%20&%20co", "/upload", "/me", "/login")
WIDTHS = (360, 1440, 3840)
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3 at level AA

LOW_CONTRAST = """least => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const part = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, .visually-hidden")) continue;
    const [one, other] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < least) low.push(`${element.tagName} ${element.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_policy_asks_others_or_is_hard_to_read(
    visitor: NewVisitor, ann: Person, scheme: str
) -> None:
    window = visitor(color_scheme=scheme)
    window.sign_in(ann)
    for path in PAGES:
        answer = window.page.goto(path)
        assert answer is not None
        assert answer.status == 200
        window.page.wait_for_load_state("networkidle")
        assert window.page.evaluate(LOW_CONTRAST, LEAST_CONTRAST) == [], path
    window.assert_clean()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(visitor: NewVisitor, ann: Person, width: int) -> None:
    window = visitor(viewport={"width": width, "height": 900})
    window.sign_in(ann)
    for path in PAGES:
        window.page.goto(path)
        assert window.page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_page_says_who_may_frame_it_and_that_nobody_keeps_it(site: RunningApplication) -> None:
    with site.client() as client:
        headers = client.get("/", headers={"accept": "text/html"}).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "private, no-cache"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_choice_between_light_and_dark_outlives_a_reload(visitor: NewVisitor) -> None:
    window = visitor(color_scheme="light")
    page = window.page

    def wall() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.goto("/")
    light = wall()
    page.get_by_role("button", name="Dark colours").click()
    dark = wall()
    assert dark != light
    page.reload()
    assert wall() == dark
    page.get_by_role("button", name="Dark colours").click()
    assert wall() == light
    assert page.evaluate("localStorage.length") == 0
    page.emulate_media(color_scheme="dark")
    assert wall() == dark
    window.assert_clean()


def test_pictures_of_a_row_are_equally_high_and_nothing_moves_when_they_arrive(
    visitor: NewVisitor,
) -> None:
    page = visitor(viewport={"width": 1280, "height": 900}).page
    page.route("**/resize?*", lambda route: route.abort())
    page.goto("/gallery/long")
    before = boxes(page)
    page.unroute("**/resize?*")
    page.reload()
    page.wait_for_load_state("networkidle")
    assert boxes(page)[: len(before)] == before
    rows: dict[float, set[float]] = {}
    for box in before:
        rows.setdefault(box["y"], set()).add(round(box["height"]))
    assert len(rows) > 2
    assert all(max(heights) - min(heights) <= 1 for heights in rows.values())


def boxes(page: Any) -> list[dict[str, float]]:
    """Where the links of the wall are."""
    found: list[dict[str, float]] = page.eval_on_selector_all(
        "[data-wall] a",
        "all => all.map(one => one.getBoundingClientRect()).map(({x, y, width, height}) => ({x, y, width, height}))",
    )
    return found


def test_further_pages_come_by_themselves(visitor: NewVisitor) -> None:
    window = visitor()
    window.page.goto("/gallery/long")
    tiles = window.page.locator("[data-wall] > li")
    assert tiles.count() < PICTURES
    window.page.mouse.wheel(0, 100_000)
    expect(tiles).to_have_count(PICTURES)
    expect(window.page.locator("[data-wall-status]")).to_have_text(
        f"{PICTURES} of {PICTURES} pictures"
    )
    expect(window.page.locator("[data-pages]")).to_be_hidden()
    window.assert_clean()


def test_the_lightbox_by_keyboard(visitor: NewVisitor) -> None:
    window = visitor()
    page = window.page
    page.goto("/gallery/%C3%89t%C3%A9%20&%20co?sort=name")
    links = page.locator("[data-wall] a")
    links.first.focus()
    page.keyboard.press("Enter")
    counter = page.locator(".pswp__counter")
    expect(counter).to_have_text("1 / 4")
    expect(page.locator(".pswp__caption strong")).to_have_text("First light")
    expect(page.get_by_role("link", name="Download the original")).to_have_attribute(
        "href", re.compile(r"p00\.jpg\?download=1$")
    )
    page.keyboard.press("ArrowRight")
    expect(counter).to_have_text("2 / 4")
    page.keyboard.press("Escape")
    expect(page.locator(".pswp")).to_have_count(0)
    expect(links.nth(1)).to_be_focused()
    window.assert_clean()


def test_the_back_button_closes_the_lightbox_and_stays_on_the_page(visitor: NewVisitor) -> None:
    window = visitor(reduced_motion="reduce")
    page = window.page
    page.goto("/gallery/long")
    page.locator("[data-wall] a").nth(2).click()
    expect(page.locator(".pswp__counter")).to_be_visible()
    page.go_back()
    expect(page.locator(".pswp")).to_have_count(0)
    assert page.url.endswith("/gallery/long")
    window.assert_clean()


def test_the_lightbox_goes_on_into_pages_that_were_not_there(visitor: NewVisitor) -> None:
    window = visitor(viewport={"width": 1280, "height": 300}, reduced_motion="reduce")
    page = window.page
    page.add_init_script("delete window.IntersectionObserver; window.IntersectionObserver = class { observe() {} unobserve() {} }")  # fmt: skip
    page.goto("/gallery/long")
    page.locator("[data-wall] a").nth(58).click()
    expect(page.locator(".pswp__counter")).to_have_text(f"59 / {PICTURES}")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".pswp__counter")).to_have_text(f"63 / {PICTURES}")
    window.assert_clean()


def test_without_script_links_lead_on(visitor: NewVisitor) -> None:
    page = visitor(java_script_enabled=False).page
    page.goto("/")
    page.get_by_role("link", name=re.compile("^long")).click()
    page.get_by_role("link", name="Next").click()
    expect(page.locator("[data-wall] > li")).to_have_count(PICTURES - PICTURES_A_PAGE)
    page.locator("[data-wall] a").first.click()
    assert re.search(r"/albums/long/p\d\d\.jpg$", page.url)


def test_without_script_the_form_brings_a_file(visitor: NewVisitor, ann: Person) -> None:
    window = visitor(java_script_enabled=False)
    window.sign_in(ann)
    page = window.page
    page.goto("/upload")
    page.set_input_files("#file", {"name": "n.txt", "mimeType": "text/plain", "buffer": b"words"})
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".notice")).to_contain_text("1 file arrived")


def test_a_link_that_signs_in_once_is_spent_by_the_click_alone(
    visitor: NewVisitor, site: RunningApplication, ann: Person
) -> None:
    token = site.run(site.application.services.access.sessions.issue_sign_in(ann.id))
    window = visitor()
    page = window.page
    for _ in range(2):
        page.goto(f"/login?token={token}")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="ann")).to_be_visible()
    window.assert_clean()
    other = visitor().page
    other.goto(f"/login?token={token}")
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("alert")).to_contain_text("has been used")


def test_who_is_not_signed_in_is_asked_to_and_goes_on_where_they_wanted(
    visitor: NewVisitor, ann: Person
) -> None:
    page = visitor().page
    answer = page.goto("/upload?collection=inbox")
    assert answer is not None
    assert answer.status == 401
    page.get_by_role("link", name="Sign in with an API key").click()
    page.fill("#key", ann.key)
    page.click("main button")
    page.wait_for_url("**/upload?collection=inbox")
    page.goto("/me")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(
    "following", ["//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example", "x"]
)
def test_a_sign_in_leads_to_no_other_site(
    site: RunningApplication, ann: Person, following: str
) -> None:
    with site.client() as client:
        answer = client.post("/login", data={"key": ann.key, "next": following})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert "httponly" in answer.headers["set-cookie"].lower()


def test_errors_are_pages_for_people_and_json_for_programs(site: RunningApplication) -> None:
    with site.client() as client:
        for path, status in (("/gallery/none", 404), ("/?page=0", 422), ("/me", 401)):
            page = client.get(path, headers={"accept": "text/html,*/*;q=0.8"})
            program = client.get(path)
            assert page.status_code == program.status_code == status
            assert page.headers["content-type"].startswith("text/html")
            assert set(program.json()) >= {"error", "code", "request_id"}
            assert program.headers["content-type"] == "application/json"


def test_assets_are_kept_for_ever_and_what_is_absent_is_not_found(site: RunningApplication) -> None:
    with site.client() as client:
        body = client.get("/").text
        sheet = re.search(r'href="(/static/dist/cimaise-[^"]+)"', body)
        assert sheet is not None
        answer = client.get(sheet[1])
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith("text/css")
        for path in (
            "/static/none.css",
            "/static/../page.py",
            "/static/%2e%2e/page.py",
            "/static/",
        ):
            absent = client.get(path)
            assert absent.status_code == 404
            assert absent.json()["code"] == "not_found"
        assert client.post(sheet[1]).status_code == 405


def test_the_details_say_what_the_camera_wrote_down(visitor: NewVisitor) -> None:
    window = visitor(reduced_motion="reduce")
    page = window.page
    page.goto("/gallery/%C3%89t%C3%A9%20&%20co?sort=name")
    page.locator("[data-wall] a").first.click()
    expect(page.locator(".pswp__counter")).to_be_visible()
    panel = page.get_by_role("complementary", name="Details")
    expect(panel).to_be_hidden()
    button = page.get_by_role("button", name="Details (I)")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(panel).to_contain_text("First light")
    expect(panel).to_contain_text("240 × 160 pixels")
    expect(panel).to_contain_text("JPEG")
    page.keyboard.press("ArrowRight")
    expect(panel).to_contain_text("160 × 240 pixels")
    page.keyboard.press("i")
    expect(panel).to_be_hidden()
    window.assert_clean()


def test_a_large_picture_is_looked_at_from_close_by(visitor: NewVisitor) -> None:
    window = visitor(reduced_motion="reduce")
    page = window.page
    page.goto("/gallery/large")
    page.locator("[data-wall] a").click()
    expect(page.get_by_role("button", name="Look closer (L)")).to_be_visible()
    with page.expect_response(re.compile(r"/iiif/3/albums%2Flarge%2Fp00\.jpg/.*/0/default\.")):
        page.keyboard.press("l")
    canvas = page.get_by_label("The picture from close by")
    expect(canvas).to_be_focused()
    for _ in range(4):
        page.keyboard.press("+")
    page.keyboard.press("ArrowRight")  # moves the picture
    expect(canvas).to_be_visible()
    page.wait_for_load_state("networkidle")  # the viewer warns of tiles that come too late
    page.keyboard.press("Escape")
    expect(canvas).to_have_count(0)
    expect(page.get_by_role("button", name="Look closer (L)")).to_be_visible()
    window.assert_clean()


def test_a_small_picture_offers_no_tiles(visitor: NewVisitor) -> None:
    page = visitor(reduced_motion="reduce").page
    page.goto("/gallery/long")
    page.locator("[data-wall] a").first.click()
    expect(page.locator(".pswp__counter")).to_be_visible()
    expect(page.get_by_role("button", name="Look closer (L)")).to_be_hidden()


def test_a_slideshow_goes_on_by_itself_until_somebody_wants_otherwise(visitor: NewVisitor) -> None:
    window = visitor(reduced_motion="reduce")
    page = window.page
    page.clock.install()
    page.goto("/gallery/%C3%89t%C3%A9%20&%20co?sort=name")
    page.locator("[data-wall] a").first.click()
    counter = page.locator(".pswp__counter")
    expect(counter).to_have_text("1 / 4")
    page.keyboard.press("s")
    button = page.get_by_role("button", name="Slideshow (S)")
    expect(button).to_have_attribute("aria-pressed", "true")
    wait_for_picture(page)
    page.clock.run_for(5_100)
    expect(counter).to_have_text("2 / 4")
    page.keyboard.press("ArrowLeft")
    expect(counter).to_have_text("1 / 4")
    expect(button).to_have_attribute("aria-pressed", "false")
    page.clock.run_for(20_000)
    expect(counter).to_have_text("1 / 4")
    button.click()
    for _ in range(4):
        wait_for_picture(page)
        page.clock.run_for(5_100)
    expect(counter).to_have_text("4 / 4")
    expect(button).to_have_attribute("aria-pressed", "false")
    window.assert_clean()


def wait_for_picture(page: Any) -> None:
    """Until the shown picture has come: the slideshow skips none that has not."""
    shown = page.locator(".pswp__item[aria-hidden=false] img:not(.pswp__img--placeholder)")
    expect(shown).to_have_js_property("complete", value=True)

"""Drawings: drawn, never passed on, and rid of everything that is not the drawing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import TooLarge, TypeNotAllowed
from cimaise.images.decoders.svg import MAX_SVG_BYTES
from cimaise.images.limits import MAX_ISOLATED_PIXELS, require_pixels
from cimaise.images.svg_text import sanitised
from tests.kit.pictures import decoded, guarded_codec, make, pixel

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="30">'
RED_RECT = '<rect width="40" height="30" fill="red"/>'


def svg(content: str = RED_RECT, before: str = "") -> bytes:
    return f"{before}{OPEN}{content}</svg>".encode()


@pytest.mark.parametrize("output", ["webp", "png", "jpeg"])
def test_a_drawing_becomes_pixels(output):
    made = make(svg(), format=output, quality=100)
    assert not made.body.lstrip().startswith(b"<")
    assert pixel(decoded(made.body), 0.5, 0.5)[:3] == pytest.approx([255, 0, 0], abs=3)


@pytest.mark.parametrize(
    "before",
    ["", "\ufeff", "<?xml version='1.0'?>", "<!-- hello -->", "  \n", "<!DOCTYPE svg>\n"],
)
def test_whatever_comes_before_it_it_is_recognised(before):
    assert make(svg(before=before)).width == 40


@pytest.mark.parametrize(("width", "height"), [(20_000, 10_000), (100_000, 3), (90_000, 70_000)])
@pytest.mark.parametrize("sides", ['viewBox="0 0 {0} {1}"', 'width="{0}" height="{1}"'])
def test_a_plan_that_says_a_huge_size_is_drawn_at_the_size_that_is_asked_for(sides, width, height):
    halves = '<rect width="50%" height="100%" fill="red"/><rect x="50%" width="50%" height="100%" fill="blue"/>'
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {sides.format(width, height)}>{halves}</svg>'
    )
    header = guarded_codec().read_header(drawing.encode())
    require_pixels(header, MAX_ISOLATED_PIXELS)
    assert header.width / header.height == pytest.approx(width / height, rel=0.01)
    image = decoded(make(drawing.encode(), width=300, format="png").body)
    assert (image.width, image.height) == (300, max(1, round(300 * height / width)))
    assert pixel(image, 0.25, 0.5)[:3] == pytest.approx([255, 0, 0], abs=3)
    assert pixel(image, 0.75, 0.5)[:3] == pytest.approx([0, 0, 255], abs=3)


def test_it_is_as_sharp_as_its_size_when_enlarged():
    half = (
        '<rect width="20" height="30" fill="red"/><rect x="20" width="20" height="30" fill="blue"/>'
    )
    image = decoded(make(svg(half), width=400, enlarge=1, format="png").body)
    assert image.width == 400
    assert image.getpoint(198, 100)[:3] == [255, 0, 0]
    assert image.getpoint(201, 100)[:3] == [0, 0, 255]
    assert make(svg(half), width=400).width == 40


@pytest.mark.parametrize(
    ("content", "gone"),
    [
        ("<script>alert(1)</script>", "alert"),
        ("<svg:script xmlns:svg='http://www.w3.org/2000/svg'>alert(1)</svg:script>", "alert"),
        ("<g onload='alert(1)'/>", "onload"),
        ("<g ONCLICK='alert(1)'/>", "alert"),
        ("<foreignObject><iframe src='https://x.test'/></foreignObject>", "iframe"),
        ("<image href='https://x.test/a.png'/>", "x.test"),
        ("<image xlink:href='file:///etc/passwd'/>", "passwd"),
        ("<image href='/etc/passwd'/>", "passwd"),
        ("<image href='data:image/svg+xml;base64,AAAA'/>", "data:"),
        ("<use href='other.svg#a'/>", "other.svg"),
        ("<rect style='fill:url(https://x.test/a#b)'/>", "x.test"),
        ("<rect fill='url(  &quot;https://x.test/a#b&quot;)'/>", "x.test"),
        ("<style>@import url(https://x.test/a.css);</style>", "x.test"),
        ("<style>@import 'https://x.test/a.css';</style>", "x.test"),
        ("<style>@\\69mport 'https://x.test/a.css';</style>", "\\69"),
        ("<style>a{fill:u\\72l(https://x.test)}</style>", "\\72"),
        ("<style><![CDATA[@import 'https://x.test/a.css';]]></style>", "x.test"),
        ("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/passwd'/>", "passwd"),
        ("<g xml:base='https://x.test/'/>", "x.test"),
        ("<?xml-stylesheet href='https://x.test/a.css'?>", "stylesheet"),
        ("<!-- https://x.test -->", "x.test"),
    ],
)
def test_what_is_not_the_drawing_is_left_out(content, gone):
    clean = sanitised(svg(content + RED_RECT)).decode()
    assert gone not in clean
    assert 'fill="red"' in clean
    assert pixel(decoded(make(svg(content + RED_RECT), format="png").body), 0.5, 0.5)[0] == 255


@pytest.mark.parametrize(
    "content",
    ["<use href='#a'/>", "<rect fill='url(#a)'/>", "<image href='data:image/png;base64,AAAA'/>"],
)
def test_links_inside_stay(content):
    link = content.split("'")[1]
    assert link in sanitised(svg(content)).decode()


@pytest.mark.parametrize(
    "source",
    [
        b"<svg",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"<?xml version='1.0'?><html><body/></html>",
        b"<!-- x --><rss/>",
        svg(before='<!DOCTYPE svg [<!ENTITY a "' + "x" * 1000 + '">]>').replace(
            b"<rect", b"<text>" + b"&a;" * 1000 + b"</text><rect"
        ),
        svg("<g>" * 5000 + "</g>" * 5000),
        svg("<g/>" * 100_001),
        svg(
            before='<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
            '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">'
            '<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;">]>'
        ).replace(b"<rect", b"<text>&f;</text><rect"),
    ],
)
def test_what_is_no_drawing_or_too_much_of_one_is_refused(source):
    with pytest.raises(TypeNotAllowed) as refusal:
        make(source)
    assert refusal.value.code == "not_an_image"


def test_an_entity_of_a_file_outside_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("secret words")
    doctype = f'<!DOCTYPE svg [<!ENTITY a SYSTEM "file://{tmp_path}/secret">]>'
    text = sanitised(svg("<text>&a;</text>", before=doctype)).decode()
    assert "secret words" not in text


def test_a_drawing_that_is_too_long_is_refused_by_its_length():
    with pytest.raises((TypeNotAllowed, TooLarge)):
        guarded_codec().read_header(svg("<!--" + "x" * MAX_SVG_BYTES + "-->"))


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_gives_a_drawing_or_a_value_error(inside, attribute):
    for content in (inside, f"<g fill='{attribute}'/>", f"<style>{inside}</style>"):
        try:
            clean = sanitised(svg(content))
        except ValueError:
            continue
        assert sanitised(clean) == clean

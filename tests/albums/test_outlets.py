"""Albums in other programs' forms: every one is read back by somebody else's reader."""

import json
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.access.policy import Visibility
from cimaise.albums.model import (
    AlbumPage,
    AlbumSummary,
    Pagination,
    Picture,
    Rendition,
    Sort,
)
from cimaise.albums.outlets import feeds, oembed, sitemap
from cimaise.albums.outlets.manifest import manifest
from cimaise.albums.outlets.places import Places
from tests.kit.albums import MARCH_9

BASE = "https://pictures.example/site"
MEDIA = "{http://search.yahoo.com/mrss/}"
PLAIN = Picture(
    "photo 1.jpg", "/albums/lakes/photo%201.jpg", "/albums/lakes/photo%201-thumb.jpg", "", MARCH_9,
    2048, 1365, 500, 400, renditions=(Rendition("/resize?url=/albums/lakes/x.jpg&width=960", 960),),
)  # fmt: skip
FULL = replace(
    PLAIN, caption="Boats & <sails>", taken_at=MARCH_9 - timedelta(days=3), id="f1",
    src="https://live.staticflickr.com/1.jpg", thumb="https://live.staticflickr.com/1_m.jpg",
    renditions=(), source_url="https://www.flickr.com/photos/anna/1", attribution="Anna",
    rights="https://creativecommons.org/licenses/by/4.0/",
)  # fmt: skip


def album(*pictures: Picture, title: str = "Lakes & <hills>", name: str = "été 1") -> AlbumPage:
    return AlbumPage(
        name, title, Visibility.PUBLIC, "folder", pictures, Pagination(1, 20, len(pictures)),
        Sort.DATE, True,
    )  # fmt: skip


PLACES = Places(BASE, "été 1")
PAGE = f"{BASE}/gallery/%C3%A9t%C3%A9%201"


def test_the_rss_feed_is_read_back():
    root = ET.fromstring(feeds.rss(album(PLAIN, FULL), PLACES))
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    channel = root.find("channel")
    assert channel is not None
    assert channel.findtext("title") == "Lakes & <hills>"
    assert channel.findtext("link") == PAGE
    first, second = channel.findall("item")
    assert first.findtext("title") == "photo 1.jpg"
    assert parsedate_to_datetime(first.findtext("pubDate") or "") == MARCH_9
    content = first.find(f"{MEDIA}content")
    assert content is not None
    assert content.attrib == {
        "url": f"{BASE}/albums/lakes/photo%201.jpg", "medium": "image", "width": "2048",
        "height": "1365",
    }  # fmt: skip
    assert second.findtext("title") == "Boats & <sails>"
    assert second.findtext("link") == "https://www.flickr.com/photos/anna/1"
    assert 'alt="Boats &amp; &lt;sails&gt;"' in (second.findtext("description") or "")
    assert second.findtext(f"{MEDIA}credit") == "Anna"
    guids = [item.find("guid") for item in (first, second)]
    assert all(guid is not None and guid.get("isPermaLink") == "false" for guid in guids)


def test_the_json_feed_says_the_same():
    feed = json.loads(json.dumps(feeds.json_feed(album(PLAIN, FULL), PLACES)))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert (feed["home_page_url"], feed["feed_url"]) == (PAGE, f"{PAGE}/feed.json")
    first, second = feed["items"]
    assert first["id"] == f"{BASE}/albums/lakes/photo%201.jpg"
    assert first["date_published"] == "2026-03-09T10:11:12Z"
    assert second["authors"] == [{"name": "Anna"}]


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_title_and_any_caption_make_a_feed_that_can_be_read(title, caption):
    body = feeds.rss(album(replace(PLAIN, caption=caption), title=title), PLACES)
    ET.fromstring(body)


def service(picture: Picture) -> str | None:
    return None if picture.source_url else "/iiif/3/albums%2Flakes%2Fphoto%201.jpg"


# Presentation API 3.0, §3 and appendix A: what each kind of resource must and may have.
MUST = {
    "Manifest": {"@context", "id", "type", "label", "items"},
    "Canvas": {"id", "type", "width", "height", "items"},
    "AnnotationPage": {"id", "type", "items"},
    "Annotation": {"id", "type", "motivation", "body", "target"},
    "Image": {"id", "type", "format", "width", "height"},
    "Text": {"id", "type", "label", "format"},
    "Dataset": {"id", "type"},
    "ImageService3": {"id", "type", "profile"},
}
MAY = {
    "Manifest": {"metadata", "summary", "requiredStatement", "rights", "navDate", "provider",
                 "thumbnail", "behavior", "homepage", "seeAlso"},
    "Canvas": {"label", "metadata", "requiredStatement", "rights", "navDate", "thumbnail", "homepage"},
    "Image": {"service"},
    "Dataset": {"format", "profile", "label"},
}  # fmt: skip


def assert_is_valid(resource) -> None:
    """Every resource in it has what it must, and nothing that it may not."""
    if isinstance(resource, list):
        for one in resource:
            assert_is_valid(one)
    if not isinstance(resource, dict):
        return
    if "type" in resource:
        kind = resource["type"]
        assert MUST[kind] <= set(resource) <= MUST[kind] | MAY.get(kind, set()), resource
        assert resource["id"].startswith("https://")
        assert all(isinstance(resource[name], int) and resource[name] > 0
                   for name in ("width", "height") if name in resource)  # fmt: skip
    for name, value in resource.items():
        if name in ("label", "value"):
            assert all(isinstance(words, list) for words in value.values()), resource
        elif name in ("items", "thumbnail", "homepage", "seeAlso", "service", "metadata"):
            assert isinstance(value, list)
        assert_is_valid(value)


def test_the_manifest_is_one_by_the_rules_of_the_presentation_api():
    made = manifest(album(PLAIN, FULL), PLACES, service)
    assert_is_valid(made)
    assert made["id"] == f"{BASE}/api/albums/%C3%A9t%C3%A9%201/manifest"
    assert [(canvas["width"], canvas["height"]) for canvas in made["items"]] == [(2048, 1365)] * 2
    first, second = made["items"]
    body = first["items"][0]["items"][0]["body"]
    assert body["id"] == f"{BASE}/resize?url=/albums/lakes/x.jpg&width=960"
    assert (body["width"], body["height"], body["format"]) == (960, 640, "image/webp")
    assert body["service"] == [
        {"id": f"{BASE}/iiif/3/albums%2Flakes%2Fphoto%201.jpg", "type": "ImageService3", "profile": "level2"}
    ]  # fmt: skip
    assert second["rights"] == "http://creativecommons.org/licenses/by/4.0/"
    assert second["requiredStatement"]["value"] == {"none": ["Anna"]}
    assert second["navDate"] == "2026-03-06T10:11:12Z"
    assert second["label"] == {"none": ["Boats & <sails>"]}
    assert "service" not in second["items"][0]["items"][0]["body"]


def test_every_id_in_a_manifest_is_another():
    made = manifest(album(PLAIN, PLAIN, FULL), PLACES, service)
    found = [
        one for canvas in made["items"] for one in (
            canvas["id"], canvas["items"][0]["id"], canvas["items"][0]["items"][0]["id"]
        )
    ]  # fmt: skip
    assert len(set(found)) == len(found) == 9


def test_an_empty_album_is_a_manifest_too():
    assert manifest(album(), PLACES, service)["items"] == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (PAGE, "été 1"), (f"{BASE}/gallery/a?page=2", "a"), (f"{BASE}/gallery/2024~x#y", "2024~x"),
        (f"{BASE}/gallery/", None), (f"{BASE}/", None), ("https://evil.example/gallery/a", None),
        (f"{BASE}.evil.example/gallery/a", None), ("", None), (f"{BASE}/gallery/a/b", None),
        (f"{BASE}/gallery/%ff", None), (f"{BASE}/albums/a", None), ("/gallery/a", None),
    ],
)  # fmt: skip
def test_only_pages_of_galleries_are_embedded(url, name):
    assert oembed.album_of(url, BASE) == name


@given(st.integers(-10, 10_000), st.integers(-10, 10_000))
def test_an_embedded_gallery_is_never_larger_than_wanted_nor_too_small_to_see(width, height):
    found = oembed.fit(width, height)
    assert 100 <= found[0] <= max(100, min(width, 800)) or width == 0
    assert 100 <= found[1] <= max(100, min(height, 600)) or height == 0


def test_what_is_embedded_is_escaped():
    answer = oembed.oembed(album(PLAIN, title='"><script>'), PLACES, width=400, height=300)
    assert "<script>" not in answer["html"]
    assert f'src="{BASE}/embed/%C3%A9t%C3%A9%201"' in answer["html"]
    root = ET.fromstring(oembed.oembed_xml(answer))
    assert root.findtext("html") == answer["html"]
    assert root.findtext("thumbnail_width") == "500"


def test_the_sitemap_lists_pages_and_robots_leads_to_it():
    listed = AlbumSummary("été 1", "x", None, 1, Visibility.PUBLIC, "folder", MARCH_9)
    root = ET.fromstring(sitemap.sitemap([listed], BASE))
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    found = [one.findtext(f"{space}loc") for one in root.findall(f"{space}url")]
    assert found == [f"{BASE}/", PAGE]
    assert root.findtext(f"{space}url/{space}lastmod") == "2026-03-09T10:11:12Z"
    assert f"Sitemap: {BASE}/sitemap.xml" in sitemap.robots(BASE, is_indexed=True)
    assert sitemap.robots(BASE, is_indexed=False) == "User-agent: *\nDisallow: /\n"

import json
from dataclasses import replace

from cimaise.access.policy import Visibility
from cimaise.albums.contract import album_json, albums_json
from cimaise.albums.model import (
    AlbumList,
    AlbumPage,
    AlbumSummary,
    Pagination,
    Picture,
    Rendition,
    Sort,
)
from tests.kit.albums import MARCH_9

PICTURE = Picture(
    "photo1.jpg", "/albums/vacation/photo1.jpg", "/albums/vacation/photo1-thumb.jpg", "",
    MARCH_9, 2048, 1365, 500, 400,
)  # fmt: skip
SUMMARY = AlbumSummary(
    "été 1", "Été", "/albums/x/y-thumb.jpg", 3, Visibility.PUBLIC, "folder", MARCH_9
)


def page_of(*pictures: Picture, page: int = 1, total: int = 100) -> AlbumPage:
    return AlbumPage(
        "vacation", "vacation", Visibility.PUBLIC, "folder", pictures,
        Pagination(page, 20, total), Sort.DATE, True,
    )  # fmt: skip


def test_an_album_is_the_contract_to_the_letter_and_in_its_order():
    assert json.dumps(album_json(page_of(PICTURE))) == json.dumps(
        {
            "images": [
                {
                    "src": "/albums/vacation/photo1.jpg",
                    "thumb": "/albums/vacation/photo1-thumb.jpg",
                    "alt": "Gallery: vacation",
                    "date": "March 9, 2026",
                    "bigWidth": 2048,
                    "bigHeight": 1365,
                    "thumbWidth": 500,
                    "thumbHeight": 400,
                    "dateTime": "2026-03-09T10:11:12Z",
                    "id": "photo1.jpg",
                    "name": "photo1.jpg",
                    "width": 2048,
                    "height": 1365,
                }
            ],
            "pagination": {
                "page": 1,
                "limit": 20,
                "total": 100,
                "totalPages": 5,
                "hasNextPage": True,
                "hasPrevPage": False,
            },
        }
    )


def test_what_else_is_known_follows_the_contract_s_keys():
    known = replace(
        PICTURE, caption="Boats", id="f1", placeholder="3OcRJYB4d3h/iIeHeEh3eIhw+j2w",
        renditions=(Rendition("/a?width=480", 480), Rendition("/a?width=960", 960)),
        taken_at=MARCH_9, rights="https://creativecommons.org/licenses/by/4.0/",
        attribution="Ann", source_url="https://live.example/1", download="/a?download=1",
    )  # fmt: skip
    (image,) = album_json(page_of(known))["images"]
    assert list(image)[:8] == [
        "src", "thumb", "alt", "date", "bigWidth", "bigHeight", "thumbWidth", "thumbHeight",
    ]  # fmt: skip
    assert image["alt"] == image["title"] == "Boats"
    assert image["srcset"] == "/a?width=480 480w, /a?width=960 960w"
    assert image["takenAt"] == image["dateTime"] == "2026-03-09T10:11:12Z"
    assert image["taken"] == "2026-03-09T10:11:12+00:00"
    assert (image["id"], image["placeholder"]) == ("f1", "3OcRJYB4d3h/iIeHeEh3eIhw+j2w")
    assert image["thumbhash"] == image["placeholder"]
    assert image["caption"] == "Boats"
    assert list(image)[-4:] == ["rights", "attribution", "sourceUrl", "download"]
    (image,) = album_json(page_of(known), base_url="https://pictures.example")["images"]
    assert image["srcset"].startswith("https://pictures.example/a?width=480 480w, https://p")
    assert image["download"] == "https://pictures.example/a?download=1"
    assert image["sourceUrl"] == "https://live.example/1"


def test_an_empty_page_past_the_end_keeps_the_shape():
    answer = album_json(page_of(page=9, total=0))
    assert answer == {
        "images": [],
        "pagination": {
            "page": 9, "limit": 20, "total": 0, "totalPages": 0, "hasNextPage": False,
            "hasPrevPage": True,
        },
    }  # fmt: skip


def test_the_list_has_relative_urls_and_the_fields_of_its_contract():
    answer = albums_json(AlbumList((SUMMARY,), Pagination(1, 20, 1)), base_url=None)
    assert list(answer) == ["albums", "pagination"]
    assert json.dumps(answer["albums"]) == json.dumps(
        [
            {
                "name": "été 1", "title": "Été", "cover": "/albums/x/y-thumb.jpg", "count": 3,
                "url": "/gallery/%C3%A9t%C3%A9%201", "visibility": "public", "source": "folder",
            }
        ]
    )  # fmt: skip


def test_absolute_urls_are_built_on_the_given_base_and_on_nothing_else():
    foreign = replace(SUMMARY, name="b", cover="https://live.example/1.jpg")
    empty = replace(SUMMARY, name="c", cover=None)
    listed = AlbumList((SUMMARY, foreign, empty), Pagination(1, 20, 3))
    albums = albums_json(listed, base_url="https://pictures.example/site")["albums"]
    assert [album["cover"] for album in albums] == [
        "https://pictures.example/site/albums/x/y-thumb.jpg", "https://live.example/1.jpg", None,
    ]  # fmt: skip
    assert albums[1]["url"] == "https://pictures.example/site/gallery/b"

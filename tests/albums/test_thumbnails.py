from hypothesis import given
from hypothesis import strategies as st

from cimaise.albums.sources.folder.tree import FolderFile, pair_thumbnails

STEMS = st.text("ab-", min_size=1, max_size=3).map(lambda text: text + "x") | st.just("thumb")
NAMES = st.builds(
    lambda stem, thumbs, extension: stem + "-thumb" * thumbs + "." + extension,
    STEMS, st.integers(0, 3), st.sampled_from(["jpg", "png", "JPG"]),
)  # fmt: skip


def paired(*names: str) -> dict[str, str | None]:
    files = [FolderFile(name, 1, 1) for name in sorted(names)]
    return {one.file.name: one.thumb.name if one.thumb else None for one in pair_thumbnails(files)}


def test_a_thumbnail_beside_its_picture_is_no_picture_of_its_own():
    assert paired("photo1.jpg", "photo1-thumb.jpg") == {"photo1.jpg": "photo1-thumb.jpg"}


def test_a_thumbnail_may_have_another_extension_but_the_same_is_preferred():
    assert paired("a.jpg", "a-thumb.webp") == {"a.jpg": "a-thumb.webp"}
    assert paired("a.jpg", "a-thumb.avif", "a-thumb.jpg", "a-thumb.webp") == {
        "a.jpg": "a-thumb.jpg"
    }
    assert paired("a.JPG", "a-thumb.jpg", "a-thumb.gif") == {"a.JPG": "a-thumb.jpg"}


def test_two_pictures_of_one_stem_share_their_thumbnail():
    assert paired("a.jpg", "a.png", "a-thumb.jpg") == {
        "a.jpg": "a-thumb.jpg",
        "a.png": "a-thumb.jpg",
    }


def test_without_its_picture_a_thumbnail_is_a_picture():
    assert paired("x-thumb.jpg") == {"x-thumb.jpg": None}


def test_thumb_inside_of_a_name_means_nothing():
    names = ("thumbelina.jpg", "thumb.jpg", "a-thumbs.jpg", "a.jpg", "a_thumb.jpg", "-thumb.jpg")
    assert paired(*names) == dict.fromkeys(sorted(names))


def test_the_thumbnail_of_a_thumbnail_is_a_picture():
    assert paired("a.jpg", "a-thumb.jpg", "a-thumb-thumb.jpg") == {
        "a-thumb-thumb.jpg": None,
        "a.jpg": "a-thumb.jpg",
    }


@given(st.sets(NAMES, max_size=12))
def test_every_file_is_a_picture_or_the_thumbnail_of_one(names):
    files = [FolderFile(name, 1, 1) for name in sorted(names)]
    pictures = {one.file.name for one in pair_thumbnails(files)}
    for name in names - pictures:
        stem = name.rpartition(".")[0].removesuffix("-thumb")
        assert any(picture.rpartition(".")[0] == stem for picture in pictures)

"""Folder albums with the decoder that the application gives them."""

import os
import shutil
from pathlib import Path

import pytest

from cimaise.access.policy import GUEST
from cimaise.albums.model import Sort, Wanted
from cimaise.albums.sources.folder.index import FolderIndex
from cimaise.albums.sources.folder.source import FolderSource
from cimaise.images.codec import read_header
from cimaise.images.geometry import plan_size
from cimaise.images.libvips import prepare_libvips
from cimaise.images.metadata.quick import read_quick_header
from cimaise.images.spec import ImageSpec

CORPUS = Path(os.environ.get("MEDIA_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of pictures here")


@pytest.fixture
async def real(root, database):
    prepare_libvips()
    source = FolderSource(
        root, FolderIndex(database, lambda path: read_quick_header(path, read_header))
    )
    yield source
    await source.close()


async def test_sizes_are_those_that_people_see(real, root):
    shutil.copytree(CORPUS / "orientation", root / "turned")
    page = await real.open_album(GUEST, "turned", Wanted(limit=100, sort=Sort.NAME))
    assert len(page.pictures) == 16
    for picture in page.pictures:
        assert (picture.width > picture.height) == picture.name.startswith("Landscape")


async def test_a_thumb_has_the_size_that_the_variant_will_have(real, root):
    shutil.copytree(CORPUS / "formats", root / "many")
    shutil.copytree(CORPUS / "landscapes", root / "wide")
    for album in ("many", "wide"):
        page = await real.open_album(GUEST, album, Wanted(limit=100))
        assert page.pictures
        for picture in page.pictures:
            planned = plan_size(ImageSpec(width=500), picture.width, picture.height, max_width=2560)
            assert (picture.thumb_width, picture.thumb_height) == planned.size


async def test_broken_files_hide_nobody_else(real, root):
    shutil.copytree(CORPUS / "hostile", root / "odd")
    shutil.copy(CORPUS / "photos" / "320x240.jpg", root / "odd" / "good.jpg")
    page = await real.open_album(GUEST, "odd", Wanted(limit=100))
    shown = {picture.name: (picture.width, picture.height) for picture in page.pictures}
    assert shown["good.jpg"] == (320, 240)
    assert all(width > 0 and height > 0 for width, height in shown.values())
    assert page.pagination.total == len(shown)
    await real.settled()
    (album,) = await real.list_albums(GUEST)
    assert album.count == len(shown)

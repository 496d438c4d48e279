import os
import socket
from pathlib import Path

import pytest

from cimaise.access.policy import GUEST
from cimaise.albums.model import Wanted
from cimaise.errors import NotFound
from tests.kit.albums import put

NO_ALBUMS = [
    "", ".", "..", "../secret", "/", "/etc", "a/../a", "a/", "./a", "a\0", "\0", "..~a", "a~..",
    "~", "~a", "a~", "a~~b", ".hidden", "a~.hidden", "a\\..", "%2e%2e", "..%2f", "\udcff",
    "x" * 300, "a~" * 500 + "a", "link", "a~link", "absent", "1.jpg", "a~1.jpg", "A ", "a\n",
]  # fmt: skip
NO_FILES = [
    "", ".", "..", "../1.jpg", "../secret/2.jpg", "/etc/passwd", "1.jpg/", "1.jpg\0", "\0.jpg",
    ".hidden.jpg", "album.toml", "notes.txt", "page.html", "page.xml", "b", "link.jpg", "dir.jpg",
    "pipe.jpg", "socket.jpg", "absent.jpg", "%31.jpg", "..%2f1.jpg", "\udcff.jpg", "1", ".jpg",
    "x" * 300 + ".jpg", "1.jpg\n", "1.jpg ", "b/3.jpg", "b\\3.jpg",
]  # fmt: skip


@pytest.fixture
def guarded(root):
    """An album with a neighbour outside, and everything that could lead there."""
    secret = put(root.parent, "secret/2.jpg")
    put(root, "a/1.jpg")
    put(root, "a/b/3.jpg")
    for name in (".hidden.jpg", "album.toml", "notes.txt", "page.html", "page.xml"):
        put(root, f"a/{name}", "")
    put(root, ".hidden/1.jpg")
    (root / "link").symlink_to(secret.parent)
    (root / "a" / "link").symlink_to(secret.parent)
    (root / "a" / "link.jpg").symlink_to(secret)
    (root / "a" / "dir.jpg").mkdir()
    os.mkfifo(root / "a" / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(root / "a")  # a socket's path is at most 108 bytes
        made.bind("socket.jpg")
        os.chdir(here)
    return root


@pytest.mark.parametrize("name", NO_ALBUMS, ids=ascii)
async def test_no_name_leads_to_anything_but_an_album(guarded, catalogue, name):
    with pytest.raises(NotFound):
        await catalogue.open_album(GUEST, name)
    for file in ("1.jpg", "2.jpg", "3.jpg", "passwd"):
        with pytest.raises(NotFound):
            await catalogue.open_file(GUEST, name, file)


@pytest.mark.parametrize("name", NO_FILES, ids=ascii)
async def test_no_name_leads_to_anything_but_a_picture_of_the_album(guarded, catalogue, name):
    with pytest.raises(NotFound):
        await catalogue.open_file(GUEST, "a", name)


async def test_what_is_meant_to_be_served_is_served(guarded, catalogue):
    put(guarded, "a/1-thumb.PNG", "500x400")
    for file, media_type in (("1.jpg", "image/jpeg"), ("1-thumb.PNG", "image/png")):
        found = await catalogue.open_file(GUEST, "a", file)
        facts = (guarded / "a" / file).stat()
        assert found.path == guarded / "a" / file
        assert (found.size, found.mtime_ns) == (facts.st_size, facts.st_mtime_ns)
        assert (found.media_type, found.public) == (media_type, True)


async def test_links_are_neither_listed_nor_shown(guarded, catalogue):
    assert {album.name for album in (await catalogue.list_albums(GUEST)).albums} == {
        "a", "a~b", "a~dir.jpg",
    }  # fmt: skip
    page = await catalogue.open_album(GUEST, "a")
    assert [picture.name for picture in page.pictures] == ["1.jpg"]


async def test_an_etag_changes_with_the_file(root, catalogue):
    put(root, "a/1.jpg", "10x10")
    first = (await catalogue.open_file(GUEST, "a", "1.jpg")).etag
    assert (await catalogue.open_file(GUEST, "a", "1.jpg")).etag == first
    put(root, "a/1.jpg", "100x10")
    assert (await catalogue.open_file(GUEST, "a", "1.jpg")).etag != first


async def test_the_folder_of_all_albums_may_be_a_link_of_the_operator_s(root, folders):
    elsewhere = root.with_name("disk")
    put(elsewhere, "a/1.jpg")
    root.rmdir()
    root.symlink_to(elsewhere)
    page = await folders.open_album(GUEST, "a", Wanted())
    assert [picture.name for picture in page.pictures] == ["1.jpg"]

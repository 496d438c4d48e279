import os
from datetime import timedelta

import pytest

from cimaise.access.policy import GUEST, Visibility
from cimaise.albums.model import Order, Rendition, Sort, Wanted
from cimaise.albums.sources.folder.source import FolderSource
from cimaise.errors import NotFound
from tests.kit.albums import ADMIN, MARCH_9, OWNER, names, put

EVERYTHING = Wanted(limit=100)


def earlier(days: float):
    return MARCH_9 - timedelta(days=days)


async def listed(folders: FolderSource, principal=GUEST) -> dict[str, int]:
    return {album.name: album.count for album in await folders.list_albums(principal)}


async def test_a_folder_is_an_album_with_everything_measured(folders, root):
    put(root, "vacation/photo1.jpg")
    put(root, "vacation/photo1-thumb.jpg", "500x400")
    page = await folders.open_album(GUEST, "vacation", Wanted())
    (picture,) = page.pictures
    assert (page.title, page.source, page.pagination.total) == ("vacation", "folder", 1)
    assert picture.src == "/albums/vacation/photo1.jpg"
    assert picture.thumb == "/albums/vacation/photo1-thumb.jpg"
    assert (picture.width, picture.height) == (2048, 1365)
    assert (picture.thumb_width, picture.thumb_height) == (500, 400)
    assert picture.dated_at == MARCH_9


async def test_without_a_thumbnail_a_variant_is_offered_with_its_true_size(folders, root):
    put(root, "my trip/50% off, été.jpg", "1000x1500")
    (picture,) = (await folders.open_album(GUEST, "my trip", Wanted())).pictures
    inner = "/albums/my%2520trip/50%2525%2520off%252C%2520%25C3%25A9t%25C3%25A9.jpg"
    assert picture.src == "/albums/my%20trip/50%25%20off%2C%20%C3%A9t%C3%A9.jpg"
    assert picture.thumb == f"/resize?url={inner}&width=500"
    assert (picture.thumb_width, picture.thumb_height) == (500, 750)
    assert picture.renditions == tuple(
        Rendition(f"/resize?url={inner}&width={width}", width)
        for width in (260, 360, 500, 700, 960, 1000)
    )


async def test_a_thumbnail_that_is_no_picture_gives_way_to_a_variant(folders, root):
    put(root, "a/b.jpg")
    put(root, "a/b-thumb.jpg", "nonsense")
    (picture,) = (await folders.open_album(GUEST, "a", Wanted())).pictures
    assert picture.thumb == "/resize?url=/albums/a/b.jpg&width=500"
    (album,) = await folders.list_albums(GUEST)
    assert album.cover == "/resize?url=/albums/a/b.jpg&width=500"


async def test_the_newest_comes_first_and_equal_dates_are_by_name(folders, root):
    for name, age in (("c", 1), ("a", 1), ("b", 1), ("old", 5), ("new", 0)):
        put(root, f"x/{name}.jpg", at=earlier(age))
    assert names(await folders.open_album(GUEST, "x", EVERYTHING)) == [
        "new.jpg", "a.jpg", "b.jpg", "c.jpg", "old.jpg",
    ]  # fmt: skip


async def test_every_order_can_be_asked_for(folders, root):
    put(root, "x/a.jpg", "8x8 2020-01-01T00:00:00+00:00", at=earlier(1))
    put(root, "x/b.jpg", "8x8", at=earlier(9))  # has no date of its own: the file's counts
    put(root, "x/c.jpg", "8x8 2024-01-01T00:00:00", at=earlier(5))

    async def by(sort, order=None) -> str:
        page = await folders.open_album(GUEST, "x", Wanted(sort=sort, order=order))
        assert page.sort is sort
        return "".join(name[0] for name in names(page))

    assert await by(Sort.NAME) == await by(Sort.NAME, Order.ASCENDING) == "abc"
    assert await by(Sort.NAME, Order.DESCENDING) == "cba"
    assert await by(Sort.DATE) == await by(Sort.DATE, Order.DESCENDING) == "acb"
    assert await by(Sort.DATE, Order.ASCENDING) == "bca"
    assert await by(Sort.TAKEN) == await by(Sort.TAKEN, Order.DESCENDING) == "bca"
    assert await by(Sort.TAKEN, Order.ASCENDING) == "acb"


@pytest.mark.parametrize("sort", list(Sort))
async def test_all_pages_together_are_the_whole_album_once(folders, root, sort):
    for number in range(23):
        content = "nonsense" if number % 5 == 4 else "8x8"
        put(root, f"x/{number:02}.jpg", content, at=earlier(number // 3))
    collected: list[str] = []
    page = 1
    while True:
        found = await folders.open_album(GUEST, "x", Wanted(page=page, limit=4, sort=sort))
        collected += names(found)
        if not found.pagination.has_next:
            break
        assert len(found.pictures) == 4
        page += 1
    assert sorted(collected) == [f"{number:02}.jpg" for number in range(23) if number % 5 != 4]
    assert found.pagination.total == 19


async def test_only_pictures_are_shown(folders, root):
    shown = ["a.JPG", "b.jpeg", "c.png", "d.webp", "e.gif", "f.avif", "g.svg", "h.HEIC", "i.tiff"]
    shown += ["thumbelina.jpg", "日本.png"]
    for name in [*shown, "h.html", "i.txt", ".hidden.jpg", "jpg", "k.jpg.txt", ".jpg"]:
        put(root, f"x/{name}")
    (root / "x" / "folder.jpg").mkdir()
    os.mkfifo(root / "x" / "pipe.jpg")
    (root / "x" / "link.jpg").symlink_to(root / "x" / "a.JPG")
    (root / "x" / os.fsdecode(b"\xff.jpg")).write_text("8x8")
    assert names(await folders.open_album(GUEST, "x", Wanted(sort=Sort.NAME))) == shown
    await folders.settled()
    assert await listed(folders) == {"x": len(shown), "x~folder.jpg": 0}


async def test_folders_appear_and_vanish_without_a_restart(folders, root):
    assert await listed(folders) == {}
    put(root, "a/1.jpg")
    assert await listed(folders) == {"a": 1}
    put(root, "a/2.jpg")
    (root / "b").mkdir()
    assert await listed(folders) == {"a": 2, "b": 0}
    (root / "a" / "1.jpg").unlink()
    (root / "b").rmdir()
    assert await listed(folders) == {"a": 1}


async def test_without_a_folder_of_albums_there_are_none(folders, root):
    root.rmdir()
    assert await folders.list_albums(GUEST) == []
    with pytest.raises(NotFound):
        await folders.open_album(GUEST, "a", Wanted())


async def test_a_nested_folder_is_an_album_called_by_the_way_to_it(folders, root):
    put(root, "2024/summer/a.jpg")
    put(root, "2024/winter/b.jpg")
    put(root, "flat/c.jpg")
    put(root, "odd~name/d.jpg")
    put(root, ".hidden/e.jpg")
    assert await listed(folders) == {"2024~summer": 1, "2024~winter": 1, "flat": 1}
    page = await folders.open_album(GUEST, "2024~summer", Wanted())
    assert page.title == "2024 / summer"
    assert page.pictures[0].src == "/albums/2024~summer/a.jpg"
    assert (await folders.open_album(GUEST, "2024", Wanted())).pictures == ()
    found = await folders.open_file(GUEST, "2024~summer", "a.jpg")
    assert found.path == root / "2024" / "summer" / "a.jpg"


async def test_the_cover_is_the_newest_thumbnail_or_else_the_newest_picture(folders, root):
    put(root, "a/old.jpg", at=earlier(3))
    put(root, "a/new.jpg", at=earlier(1))
    put(root, "a/old-thumb.jpg", at=earlier(3))
    put(root, "b/old.jpg", at=earlier(3))
    put(root, "b/new.jpg", at=earlier(1))
    put(root, "b/thumbelina.jpg", at=earlier(5))
    (root / "c").mkdir()
    covers = {album.name: album.cover for album in await folders.list_albums(GUEST)}
    assert covers == {
        "a": "/albums/a/old-thumb.jpg",
        "b": "/resize?url=/albums/b/new.jpg&width=500",
        "c": None,
    }


async def test_the_owner_of_a_folder_can_describe_it(folders, root):
    put(root, "a/1.jpg")
    put(root, "a/2.jpg")
    put(root, "a/2-thumb.jpg")
    put(
        root,
        "a/album.toml",
        'title = "Été"\ncover = "1.jpg"\nsort = "name"\n[captions]\n"2.jpg" = "Boats"',
    )
    (album,) = await folders.list_albums(GUEST)
    assert (album.title, album.cover) == ("Été", "/resize?url=/albums/a/1.jpg&width=500")
    page = await folders.open_album(GUEST, "a", Wanted())
    assert [picture.caption for picture in page.pictures] == ["", "Boats"]
    assert (page.title, page.sort) == ("Été", Sort.NAME)


@pytest.mark.parametrize("cover", ["../secret.jpg", "absent.jpg", "album.toml", "/etc/passwd"])
async def test_a_cover_that_is_none_of_the_album_s_pictures_is_not_taken(folders, root, cover):
    put(root, "a/1.jpg")
    put(root, "a/album.toml", f'cover = "{cover}"')
    (album,) = await folders.list_albums(GUEST)
    assert album.cover == "/resize?url=/albums/a/1.jpg&width=500"


async def test_a_private_folder_is_for_administrators(folders, root):
    put(root, "a/1.jpg")
    put(root, "a/album.toml", 'visibility = "private"')
    assert await listed(folders) == await listed(folders, OWNER) == {}
    assert await listed(folders, ADMIN) == {"a": 1}
    for call in (
        lambda who: folders.open_album(who, "a", Wanted()),
        lambda who: folders.open_file(who, "a", "1.jpg"),
        lambda who: folders.open_file(who, "a", "absent.jpg"),
    ):
        for who in (GUEST, OWNER):
            with pytest.raises(NotFound):
                await call(who)
    assert names(await folders.open_album(ADMIN, "a", Wanted())) == ["1.jpg"]
    assert not (await folders.open_file(ADMIN, "a", "1.jpg")).public


async def test_an_unlisted_folder_is_not_listed_but_opens(folders, root):
    put(root, "a/1.jpg")
    put(root, "a/album.toml", 'visibility = "unlisted"')
    assert await listed(folders) == await listed(folders, ADMIN) == {}
    page = await folders.open_album(GUEST, "a", Wanted())
    assert (names(page), page.visibility) == (["1.jpg"], Visibility.UNLISTED)
    assert not (await folders.open_file(GUEST, "a", "1.jpg")).public


async def test_folders_inside_of_a_private_one_are_private_unless_they_say_otherwise(folders, root):
    put(root, "a/album.toml", 'visibility = "private"')
    put(root, "a/b/1.jpg")
    put(root, "a/b/c/1.jpg")
    put(root, "a/open/1.jpg")
    put(root, "a/open/album.toml", 'visibility = "public"')
    assert await listed(folders) == {"a~open": 1}
    for name in ("a~b", "a~b~c"):
        with pytest.raises(NotFound):
            await folders.open_album(GUEST, name, Wanted())


@pytest.mark.parametrize(
    "text",
    ["visibility = ", 'visibility = "Private"', "visibility = 1", 'titel = "x"', "\0", "title = 3",
     'sort = "size"', "[captions]\n1 = 2", "a = [" * 9000, 'title = "' + "x" * 2_000_000 + '"'],
    ids=range(10),
)  # fmt: skip
async def test_a_description_that_cannot_be_read_closes_its_album_only(folders, root, text):
    put(root, "a/1.jpg")
    put(root, "a/album.toml", text)
    put(root, "b/1.jpg")
    assert await listed(folders) == {"b": 1}
    with pytest.raises(NotFound):
        await folders.open_album(GUEST, "a", Wanted())
    told = await folders.faults()
    assert set(told) == {"a"}
    assert told["a"] == (await folders.open_album(ADMIN, "a", Wanted())).fault != ""


async def test_a_description_that_is_a_link_is_not_followed_and_closes_the_album(folders, root):
    put(root, "a/1.jpg")
    (root / "a" / "album.toml").symlink_to(put(root.parent, "elsewhere.toml", 'title = "x"'))
    assert await listed(folders) == {}


async def test_a_description_counts_as_soon_as_it_is_changed(folders, root):
    put(root, "a/1.jpg")
    description = put(root, "a/album.toml", 'title = "One"')
    assert [album.title for album in await folders.list_albums(GUEST)] == ["One"]
    put(root, "a/album.toml", 'title = "Another"')
    assert [album.title for album in await folders.list_albums(GUEST)] == ["Another"]
    description.unlink()
    assert [album.title for album in await folders.list_albums(GUEST)] == ["a"]


async def test_a_folder_that_cannot_be_read_is_left_out_alone(folders, root, monkeypatch):
    put(root, "a/1.jpg")
    put(root, "b/1.jpg")
    whole = os.open

    def refusing(path, flags, *more, **named):
        if path == "a":
            raise PermissionError(13, "Permission denied")
        return whole(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", refusing)
    assert await listed(folders) == {"b": 1}

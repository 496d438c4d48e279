"""Pictures of folders get what is shown until they have come, after the index knows them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql, sqlite

from cimaise.access.policy import GUEST
from cimaise.albums.model import Wanted
from cimaise.albums.sources.folder import index_rows
from cimaise.albums.sources.folder import placeholders as folder_placeholders
from cimaise.albums.sources.folder.albums import FolderAlbums
from cimaise.albums.sources.folder.placeholders import BareFile
from cimaise.albums.sources.folder.source import FolderSource
from cimaise.database.engine import Database
from cimaise.errors import TypeNotAllowed, Unavailable
from cimaise.jobs.base import Turn
from cimaise.jobs.folder_placeholders import make_folder_placeholders
from cimaise.jobs.passing import Passing
from cimaise.library import placeholders
from tests.kit.albums import MARCH_9, put

HASH = "1QcSHQRnh493V4dIh4eXh1h4kJUI"


class Pen:
    """Draws the same of every picture, and remembers of which."""

    def __init__(self, fails: Sequence[str] = ()) -> None:
        self.drawn: list[str] = []
        self.fault: Exception | None = None
        self._fails = fails

    async def __call__(self, source: bytes | Path) -> str:
        assert isinstance(source, Path)
        self.drawn.append(source.name)
        if self.fault is not None:
            raise self.fault
        if source.name in self._fails:
            raise TypeNotAllowed("The file is no picture that can be read.", code="not_an_image")
        return HASH


async def run_job(database: Database, root: Path, pen: Pen) -> int:
    turn = Turn(datetime.now(UTC), database)
    return await make_folder_placeholders(turn, FolderAlbums(root).find_file, pen)


async def shown(folders: FolderSource) -> dict[str, str | None]:
    page = await folders.open_album(GUEST, "a", Wanted())
    await folders.settled()
    return {picture.name: picture.placeholder for picture in page.pictures}


async def test_a_picture_of_a_folder_gets_its_placeholder_once_the_newest_first(
    folders: FolderSource, database: Database, root: Path
):
    for days, name in enumerate(("old", "middle", "new")):
        put(root, f"a/{name}.jpg", at=MARCH_9 + timedelta(days=days))
    assert set((await shown(folders)).values()) == {None}
    pen = Pen()
    assert await run_job(database, root, pen) == 3
    assert pen.drawn == ["new.jpg", "middle.jpg", "old.jpg"]
    assert set((await shown(folders)).values()) == {HASH}
    assert await run_job(database, root, pen) == 0
    assert len(pen.drawn) == 3


async def test_a_picture_that_was_replaced_gets_another_one(
    folders: FolderSource, database: Database, root: Path
):
    put(root, "a/1.jpg")
    await shown(folders)
    pen = Pen()
    await run_job(database, root, pen)
    put(root, "a/1.jpg", "300x200", at=MARCH_9 + timedelta(days=1))
    assert await shown(folders) == {"1.jpg": None}
    assert await run_job(database, root, pen) == 1
    assert await shown(folders) == {"1.jpg": HASH}


async def test_what_is_being_replaced_or_cannot_be_reached_is_drawn_later(
    folders: FolderSource, database: Database, root: Path
):
    put(root, "a/1.jpg")
    await shown(folders)
    put(root, "a/1.jpg", "300x200", at=MARCH_9 + timedelta(days=1))
    pen = Pen()
    assert await run_job(database, root, pen) == 0
    assert pen.drawn == []
    await shown(folders)
    pen.fault = Unavailable("All decoders are at work.", code="busy")
    assert await run_job(database, root, pen) == 0
    pen.fault = None
    assert await run_job(database, root, pen) == 1


async def test_drawing_ends_when_somebody_waits_for_other_pictures(
    folders: FolderSource, database: Database, root: Path
):
    for number in range(5):
        put(root, f"a/{number}.jpg")
    await shown(folders)
    pen = Pen()
    pen.fault = Unavailable("Pictures that somebody waits for come first.", code="busy")
    assert await run_job(database, root, pen) == 0
    assert len(pen.drawn) == 1
    pen.fault = Unavailable("The folder is away.")
    assert await run_job(database, root, pen) == 0
    assert len(pen.drawn) == 6


async def test_what_cannot_be_reached_holds_up_no_other_picture(
    folders: FolderSource, database: Database, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("cimaise.jobs.folder_placeholders.MOST", 2)
    for days in range(5):
        put(root, f"a/{days}.jpg", at=MARCH_9 + timedelta(days=days))
    await shown(folders)
    turn, passing, pen = Turn(datetime.now(UTC), database), Passing[BareFile](), Pen()

    async def run() -> int:
        find = FolderAlbums(root).find_file
        return await make_folder_placeholders(turn, find, pen, passing=passing)

    for name in ("4.jpg", "3.jpg"):
        (root / "a" / name).rename(root / name)
    assert [await run() for _ in range(3)] == [0, 2, 1]
    for name in ("4.jpg", "3.jpg"):
        (root / name).rename(root / "a" / name)
    assert await run() == 2


async def test_what_cannot_be_drawn_is_tried_once_and_shown_without(
    folders: FolderSource, database: Database, root: Path
):
    put(root, "a/1.jpg")
    await shown(folders)
    pen = Pen()
    pen.fault = TypeNotAllowed("The file is no picture that can be read.", code="not_an_image")
    for _ in range(2):
        assert await run_job(database, root, pen) == 0
    assert len(pen.drawn) == 1
    assert await shown(folders) == {"1.jpg": None}


async def test_what_cannot_be_drawn_is_no_cover(
    folders: FolderSource, database: Database, root: Path
):
    async def cover() -> str | None:
        (album,) = await folders.list_albums(GUEST)
        return album.cover

    put(root, "a/old.jpg")
    put(root, "a/new.jpg", at=MARCH_9 + timedelta(days=2))
    put(root, "a/album.toml", 'cover = "chosen.jpg"')
    put(root, "a/chosen.jpg", at=MARCH_9 + timedelta(days=1))
    await shown(folders)
    assert await cover() == "/resize?url=/albums/a/chosen.jpg&width=500"
    pen = Pen(fails=("chosen.jpg", "new.jpg"))
    await run_job(database, root, pen)
    assert await cover() == "/resize?url=/albums/a/old.jpg&width=500"
    put(root, "a/new.jpg", "300x200", at=MARCH_9 + timedelta(days=3))
    await shown(folders)
    assert await cover() == "/resize?url=/albums/a/new.jpg&width=500"
    (root / "a" / "old.jpg").unlink()
    await shown(folders)
    await run_job(database, root, pen)
    assert await cover() is None


async def test_files_that_are_no_pictures_are_never_drawn(
    folders: FolderSource, database: Database, root: Path
):
    put(root, "a/1.jpg", "nonsense")
    await shown(folders)
    assert await run_job(database, root, Pen()) == 0


async def test_pictures_that_wait_are_found_by_an_index(database: Database):
    def plan(find: Callable[..., object]) -> Callable[[Connection], str]:
        def read(connection: Connection) -> str:
            statements: list[str] = []
            is_sqlite = connection.dialect.name == "sqlite"

            class Listening:
                def execute(self, statement):
                    dialect = sqlite.dialect() if is_sqlite else postgresql.dialect()
                    options = {"literal_binds": True}
                    statements.append(
                        str(statement.compile(dialect=dialect, compile_kwargs=options))
                    )
                    return ()

            find(Listening(), limit=10)
            if not is_sqlite:
                # of an empty table any plan is cheap, one that sorts too
                connection.execute(text("set local enable_seqscan = off"))
                connection.execute(text("set local enable_sort = off"))
            how = "explain query plan" if is_sqlite else "explain"
            return str(connection.execute(text(f"{how} {statements[0]}")).all())

        return read

    def undrawable(connection: Connection, limit: int) -> object:
        return index_rows.undrawable(connection)

    assert "ix_folder_pictures_undrawable" in await database.read(plan(undrawable))
    assert "ix_folder_pictures_bare" in await database.read(plan(folder_placeholders.find_bare))
    assert "ix_files_bare" in await database.read(plan(placeholders.find_bare))

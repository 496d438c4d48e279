from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cimaise.albums.catalogue import Catalogue
from cimaise.albums.sources.collection import CollectionSource
from cimaise.albums.sources.folder.index import FolderIndex
from cimaise.albums.sources.folder.source import FolderSource
from cimaise.database.engine import Database
from tests.kit.albums import CountingReader, Shelf


@pytest.fixture
def reader() -> CountingReader:
    return CountingReader()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "albums"
    folder.mkdir()
    return folder


@pytest.fixture
async def new_folders(
    root: Path, database: Database, reader: CountingReader
) -> AsyncIterator[Callable[[], FolderSource]]:
    """Makes a source as a start of the server does; all of them share the database."""
    made: list[FolderSource] = []

    def make() -> FolderSource:
        made.append(FolderSource(root, FolderIndex(database, reader)))
        return made[-1]

    yield make
    for source in made:
        await source.close()


@pytest.fixture
def folders(new_folders: Callable[[], FolderSource]) -> FolderSource:
    return new_folders()


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


@pytest.fixture
def catalogue(folders: FolderSource, database: Database) -> Catalogue:
    return Catalogue([folders, CollectionSource(database)])

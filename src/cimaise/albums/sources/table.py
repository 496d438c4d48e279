"""Every source, in the order in which they are asked: one line each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cimaise.albums.model import PictureHeader
from cimaise.albums.sources.base import Source
from cimaise.database.engine import Database


def _unchanged(url: str) -> str:
    return url


@dataclass(frozen=True, slots=True)
class Needs:
    """What sources are made of.

    Attributes:
        database: Open, with the schema.
        albums_dir: Holds the folder albums; need not exist yet.
        read_header: Reads a picture's header; blocks, and raises ``TypeNotAllowed`` or another of
            our errors for a file that is no picture.
        max_width: Widest variant that the server makes, pixels.
        sign: Makes a variant's URL one that the server answers (``signed`` policy of variants).
    """

    database: Database
    albums_dir: Path
    read_header: Callable[[Path], PictureHeader]
    max_width: int = 2560
    sign: Callable[[str], str] = _unchanged


def _folder(needs: Needs) -> Source | None:
    from cimaise.albums.index import FolderIndex
    from cimaise.albums.sources.folder import FolderSource

    index = FolderIndex(needs.database, needs.read_header)
    return FolderSource(needs.albums_dir, index, max_width_px=needs.max_width)


def _collection(needs: Needs) -> Source | None:
    from cimaise.albums.sources.collection import CollectionSource

    return CollectionSource(needs.database, max_width_px=needs.max_width, sign=needs.sign)


TABLE: tuple[Callable[[Needs], Source | None], ...] = (_folder, _collection)
"""Openers; one that gives ``None`` is not configured."""


def open_sources(needs: Needs) -> tuple[Source, ...]:
    """Every source that is configured."""
    made = (opener(needs) for opener in TABLE)
    return tuple(source for source in made if source is not None)

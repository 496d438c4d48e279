"""Every source, in the order in which they are asked: one line each."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cimaise.albums.model import PictureHeader
from cimaise.albums.sources.base import Source
from cimaise.database.engine import Database
from cimaise.state.base import State


def _unchanged(url: str) -> str:
    return url


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FlickrAccount:
    """Where Flickr's API is, and whose photosets are asked for with which key."""

    api_url: str
    api_key: str
    user_id: str


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
        flickr: Whose photosets are shown, if anybody's are.
        state: Counts the calls of other servers.
        clock: The time, aware.
    """

    database: Database
    albums_dir: Path
    read_header: Callable[[Path], PictureHeader]
    max_width: int = 2560
    sign: Callable[[str], str] = _unchanged
    flickr: FlickrAccount | None = None
    state: State | None = None
    clock: Callable[[], datetime] = _utc_now


def _folder(needs: Needs) -> Source | None:
    from cimaise.albums.sources.folder.index import FolderIndex
    from cimaise.albums.sources.folder.source import FolderSource

    index = FolderIndex(needs.database, needs.read_header)
    return FolderSource(
        needs.albums_dir,
        index,
        max_width_px=needs.max_width,
        state=needs.state,
        clock=needs.clock,
    )


def _collection(needs: Needs) -> Source | None:
    from cimaise.albums.sources.collection import CollectionSource

    return CollectionSource(needs.database, max_width_px=needs.max_width, sign=needs.sign)


def _flickr(needs: Needs) -> Source | None:
    if needs.flickr is None or needs.state is None:
        return None
    from cimaise.albums.sources.flickr.answers import Answers
    from cimaise.albums.sources.flickr.api import FlickrApi
    from cimaise.albums.sources.flickr.breaker import Breaker
    from cimaise.albums.sources.flickr.source import FlickrSource

    account = needs.flickr
    api = FlickrApi(url=account.api_url, api_key=account.api_key, user_id=account.user_id)
    answers = Answers(needs.database, needs.clock)
    return FlickrSource(api, answers, Breaker(time.monotonic), needs.state)


TABLE: tuple[Callable[[Needs], Source | None], ...] = (_folder, _collection, _flickr)
"""Openers; one that gives ``None`` is not configured."""


def open_sources(needs: Needs) -> tuple[Source, ...]:
    """Every source that is configured."""
    made = (opener(needs) for opener in TABLE)
    return tuple(source for source in made if source is not None)

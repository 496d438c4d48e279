"""Folder albums without real pictures: a file says in words how large it is."""

import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from cimaise.access.policy import MemberRole, Principal, Role, Visibility
from cimaise.albums.model import AlbumPage
from cimaise.database.engine import Database
from cimaise.database.schema import accounts, collections, files, memberships
from cimaise.errors import TypeNotAllowed

MARCH_9 = datetime(2026, 3, 9, 10, 11, 12, tzinfo=UTC)
ADMIN = Principal("root", "root", Role.ADMIN)
OWNER = Principal("anna", "anna", Role.MEMBER)
VIEWER = Principal("bert", "bert", Role.MEMBER)
STRANGER = Principal("carl", "carl", Role.MEMBER)


@dataclass(frozen=True)
class Header:
    """What the reader found."""

    width: int
    height: int
    taken_at: datetime | None = None
    orientation: int = 1
    latitude: float | None = None
    longitude: float | None = None


class CountingReader:
    """Reads ``800x600`` or ``800x600 2024-05-01T10:00:00+00:00``; counts how often, by path."""

    def __init__(self) -> None:
        self.reads: Counter[str] = Counter()
        self.fault: Exception | None = None

    def __call__(self, path: Path) -> Header:
        """The header; ``TypeNotAllowed`` where the words make no sense."""
        self.reads["/".join(path.parts[-2:])] += 1
        if self.fault is not None:
            raise self.fault
        size, _, taken = path.read_text().partition(" ")
        try:
            width, height = map(int, size.split("x"))
            return Header(width, height, datetime.fromisoformat(taken) if taken else None)
        except ValueError:
            raise TypeNotAllowed("This is no picture.", code="not_an_image") from None


def put(
    root: Path,
    place: str,
    content: str = "2048x1365",
    *,
    at: datetime = MARCH_9,
) -> Path:
    """A file at ``album/name``, last changed at a time."""
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, ns=(0, int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 10**9))
    return path


def names(page: AlbumPage) -> list[str]:
    """File names of the pictures, in order."""
    return [picture.name for picture in page.pictures]


class Shelf:
    """Rows of accounts, collections and published files."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._published = 0
        rows = [
            {"id": who.account_id, "name": who.name, "role": who.role, "created_at": MARCH_9}
            for who in (ADMIN, OWNER, VIEWER, STRANGER)
        ]
        database.run_now(lambda connection: connection.execute(insert(accounts), rows))

    def collection(self, name: str, visibility: Visibility, *, viewers: tuple[str, ...] = ()):
        """A collection of the owner's, called and identified by ``name``."""
        row = {
            "id": name, "name": name, "title": name.title(), "visibility": visibility,
            "owner_id": OWNER.account_id, "policy": {}, "picture_count": 0,
            "created_at": MARCH_9, "updated_at": MARCH_9,
        }  # fmt: skip
        self._database.run_now(lambda connection: connection.execute(insert(collections), row))
        members = [
            {
                "collection_id": name, "account_id": account, "role": MemberRole.VIEWER,
                "created_at": MARCH_9,
            }
            for account in viewers
        ]  # fmt: skip
        if members:
            self._database.run_now(
                lambda connection: connection.execute(insert(memberships), members)
            )

    def publish(self, collection: str, file_id: str, **more: object) -> None:
        """A picture, a minute later than the one before it unless ``published_at`` is given."""
        self._published += 1
        row = {
            "id": file_id, "collection_id": collection, "owner_id": OWNER.account_id,
            "filename": f"{file_id}.jpg", "size": 1000, "content_type": "image/jpeg",
            "etag": file_id, "width": 2048, "height": 1365, "is_picture": True,
            "created_at": MARCH_9,
            "published_at": MARCH_9 + timedelta(minutes=self._published), **more,
        }  # fmt: skip

        def work(connection) -> None:
            connection.execute(insert(files), row)
            counted = collections.update().where(collections.c.id == collection)
            if row["is_picture"]:
                connection.execute(counted.values(picture_count=collections.c.picture_count + 1))

        self._database.run_now(work)

"""Rows of the index of folder pictures: statements, and nothing that waits."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, select, text, update

from cimaise.albums.sources.folder.tree import FolderFile
from cimaise.database.schema import folder_indexes, folder_pictures
from cimaise.database.upsert import upsert

_NAMES: Final = 500  # names in one statement
_KEY: Final = ("album", "name")
_COLUMNS: Final = folder_pictures.c
# Made once: putting a statement together costs more than what it asks of the database.
_KNOWN: Final = select(
    _COLUMNS.name, _COLUMNS.mtime_ns, _COLUMNS.size,
    func.coalesce(_COLUMNS.width, 0), func.coalesce(_COLUMNS.height, 0),
    _COLUMNS.taken_at, _COLUMNS.placeholder, func.coalesce(_COLUMNS.orientation, 1),
    _COLUMNS.latitude, _COLUMNS.longitude,
).where(
    _COLUMNS.album == bindparam("of"), _COLUMNS.name.in_(bindparam("names", expanding=True))
)  # fmt: skip
_UNREADABLE: Final = select(_COLUMNS.album, _COLUMNS.name, _COLUMNS.mtime_ns, _COLUMNS.size).where(
    _COLUMNS.width.is_(None)
)
_UNDRAWABLE: Final = select(_COLUMNS.album, _COLUMNS.name, _COLUMNS.mtime_ns, _COLUMNS.size).where(
    text("placeholder = ''")  # as its index says it
)
_UNREADABLE_OF: Final = _UNREADABLE.where(_COLUMNS.album == bindparam("of"))


class Facts(NamedTuple):
    """What a header says. ``width`` and ``height`` are 0 for what is no picture.

    Attributes:
        orientation: EXIF's, 1 to 8; applied to width and height.
        latitude: Degrees, north positive.
        longitude: Degrees, east positive.
    """

    width: int
    height: int
    taken_at: datetime | None = None
    placeholder: str | None = None
    orientation: int = 1
    latitude: float | None = None
    longitude: float | None = None

    @property
    def is_picture(self) -> bool:
        """It can be shown."""
        return self.width > 0 and self.height > 0


@dataclass(frozen=True, slots=True)
class Look:
    """When all files of a folder were looked at, and the folder's own time of change then."""

    mtime_ns: int
    at: datetime


@dataclass(frozen=True, slots=True)
class AlbumStamp:
    """What the index knows of a whole album: all of the files that make up ``stamp``.

    ``look`` is ``None`` where the folder's time could not be relied on.
    """

    stamp: str
    pictures: int
    unreadable: int
    look: Look | None = None


def known(connection: Connection, album: str, names: Sequence[str]) -> dict[FolderFile, Facts]:
    """Facts of some of an album's files."""
    found: dict[FolderFile, Facts] = {}
    for start in range(0, len(names), _NAMES):
        wanted = {"of": album, "names": names[start : start + _NAMES]}
        for name, mtime_ns, size, *facts in connection.execute(_KNOWN, wanted).all():
            found[FolderFile(name, mtime_ns, size)] = Facts(*facts)
    return found


def names_besides(connection: Connection, album: str, names: Container[str]) -> list[str]:
    """Names of an album's rows that are not among these, in order."""
    held = select(folder_pictures.c.name).where(folder_pictures.c.album == album)
    return sorted(name for name in connection.scalars(held) if name not in names)


def keep(connection: Connection, album: str, found: Mapping[FolderFile, Facts]) -> None:
    """Add or replace rows."""
    in_order = sorted(found)  # two that write never wait crosswise
    rows = [
        {
            "album": album,
            "name": file.name,
            "mtime_ns": file.mtime_ns,
            "size": file.size,
            "width": found[file].width or None,
            "height": found[file].height or None,
            "taken_at": found[file].taken_at,
            "orientation": found[file].orientation,
            "latitude": found[file].latitude,
            "longitude": found[file].longitude,
            "placeholder": None,  # of another file, if there was one; a job draws it anew
        }
        for file in in_order
    ]
    values = [name for name in rows[0] if name not in _KEY]
    connection.execute(upsert(folder_pictures, _KEY, replace=values), rows)


def forget(connection: Connection, album: str, names: Sequence[str]) -> None:
    """Remove rows of files."""
    for start in range(0, len(names), _NAMES):
        some = folder_pictures.c.name.in_(names[start : start + _NAMES])
        connection.execute(delete(folder_pictures).where(folder_pictures.c.album == album, some))


def forget_others(connection: Connection, albums: Iterable[str]) -> int:
    """Remove every album's rows but these'; how many files that were."""
    kept = set(albums)
    held = connection.execute(select(folder_pictures.c.album).distinct()).scalars().all()
    gone = [album for album in held if album not in kept]
    for album in gone:
        connection.execute(delete(folder_indexes).where(folder_indexes.c.album == album))
    return sum(
        connection.execute(delete(folder_pictures).where(folder_pictures.c.album == album)).rowcount
        for album in gone
    )


def keep_stamp(connection: Connection, album: str, found: AlbumStamp) -> None:
    """Remember that the index knows an album as it is now."""
    row = {
        "album": album, "stamp": found.stamp, "pictures": found.pictures,
        "unreadable": found.unreadable,
        "folder_mtime_ns": found.look.mtime_ns if found.look else None,
        "looked_at": found.look.at if found.look else None,
    }  # fmt: skip
    values = [name for name in row if name != "album"]
    connection.execute(upsert(folder_indexes, ("album",), replace=values), row)


def keep_looks(connection: Connection, looks: Mapping[str, Look]) -> None:
    """Remember when the folders of albums were looked at in which nothing has changed."""
    statement = update(folder_indexes).where(folder_indexes.c.album == bindparam("of"))
    rows = [
        {"of": album, "mtime_ns": look.mtime_ns, "at": look.at}
        for album, look in sorted(looks.items())
    ]
    connection.execute(
        statement.values(folder_mtime_ns=bindparam("mtime_ns"), looked_at=bindparam("at")), rows
    )


def stamps(connection: Connection) -> dict[str, AlbumStamp]:
    """What the index knows of whole albums."""
    return {
        row.album: AlbumStamp(
            row.stamp,
            row.pictures,
            row.unreadable,
            Look(row.folder_mtime_ns, row.looked_at) if row.looked_at else None,
        )
        for row in connection.execute(select(folder_indexes))
    }


def unreadable(connection: Connection, album: str | None) -> dict[str, frozenset[FolderFile]]:
    """Files that were looked at and are no pictures, by album; of one album or of all."""
    rows = (
        connection.execute(_UNREADABLE)
        if album is None
        else connection.execute(_UNREADABLE_OF, {"of": album})
    )
    return _by_album(rows)


def undrawable(connection: Connection) -> dict[str, frozenset[FolderFile]]:
    """Pictures of which nothing could be drawn, by album: they are damaged, or too large."""
    return _by_album(connection.execute(_UNDRAWABLE))


def _by_album(rows: Iterable[Any]) -> dict[str, frozenset[FolderFile]]:
    found: dict[str, set[FolderFile]] = {}
    for of, *file in rows:
        found.setdefault(of, set()).add(FolderFile(*file))
    return {name: frozenset(files) for name, files in found.items()}

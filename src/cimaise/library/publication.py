"""The one place where a file becomes visible, and where it stops being so.

Both are steps of a transaction that the caller has opened: either everything that belongs to
the event is in the database afterwards, or nothing is.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Integer, bindparam, exists, insert, select, update

from cimaise.database.audit import record
from cimaise.database.schema import (
    accounts,
    collections,
    contributors,
    files,
)
from cimaise.library.giving_up import give_up
from cimaise.library.model import File, Publication
from cimaise.library.tags import file_tag, note_purge
from cimaise.library.takedowns.blocked import require_not_blocked

# Built once: to build a statement takes longer than to run it.
_INSERT: Final = insert(files)
_COUNT: Final = (
    update(collections)
    .where(collections.c.id == bindparam("of_id"))
    .values(
        picture_count=collections.c.picture_count + bindparam("pictures", type_=Integer),
        updated_at=bindparam("at", type_=collections.c.updated_at.type),
    )
)
_EARN: Final = (
    update(accounts)
    .where(accounts.c.id == bindparam("of_id"))
    .values(points=accounts.c.points + bindparam("more", type_=accounts.c.points.type))
)
_IS_CONTRIBUTOR: Final = select(
    exists().where(
        contributors.c.collection_id == bindparam("of_collection"),
        contributors.c.account_id == bindparam("of_account"),
    )
)


def publish(
    connection: Connection, new: Publication, *, now: datetime, new_id: Callable[[], str]
) -> File:
    """Make a file visible: its row, the collection's date, the contributor, the points.

    The contributor is added once a collection, however many files; the points are earned once
    a file. The caller has checked rights, and that this upload has no file yet.

    Raises:
        TakenDown, Unavailable: See :func:`require_not_blocked`.
    """
    if new.storage_key is not None:
        require_not_blocked(connection, new.sha256, new.size)
    file = _file_of(new, now=now, file_id=new_id(), etag=new.sha256 or new_id())
    connection.execute(_INSERT, _row(file, new))
    counted = {"of_id": new.collection.id, "pictures": int(file.is_picture), "at": now}
    connection.execute(_COUNT, counted)
    add_contributor(connection, new.collection.id, new.owner_id, now)
    connection.execute(_EARN, {"of_id": new.owner_id, "more": new.collection.policy.points})
    details = {"collection": new.collection.name, "size": new.size, "upload": new.upload_id}
    record(
        connection, at=now, account_id=new.owner_id, action="file.published", subject=file.id,
        details=details,
    )  # fmt: skip
    return file


def add_contributor(
    connection: Connection, collection_id: str, account_id: str, now: datetime
) -> None:
    """Note that the account has published into the collection; once, however often."""
    known = {"of_collection": collection_id, "of_account": account_id}
    if not connection.execute(_IS_CONTRIBUTOR, known).scalar():
        connection.execute(
            insert(contributors).values(
                collection_id=collection_id, account_id=account_id, created_at=now
            )
        )


def withdraw(
    connection: Connection,
    file: File,
    *,
    account_id: str | None,
    now: datetime,
    is_kept: bool = False,
) -> bool:
    """Make a file invisible and give its bytes to the clean-up; False if it was.

    With ``is_kept`` the bytes stay where they are: see :mod:`cimaise.library.deleted`.
    """
    changed = connection.execute(
        update(files)
        .where(files.c.id == file.id, files.c.deleted_at.is_(None))
        .values(deleted_at=now)
    ).rowcount
    if not changed:
        return False
    note_change(connection, file, pictures=-1, now=now)
    if not is_kept and file.storage_key is not None:
        give_up(connection, file.id, file.storage_key, now=now)
    note_purge(connection, [file_tag(file.id)], now=now)
    record(
        connection, at=now, account_id=account_id, action="file.deleted", subject=file.id,
        details={"collection": file.collection.name, "size": file.size},
    )  # fmt: skip
    return True


def note_change(connection: Connection, file: File, *, pictures: int, now: datetime) -> None:
    """The collection has one file more (1) or less (-1), as everybody sees it.

    What is taken down is not among its pictures any more.
    """
    is_counted = file.is_picture and not file.is_taken_down
    more = pictures if is_counted else 0
    connection.execute(_COUNT, {"of_id": file.collection.id, "pictures": more, "at": now})


def _file_of(new: Publication, *, now: datetime, file_id: str, etag: str) -> File:
    is_picture = new.width is not None and new.content_type.startswith("image/")
    return File(
        id=file_id, collection=new.collection, owner_id=new.owner_id, filename=new.filename,
        title=new.title, note=new.note, visibility=new.visibility, size=new.size,
        content_type=new.content_type, etag=etag, is_picture=is_picture, download_count=0,
        created_at=new.created_at or now, published_at=now, sha256=new.sha256,
        storage_key=new.storage_key, external_url=new.external_url, access_code=new.access_code,
        archive_password=new.archive_password, width=new.width, height=new.height,
        frames=new.frames, taken_at=new.taken_at, placeholder=new.placeholder,
    )  # fmt: skip


def _row(file: File, new: Publication) -> dict[str, object]:
    same = (
        "id", "owner_id", "filename", "title", "note", "size", "content_type", "etag",
        "is_picture", "created_at", "published_at", "sha256", "storage_key", "external_url",
        "access_code", "archive_password", "width", "height", "frames", "taken_at", "placeholder",
    )  # fmt: skip
    return {name: getattr(file, name) for name in same} | {
        "collection_id": file.collection.id,
        "upload_id": new.upload_id,
        "storage_etag": new.storage_etag,
        "visibility": file.visibility.value if file.visibility else None,
    }

"""Published files: finding, listing, changing, deleting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, tuple_, update

from cimaise.access import policy as rights
from cimaise.access.policy import Principal, Visibility
from cimaise.database.engine import Database
from cimaise.database.schema import collections, files
from cimaise.errors import Gone, Invalid, NotFound, TakenDown
from cimaise.library.collection_rows import (
    COLLECTION_COLUMNS,
    collection_of,
    find_collection,
    joined_membership,
)
from cimaise.library.cursor import format_cursor, parse_cursor
from cimaise.library.hanging import listed_to
from cimaise.library.model import File
from cimaise.library.publication import withdraw
from cimaise.library.tags import file_tag, note_purge

MAX_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What to change of a file; ``None`` leaves it."""

    title: str | None = None
    note: str | None = None
    visibility: Visibility | None = None


@dataclass(frozen=True, slots=True)
class FilePage:
    """Some files, and where the next ones begin; ``None`` at the end."""

    files: tuple[File, ...]
    next_cursor: str | None


class Files:
    """Published files, by the rights of their collection."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], *, keeps_deleted: bool = False
    ) -> None:
        self._database = database
        self._clock = clock
        self._keeps_deleted = keeps_deleted

    async def find(self, principal: Principal, file_id: str, *, by_link: bool = False) -> File:
        """The file, if the principal may see it.

        Args:
            principal: Who asks.
            file_id: Which.
            by_link: A signed link to this very file was verified: it may be seen.

        Raises:
            NotFound: There is no such file, or it was deleted.
            TakenDown: It was removed for legal reasons.
            NotSignedIn: It may be seen by some, and nobody has signed in.
            Forbidden: Not by this one.
        """
        file = await self._database.read(
            lambda connection: find_file(connection, file_id, principal)
        )
        require_not_taken_down(file)
        if not by_link:
            rights.require_view_file(
                principal, file.collection.facts, owner_id=file.owner_id, visibility=file.visibility
            )
        return file

    async def list(
        self, principal: Principal, collection: str, *, cursor: str | None, limit: int
    ) -> FilePage:
        """Files of a collection that the principal may see, newest first.

        ``cursor`` is where an earlier page said the next begins; what is published meanwhile
        neither shifts nor repeats anything.
        """
        _require_limit(limit)
        after = parse_cursor(cursor) if cursor else None

        def work(connection: Connection) -> Sequence[File]:
            found = find_collection(connection, collection, principal)
            rights.require_view(principal, found.facts)
            statement = selected_files(principal).where(
                files.c.collection_id == found.id,
                files.c.deleted_at.is_(None),
                files.c.taken_down_at.is_(None),
                listed_to(principal, found.facts),
            )
            return _newest(connection, statement, after, limit)

        return _page(await self._database.read(work), limit)

    async def list_own(self, principal: Principal, *, cursor: str | None, limit: int) -> FilePage:
        """What the principal has published, newest first, in whatever collection.

        Raises:
            NotSignedIn: Nobody is signed in.
            Invalid: A limit out of bounds, or a cursor that is not ours.
        """
        rights.require_account(principal)
        _require_limit(limit)
        after = parse_cursor(cursor) if cursor else None

        def work(connection: Connection) -> Sequence[File]:
            statement = selected_files(principal).where(
                files.c.owner_id == principal.account_id, files.c.deleted_at.is_(None)
            )
            return _newest(connection, statement, after, limit)

        return _page(await self._database.read(work), limit)

    async def change(self, principal: Principal, file_id: str, changes: FileChanges) -> File:
        """Change title, note or visibility; for whoever published it or manages the collection."""

        def work(connection: Connection) -> File:
            file = find_file(connection, file_id, principal)
            rights.require_manage_file(principal, file.collection.facts, owner_id=file.owner_id)
            changed = replace(
                file,
                title=file.title if changes.title is None else changes.title,
                note=file.note if changes.note is None else changes.note,
                visibility=changes.visibility or file.visibility,
            )
            connection.execute(
                update(files)
                .where(files.c.id == file.id)
                .values(
                    title=changed.title,
                    note=changed.note,
                    visibility=changed.visibility.value if changed.visibility else None,
                )
            )
            if changed.shown_visibility is not file.shown_visibility:
                note_purge(connection, [file_tag(file.id)], now=self._clock())
            return changed

        return await self._database.write(work)

    async def delete(self, principal: Principal, file_id: str) -> File:
        """Make the file invisible at once; gives what it was.

        Its bytes go to the clean-up, now or when the time to undo it is over.
        """

        def work(connection: Connection) -> File:
            file = find_file(connection, file_id, principal)
            rights.require_manage_file(principal, file.collection.facts, owner_id=file.owner_id)
            withdraw(
                connection, file, account_id=principal.account_id, now=self._clock(),
                is_kept=self._keeps_deleted and not file.is_taken_down,
            )  # fmt: skip
            return file

        return await self._database.write(work)


def _require_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise Invalid(f"limit is 1 to {MAX_LIMIT}.", field="limit")


def _newest(
    connection: Connection, statement: Any, after: tuple[datetime, str] | None, limit: int
) -> Sequence[File]:
    """The newest ones after a cursor, and one more, which tells that there is a next page."""
    if after is not None:
        statement = statement.where(tuple_(files.c.published_at, files.c.id) < after)
    ordered = statement.order_by(files.c.published_at.desc(), files.c.id.desc())
    return [file_of(row) for row in connection.execute(ordered.limit(limit + 1))]


def _page(found: Sequence[File], limit: int) -> FilePage:
    page = tuple(found[:limit])
    return FilePage(
        page, format_cursor(page[-1].published_at, page[-1].id) if len(found) > limit else None
    )


def find_file(connection: Connection, file_id: str, principal: Principal) -> File:
    """The file with its collection and the principal's membership; ``NotFound``. No right."""
    row = connection.execute(
        selected_files(principal).where(files.c.id == file_id, files.c.deleted_at.is_(None))
    ).first()
    if row is None:
        raise NotFound("There is no such file.")
    return file_of(row)


def require_not_taken_down(file: File) -> None:
    """``TakenDown`` where it was removed for legal reasons."""
    if file.is_taken_down:
        raise TakenDown("This file was removed for legal reasons.")


def find_file_of_upload(connection: Connection, upload_id: str, principal: Principal) -> File:
    """The file that an upload became.

    Raises:
        NotFound: It became none.
        Gone: The file was deleted since.
        TakenDown: It was removed for legal reasons.
    """
    row = connection.execute(
        selected_files(principal).where(files.c.upload_id == upload_id)
    ).first()
    if row is None:
        raise NotFound("There is no such file.")
    if row.deleted_at is not None:
        raise Gone("The file of this upload was deleted.")
    file = file_of(row)
    require_not_taken_down(file)
    return file


def selected_files(principal: Principal) -> Any:
    """Files beside their collection and the principal's membership, for :func:`file_of`."""
    joined = joined_membership(principal).join(files, files.c.collection_id == collections.c.id)
    own = [column for column in files.c if column.name != "collection_id"]
    return select(*own, *COLLECTION_COLUMNS).select_from(joined)


def file_of(row: Row[Any]) -> File:
    """A row with the columns of ``files`` and of its collection as a value."""
    same = (
        "id", "owner_id", "filename", "title", "note", "size", "content_type", "etag",
        "is_picture", "download_count", "created_at", "published_at", "sha256", "storage_key",
        "external_url", "access_code", "archive_password", "width", "height", "frames",
        "taken_at", "placeholder",
    )  # fmt: skip
    return File(
        collection=collection_of(row),
        visibility=Visibility(row.visibility) if row.visibility else None,
        is_taken_down=row.taken_down_at is not None,
        **{name: getattr(row, name) for name in same},
    )

"""Albums from collections: every one that holds published pictures."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, or_, select, true
from sqlalchemy.sql.elements import ColumnElement

from cimaise.access import policy as rights
from cimaise.access.policy import CollectionFacts, MemberRole, Principal, Visibility
from cimaise.albums.addresses import VariantSizes, original_url, variant_url
from cimaise.albums.model import (
    AlbumPage,
    AlbumSummary,
    Pagination,
    Picture,
    Rendition,
    Sort,
    Wanted,
)
from cimaise.albums.sources.base import LocalFiles
from cimaise.database.engine import Database
from cimaise.database.schema import collections, files, memberships
from cimaise.errors import NotFound

_NAME: Final = "collection"
_ALBUM: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)


class CollectionSource:
    """Published pictures of collections. Deleted and taken-down ones are not among them."""

    name: str = _NAME

    def __init__(
        self,
        database: Database,
        *,
        max_width_px: int = 2560,
        sign: Callable[[str], str] = lambda url: url,
    ) -> None:
        self.files: LocalFiles | None = None
        self._database = database
        self._sizes = VariantSizes(max_width_px)
        self._sign = sign

    def may_have(self, album: str) -> bool:
        """Is it a name that a collection can have?"""
        return _ALBUM.fullmatch(album) is not None

    async def list_albums(self, principal: Principal) -> Sequence[AlbumSummary]:
        """See :class:`cimaise.albums.sources.base.Source`.

        One whose pictures are all hidden from the principal is left out; the count is that of
        all published pictures.
        """
        rows = await self._database.read(
            lambda connection: connection.execute(_listing(principal)).all()
        )
        return [self._summary(row) for row in rows if row.cover_id is not None]

    async def open_album(self, principal: Principal, album: str, wanted: Wanted) -> AlbumPage:
        """See :class:`cimaise.albums.sources.base.Source`."""

        def work(connection: Connection) -> AlbumPage:
            row = _find(connection, principal, album)
            facts = _facts(row)
            rights.require_view(principal, facts)
            return self._page(connection, row, _shown_to(principal, facts), wanted)

        return await self._database.read(work)

    async def close(self) -> None:
        """Nothing runs."""

    def _page(
        self, connection: Connection, row: Row[Any], shown: ColumnElement[bool], wanted: Wanted
    ) -> AlbumPage:
        in_album = and_(files.c.collection_id == row.id, _is_published(), shown)
        total = connection.execute(select(func.count()).select_from(files).where(in_album)).scalar()
        pagination = Pagination(wanted.page, wanted.limit, total or 0)
        sort = wanted.sort or Sort.DATE
        descending = wanted.is_descending(sort)
        found: Sequence[Row[Any]] = ()
        if wanted.start < pagination.total:
            by_sort = _ordering(sort, connection.dialect.name, descending=descending)
            statement = select(files).where(in_album).order_by(*by_sort)
            found = connection.execute(statement.limit(wanted.limit).offset(wanted.start)).all()
        return AlbumPage(
            row.name, row.title, Visibility(row.visibility), _NAME,
            tuple(map(self._picture, found)), pagination, sort, descending,
        )  # fmt: skip

    def _picture(self, row: Row[Any]) -> Picture:
        thumb_width, thumb_height = self._sizes.thumb(row.width, row.height)
        return Picture(
            name=row.filename,
            src=original_url(row.id),
            thumb=self._sign(variant_url(row.id, self._sizes.thumb_px)),
            caption=row.title,
            dated_at=row.published_at,
            width=row.width,
            height=row.height,
            thumb_width=thumb_width,
            thumb_height=thumb_height,
            id=row.id,
            placeholder=row.placeholder,
            renditions=tuple(
                Rendition(self._sign(variant_url(row.id, width)), width)
                for width in self._sizes.widths(row.width)
            ),
            taken_at=row.taken_at,
        )

    def _summary(self, row: Row[Any]) -> AlbumSummary:
        cover = self._sign(variant_url(row.cover_id, self._sizes.thumb_px))
        return AlbumSummary(
            row.name, row.title, cover, row.picture_count, Visibility(row.visibility), _NAME,
            row.updated_at,
        )  # fmt: skip


def _selected(principal: Principal, *more: ColumnElement[Any]) -> Any:
    mine = and_(
        memberships.c.collection_id == collections.c.id,
        memberships.c.account_id == principal.account_id,
    )
    role = memberships.c.role.label("member_role")
    return select(collections, role, *more).select_from(collections.outerjoin(memberships, mine))


def _listing(principal: Principal) -> Any:
    cover = (
        select(files.c.id)
        .where(files.c.collection_id == collections.c.id, _is_published(), _is_listed(principal))
        .order_by(files.c.published_at.desc(), files.c.id.desc())
        .limit(1)
        .correlate(collections)
        .scalar_subquery()
    )
    public = collections.c.visibility == Visibility.PUBLIC
    private = collections.c.visibility == Visibility.PRIVATE
    if principal.is_admin:
        seen = or_(public, private)
    elif principal.is_guest:
        seen = public
    else:
        belongs = or_(
            collections.c.owner_id == principal.account_id, memberships.c.role.is_not(None)
        )
        seen = or_(public, and_(private, belongs))
    found = _selected(principal, cover.label("cover_id"))
    return found.where(collections.c.picture_count > 0, seen)


def _find(connection: Connection, principal: Principal, album: str) -> Row[Any]:
    row = connection.execute(_selected(principal).where(collections.c.name == album)).first()
    if row is None:
        raise NotFound("There is no such album.")
    return row


def _facts(row: Row[Any]) -> CollectionFacts:
    role = MemberRole(row.member_role) if row.member_role else None
    return CollectionFacts(row.owner_id, Visibility(row.visibility), role)


def _is_published() -> ColumnElement[bool]:
    return and_(
        files.c.is_picture,
        files.c.deleted_at.is_(None),
        files.c.taken_down_at.is_(None),
        files.c.width > 0,
        files.c.height > 0,
    )


def _shown_to(principal: Principal, facts: CollectionFacts) -> ColumnElement[bool]:
    """Whoever manages the collection sees all of it."""
    return true() if rights.may_manage(principal, facts) else _is_listed(principal)


def _is_listed(principal: Principal) -> ColumnElement[bool]:
    """A file with a visibility of its own is listed to others only where that is public."""
    return or_(
        files.c.visibility.is_(None),
        files.c.visibility == Visibility.PUBLIC,
        files.c.owner_id == principal.account_id,
    )


def _ordering(sort: Sort, dialect: str, *, descending: bool) -> list[ColumnElement[Any]]:
    """The index's own columns first; the id last, so that pages never shift."""
    # PostgreSQL would order names by the database's language, SQLite does by code point.
    name = files.c.filename.collate("C") if dialect == "postgresql" else files.c.filename
    if sort is Sort.NAME:
        return [name.desc(), files.c.id] if descending else [name, files.c.id]
    dated: ColumnElement[Any] = files.c.published_at
    if sort is Sort.TAKEN:
        dated = func.coalesce(files.c.taken_at, files.c.published_at)
    return [dated.desc() if descending else dated, name, files.c.id]

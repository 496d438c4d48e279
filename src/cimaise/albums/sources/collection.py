"""Albums from collections: every one that holds published pictures."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, or_, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from cimaise.access import policy as rights
from cimaise.access.policy import CollectionFacts, MemberRole, Principal, Visibility
from cimaise.albums.addresses import VariantSizes, original_url, variant_url
from cimaise.albums.model import (
    AlbumPage,
    AlbumSummary,
    Cursor,
    Pagination,
    Picture,
    Rendition,
    Sort,
    Wanted,
)
from cimaise.albums.picture_types import is_in_every_browser
from cimaise.albums.sources.base import LocalFiles, no_such_album
from cimaise.database.engine import Database
from cimaise.database.schema import collections, files, memberships
from cimaise.errors import Invalid
from cimaise.library.hanging import BEHIND, in_order, is_listed, is_shown, listed_to, sort_keys
from cimaise.library.placeholders import NONE_POSSIBLE

_NAME: Final = "collection"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN: Final = "?"  # no picture was drawn yet: it may well be one
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
        return [self._summary(row) for row in rows if row.is_seen]

    async def open_album(self, principal: Principal, album: str, wanted: Wanted) -> AlbumPage:
        """See :class:`cimaise.albums.sources.base.Source`."""

        def work(connection: Connection) -> AlbumPage:
            row = _find(connection, principal, album)
            facts = _facts(row)
            if not rights.may_view(principal, facts):
                raise no_such_album()
            return self._page(connection, row, listed_to(principal, facts), wanted)

        return await self._database.read(work)

    async def facts(self, principal: Principal, album: str) -> CollectionFacts:
        """See :class:`cimaise.albums.sources.base.Source`."""
        row = await self._database.read(lambda connection: _find(connection, principal, album))
        return _facts(row)

    async def start(self) -> None:
        """Nothing runs."""

    async def close(self) -> None:
        """Nothing runs."""

    def _page(
        self, connection: Connection, row: Row[Any], shown: ColumnElement[bool], wanted: Wanted
    ) -> AlbumPage:
        in_album = and_(files.c.collection_id == row.id, is_shown(), shown)
        counts = select(func.count(), func.count(files.c.place)).select_from(files).where(in_album)
        total, placed = connection.execute(counts).one()
        sort = wanted.after.sort if wanted.after else wanted.sort or Sort(row.sort or Sort.DATE)
        descending = wanted.after.descending if wanted.after else wanted.is_descending(sort)
        found = _selected_page(connection, in_album, wanted, sort, descending=descending)
        page = wanted.after.page if wanted.after else wanted.page
        has_more, found = len(found) > wanted.limit, found[: wanted.limit]
        following = _cursor(found[-1], sort, page + 1, descending=descending) if has_more else None
        return AlbumPage(
            row.name, row.title, Visibility(row.visibility), _NAME,
            tuple(map(self._picture, found)),
            Pagination(page, wanted.limit, total, following), sort, descending,
            has_places=placed > 0,
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
            placeholder=row.placeholder or None,
            renditions=tuple(
                Rendition(self._sign(variant_url(row.id, width)), width)
                for width in self._sizes.widths(row.width)
            ),
            taken_at=row.taken_at,
            download=f"{original_url(row.id)}?download=1",
            is_in_every_browser=is_in_every_browser(row.content_type),
        )

    def _summary(self, row: Row[Any]) -> AlbumSummary:
        shown = row.shown_cover_id
        cover = self._sign(variant_url(shown, self._sizes.thumb_px)) if shown else None
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
    own = (files.c.collection_id == collections.c.id, is_shown(), is_listed(principal))
    pictures = select(files.c.id).where(*own).correlate(collections).limit(1)
    drawn = pictures.where(func.coalesce(files.c.placeholder, _UNKNOWN) != NONE_POSSIBLE)
    chosen = drawn.where(files.c.id == collections.c.cover_id).scalar_subquery()
    newest = drawn.order_by(files.c.published_at.desc(), files.c.id.desc()).scalar_subquery()
    cover = func.coalesce(chosen, newest)
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
    found = _selected(principal, cover.label("shown_cover_id"), pictures.exists().label("is_seen"))
    return found.where(collections.c.picture_count > 0, seen)


def _find(connection: Connection, principal: Principal, album: str) -> Row[Any]:
    row = connection.execute(_selected(principal).where(collections.c.name == album)).first()
    if row is None:
        raise no_such_album()
    return row


def _facts(row: Row[Any]) -> CollectionFacts:
    role = MemberRole(row.member_role) if row.member_role else None
    return CollectionFacts(row.owner_id, Visibility(row.visibility), role, id=row.id)


def _selected_page(
    connection: Connection,
    in_album: ColumnElement[bool],
    wanted: Wanted,
    sort: Sort,
    *,
    descending: bool,
) -> Sequence[Row[Any]]:
    """The page's rows, and one more where there are more."""
    dialect = connection.dialect.name
    dated, name = sort_keys(sort, dialect)
    ordering = in_order(sort, dialect, descending=descending)
    statement = select(files).where(in_album).order_by(*ordering).limit(wanted.limit + 1)
    if wanted.after is None:
        return connection.execute(statement.offset(wanted.start)).all()
    return connection.execute(statement.where(_behind(wanted.after, dated, name))).all()


def _behind(
    cursor: Cursor, dated: ColumnElement[Any] | None, name: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Only what comes after the picture that the cursor names; the id is the last key."""
    if dated is None:
        further = name < cursor.name if cursor.descending else name > cursor.name
        return or_(further, and_(name == cursor.name, files.c.id > cursor.id))
    at = cursor.key if cursor.sort is Sort.PLACED else _moment(cursor.key)
    return or_(
        dated < at if cursor.descending else dated > at,
        and_(dated == at, tuple_(name, files.c.id) > (cursor.name, cursor.id)),
    )


def _moment(microseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as fault:
        raise Invalid("The cursor is not one of ours.", field="cursor") from fault


def _cursor(row: Row[Any], sort: Sort, page: int, *, descending: bool) -> Cursor:
    at = row.taken_at or row.published_at if sort is Sort.TAKEN else row.published_at
    if sort is Sort.NAME:
        key = 0
    elif sort is Sort.PLACED:
        key = BEHIND if row.place is None else row.place
    else:
        key = (at - _EPOCH) // timedelta(microseconds=1)
    return Cursor(sort, descending, key, row.filename, page, row.id)

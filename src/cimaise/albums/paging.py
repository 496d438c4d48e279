"""Pages: what was asked for, read strictly."""

import re
from collections.abc import Sequence
from typing import Final, TypeVar

from cimaise.albums.model import Cursor, Order, Pagination, Sort
from cimaise.errors import Invalid

T = TypeVar("T")

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100
MAX_PAGE: Final = 1_000_000_000
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


def parse_page(text: str | None) -> int:
    """``page`` of a query, from 1; 1 where it is absent. ``Invalid`` for anything else."""
    return _number(text, "page", default=1, most=MAX_PAGE)


def parse_limit(text: str | None) -> int:
    """``limit`` of a query, 1 to 100; 20 where it is absent. ``Invalid`` for anything else."""
    return _number(text, "limit", default=DEFAULT_LIMIT, most=MAX_LIMIT)


def parse_sort(text: str | None) -> Sort | None:
    """``sort`` of a query; ``None`` where it is absent. ``Invalid`` for anything unknown."""
    if text is None:
        return None
    try:
        return Sort(text)
    except ValueError:
        raise Invalid("sort is name, date, taken or placed.", field="sort") from None


def parse_order(text: str | None) -> Order | None:
    """``order`` of a query; ``None`` where it is absent. ``Invalid`` for anything unknown."""
    if text is None:
        return None
    try:
        return Order(text)
    except ValueError:
        raise Invalid("order is asc or desc.", field="order") from None


def cut(entries: Sequence[T], *, page: int, limit: int) -> tuple[tuple[T, ...], Pagination]:
    """One page of all ``entries``; empty past the end."""
    start = (page - 1) * limit
    return tuple(entries[start : start + limit]), Pagination(page, limit, len(entries))


def agreed_cursor(cursor: Cursor | None, sort: Sort | None, order: Order | None) -> Cursor | None:
    """The cursor; ``Invalid`` where ``sort`` or ``order`` beside it say something else."""
    if cursor is None:
        return None
    if not 1 <= cursor.page <= MAX_PAGE:
        raise Invalid("The cursor is not one of ours.", field="cursor")
    way = Order.DESCENDING if cursor.descending else Order.ASCENDING
    if sort not in (None, cursor.sort) or order not in (None, way):
        raise Invalid("The cursor belongs to another order.", field="cursor")
    return cursor


def _number(text: str | None, field: str, *, default: int, most: int) -> int:
    if text is None:
        return default
    # int() alone would take ' 1', '+1', '1_0' and digits of other scripts.
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise Invalid(f"{field} is a whole number from 1 to {most}.", field=field)
    return int(text)

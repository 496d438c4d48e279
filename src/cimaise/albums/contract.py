"""The album answers as JSON. Names and order of the contract's keys are promised."""

from typing import Any

from cimaise.albums.addresses import based, format_srcset, gallery_url
from cimaise.albums.cursor import format_cursor
from cimaise.albums.dates import format_long_date, format_moment
from cimaise.albums.model import AlbumList, AlbumPage, AlbumSummary, Pagination, Picture


def albums_json(listed: AlbumList, *, base_url: str | None) -> dict[str, Any]:
    """``GET /api/albums``.

    Args:
        listed: A page of albums.
        base_url: Put in front of our URLs, without a trailing slash; ``None`` or empty: they stay
            relative.
    """
    return {
        "albums": [_album(album, base_url or "") for album in listed.albums],
        "pagination": _pagination(listed.pagination),
    }


def album_json(page: AlbumPage, *, base_url: str | None = None) -> dict[str, Any]:
    """``GET /api/albums/{album}``; ``base_url`` as for :func:`albums_json`."""
    base = base_url or ""
    return {
        "images": [_picture(picture, page.title, base) for picture in page.pictures],
        "pagination": _pagination(page.pagination),
    }


def alt_text(picture: Picture, album_title: str) -> str:
    """The caption, or else which gallery it is from."""
    return picture.caption or f"Gallery: {album_title}"


def _album(album: AlbumSummary, base: str) -> dict[str, Any]:
    return {
        "name": album.name,
        "title": album.title,
        "cover": album.cover and based(album.cover, base),
        "count": album.count,
        "url": based(gallery_url(album.name), base),
        "visibility": album.visibility.value,
        "source": album.source,
    }


def _picture(picture: Picture, album_title: str, base: str) -> dict[str, Any]:
    shown = picture.shown
    contract: dict[str, Any] = {
        "src": based(shown.url, base),
        "thumb": based(picture.thumb, base),
        "alt": alt_text(picture, album_title),
        "date": format_long_date(picture.dated_at),
        "bigWidth": shown.width,
        "bigHeight": max(1, round(picture.height * shown.width / picture.width)),
        "thumbWidth": picture.thumb_width,
        "thumbHeight": picture.thumb_height,
    }
    contract.update([one for one in _additions(picture, base) if one[1] is not None])
    return contract


def _additions(picture: Picture, base: str) -> tuple[tuple[str, Any], ...]:
    """What follows the contract's keys, where it is known. Nothing here is ever taken away."""
    return (
        ("dateTime", format_moment(picture.dated_at)),
        ("id", picture.id or picture.name),
        ("name", picture.name),
        ("title", picture.caption or None),
        ("caption", picture.caption or None),
        ("width", picture.width),
        ("height", picture.height),
        ("srcset", format_srcset(picture.renditions, base) or None),
        ("placeholder", picture.placeholder),
        ("thumbhash", picture.placeholder),
        ("takenAt", picture.taken_at and format_moment(picture.taken_at)),
        ("taken", picture.taken_at and picture.taken_at.isoformat(timespec="seconds")),
        ("rights", picture.rights),
        ("attribution", picture.attribution),
        ("sourceUrl", picture.source_url),
        ("download", picture.download and based(picture.download, base)),
    )


def _pagination(pagination: Pagination) -> dict[str, Any]:
    more = {"next": format_cursor(pagination.next)} if pagination.next else {}
    return {
        "page": pagination.page,
        "limit": pagination.limit,
        "total": pagination.total,
        "totalPages": pagination.total_pages,
        "hasNextPage": pagination.has_next,
        "hasPrevPage": pagination.has_previous,
    } | more

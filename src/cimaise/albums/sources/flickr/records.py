"""What is kept of Flickr's answers: small values, read out of whatever came.

Every field of an answer may be absent, of another type or hostile: an entry without what is needed
is passed over, an address that is not Flickr's is not taken.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from cimaise.albums.sources.flickr.api import SIZES

PHOTO_PAGE: Final = "https://www.flickr.com/photos"
_STATIC_HOST: Final = re.compile(r"(?:[a-z0-9-]+\.)*(?:staticflickr|flickr)\.com")
_ID: Final = re.compile(r"[0-9]{1,24}", re.ASCII)
_OWNER: Final = re.compile(r"[A-Za-z0-9@_-]{1,100}", re.ASCII)
_WIDEST: Final = 1_000_000
_LATEST_S: Final = 4_102_444_800  # 2100


class Size(msgspec.Struct, frozen=True, array_like=True):
    """A file of a picture."""

    url: str
    width: int
    height: int


class Photo(msgspec.Struct, frozen=True, array_like=True):
    """A picture of a set. ``sizes`` is never empty, the largest first."""

    id: str
    title: str
    owner: str  # in the address of its page
    owner_name: str
    licence: str
    uploaded_s: int
    taken_s: int | None
    sizes: tuple[Size, ...]

    @property
    def page_url(self) -> str:
        """Where Flickr shows it; each picture has to lead there."""
        return f"{PHOTO_PAGE}/{quote(self.owner, safe='@')}/{self.id}"


class PhotoSet(msgspec.Struct, frozen=True, array_like=True):
    """A set in the list."""

    id: str
    title: str
    count: int
    updated_s: int
    cover: str | None


class SetPhotos(msgspec.Struct, frozen=True, array_like=True):
    """All pictures of a set, as of one version of it."""

    title: str
    updated_s: int
    photos: tuple[Photo, ...]


def read_sets(answer: Mapping[str, Any]) -> list[PhotoSet]:
    """Sets of one page of ``getList``, in the owner's order."""
    found = (_read_set(entry) for entry in _entries(answer, "photoset"))
    return [one for one in found if one is not None]


def read_photos(answer: Mapping[str, Any]) -> list[Photo]:
    """Pictures of one page of ``getPhotos``."""
    of_set = (_text(answer.get("owner")), _text(answer.get("ownername")))
    found = (_read_photo(entry, *of_set) for entry in _entries(answer, "photo"))
    return [one for one in found if one is not None]


def read_licences(answer: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Name and address of each licence, by its number; the address may be empty."""
    return {
        _text(entry.get("id")): (_text(entry.get("name")), _web_url(entry.get("url")))
        for entry in _entries(answer, "license")
    }


def read_pages(answer: Mapping[str, Any]) -> int:
    """How many pages there are; at least one."""
    return max(1, _number(answer.get("pages")) or 1)


def _entries(answer: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    listed = answer.get(name)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _read_set(entry: Mapping[str, Any]) -> PhotoSet | None:
    number = _text(entry.get("id"))
    if not _ID.fullmatch(number):
        return None
    extras = entry.get("primary_photo_extras")
    sizes = _sizes(extras) if isinstance(extras, dict) else ()
    count = _number(entry.get("photos")) or 0
    updated_s = _seconds(entry.get("date_update")) or _seconds(entry.get("date_create")) or 0
    title = _content(entry.get("title")) or number
    return PhotoSet(number, title, count, updated_s, thumb_of(sizes).url if sizes else None)


def _read_photo(entry: Mapping[str, Any], set_owner: str, set_owner_name: str) -> Photo | None:
    sizes, number = _sizes(entry), _text(entry.get("id"))
    if not (sizes and _ID.fullmatch(number)) or _text(entry.get("media") or "photo") != "photo":
        return None
    owner = _text(entry.get("pathalias")) or _text(entry.get("owner")) or set_owner
    return Photo(
        number,
        _content(entry.get("title")),
        owner if _OWNER.fullmatch(owner) else "unknown",
        _text(entry.get("ownername")) or set_owner_name,
        _text(entry.get("license")),
        _seconds(entry.get("dateupload")) or 0,
        _taken_s(entry),
        sizes,
    )


def thumb_of(sizes: Sequence[Size]) -> Size:
    """About 500 wide: the narrowest that is at least 320, or else the widest."""
    return next((one for one in reversed(sizes) if one.width >= 320), sizes[0])  # noqa: PLR2004


def _sizes(entry: Mapping[str, Any]) -> tuple[Size, ...]:
    found = []
    for name in SIZES:
        url = _text(entry.get(f"url_{name}"))
        width, height = _number(entry.get(f"width_{name}")), _number(entry.get(f"height_{name}"))
        if is_static_url(url) and width and height and max(width, height) <= _WIDEST:
            found.append(Size(url, width, height))
    return tuple(sorted(found, key=lambda size: size.width, reverse=True))


def is_static_url(url: str) -> bool:
    """An https address of Flickr's own picture servers."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == "https"
            and parts.netloc == parts.hostname
            and _STATIC_HOST.fullmatch(parts.netloc) is not None
            and url.isascii()
            and url.isprintable()
            and " " not in url
        )
    except ValueError:
        return False


def _taken_s(entry: Mapping[str, Any]) -> int | None:
    """``2009-07-04 17:59:45`` in no zone; where Flickr only guesses, it says so."""
    if _number(entry.get("datetakenunknown")):
        return None
    try:
        taken = datetime.strptime(_text(entry.get("datetaken")), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
        return int(taken.replace(tzinfo=UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def _seconds(value: Any) -> int | None:
    found = _number(value)
    return found if found is not None and found <= _LATEST_S else None


def _number(value: Any) -> int | None:
    """Whole numbers come as numbers or as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 2**53 else None
    text = _text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None  # noqa: PLR2004


def _text(value: Any) -> str:
    """Texts are cut to what a page can show; numbers come as texts too."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.replace("\0", "")[:2000] if isinstance(value, str) else ""


def _content(value: Any) -> str:
    """Titles come as ``{"_content": text}``, or as text."""
    return _text(value.get("_content") if isinstance(value, dict) else value).strip()


def _web_url(value: Any) -> str:
    text = _text(value)
    return text if text.startswith(("https://", "http://")) and text.isprintable() else ""

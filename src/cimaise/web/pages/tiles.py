"""Pictures of an album as the gallery's template wants them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from cimaise.albums.addresses import format_srcset, info_url, parse_folder_file_url
from cimaise.albums.contract import alt_text
from cimaise.albums.dates import format_long_date, format_moment
from cimaise.albums.model import Picture, Rendition
from cimaise.images.iiif.identifiers import AlbumPicture, StoredPicture, format_identifier

SMALL_PX: Final = 500
LARGE_PX: Final = 2560
_LEAST_RATIO: Final = 0.3
_GREATEST_RATIO: Final = 6.0
_PHONE_ROW_PX: Final = 140  # about how high rows become in narrow windows
_ROW_VW: Final = 18  # and in all others, in hundredths of their width
_ALONE_VH: Final = 70  # how high the only picture of an album becomes, in hundredths of the window
_CLEARLY_WIDER: Final = 1.15


Sign = Callable[[str], str]
"""Signs an address of ours for a picture of others, where that is needed."""


def _as_it_is(url: str) -> str:
    return url


@dataclass(frozen=True, slots=True)
class Site:
    """How pages write the addresses of pictures.

    Attributes:
        base: Path that everything of ours is below, without a trailing slash.
        sign: For pictures of other servers, which are fetched through ours.
    """

    base: str = ""
    sign: Sign = _as_it_is

    def at(self, url: str) -> str:
        """An address of ours, below the base; another server's as it is."""
        return self.base + url if url.startswith("/") else url

    def near(self, url: str, width_px: int) -> str:
        """A picture of ours as it is, one of another server through ours: no browser asks others."""
        if url.startswith("/"):
            return self.base + url
        return self.sign(f"{self.base}/resize?url={quote(url, safe='')}&width={width_px}")


AT_THE_ROOT: Final = Site()


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture on the wall.

    Attributes:
        href: What the link opens without the lightbox: the untouched picture.
        classes: Width to height in three digits, for the style sheet: a row's pictures share its
            width by it. A style attribute would say it directly, but the CSP allows none.
        src: A small picture.
        srcset: The small one and all that are clearly narrower or wider.
        sizes: How wide it will be about, where the browser cannot tell by itself.
        sizes_alone: The same where it is the only one of its album.
        large: What the lightbox shows where it makes no choice by size.
        large_srcset: What it chooses from.
        tiles: Where its tiles are described (IIIF); empty where it is no larger than variants.
        info: Where the camera's facts are asked for; empty where nobody knows them.
        links: Where links to it are made; empty for whoever may not.
    """

    href: str
    download: str
    classes: str
    src: str
    srcset: str
    sizes: str
    sizes_alone: str
    width: int
    height: int
    large: str
    large_srcset: str
    alt: str
    caption: str
    date: str
    moment: str
    placeholder: str | None
    info: str
    tiles: str
    links: str = ""


def make_tile(
    picture: Picture, album_title: str, site: Site = AT_THE_ROOT, *, links: str = ""
) -> Tile:
    """A picture as the template wants it; ``links``: a page of its own about links to it."""
    ratio = shown_ratio(picture.width, picture.height)
    small = Rendition(site.near(picture.thumb, SMALL_PX), picture.thumb_width)
    shown = [Rendition(site.near(one.url, one.width), one.width) for one in picture.renditions]
    others = [one for one in shown if _is_clearly_other(one.width, small.width)]
    offered = sorted([small, *others], key=lambda one: one.width)
    moment = picture.taken_at or picture.dated_at
    return Tile(
        href=site.at(picture.shown.url),
        download=site.at(picture.download or (picture.src if picture.source_url else "")),
        classes=ratio_classes(ratio),
        src=small.url,
        srcset=format_srcset(offered) if others else "",
        sizes=f"(max-width: 40em) {round(ratio * _PHONE_ROW_PX)}px, {round(ratio * _ROW_VW, 1)}vw",
        sizes_alone=f"(max-width: 40em) 90vw, min(90vw, {round(ratio * _ALONE_VH)}vh)",
        width=picture.width,
        height=picture.height,
        large=shown[-1].url if shown else site.near(picture.src, LARGE_PX),
        large_srcset=format_srcset(shown),
        alt=alt_text(picture, album_title),
        caption=picture.caption,
        date=format_long_date(moment),
        moment=format_moment(moment),
        placeholder=picture.placeholder,
        info=site.at(info_url(picture) or ""),
        tiles=site.at(_tiles_url(picture)),
        links=site.at(links),
    )


def _tiles_url(picture: Picture) -> str:
    """The description of its tiles (IIIF), where the original shows more than the largest variant."""
    if max(picture.width, picture.height) <= LARGE_PX:
        return ""
    place = parse_folder_file_url(picture.src)
    named: StoredPicture | AlbumPicture
    if picture.id is not None:
        named = StoredPicture(picture.id)
    elif place is not None:
        named = AlbumPicture(*place)
    else:
        return ""
    return f"/iiif/3/{format_identifier(named)}/info.json"


def _is_clearly_other(width_px: int, small_px: int) -> bool:
    return not small_px / _CLEARLY_WIDER <= width_px <= small_px * _CLEARLY_WIDER


def shown_ratio(width_px: int, height_px: int) -> float:
    """Width to height on the wall: what is narrower or wider than can be looked at is cut."""
    return min(max(width_px / height_px, _LEAST_RATIO), _GREATEST_RATIO)


def ratio_classes(ratio: float) -> str:
    """``u1 t3 h3`` for 1.33: units, tenths and hundredths, each a rule of the style sheet."""
    hundredths = round(ratio * 100)
    return f"u{hundredths // 100} t{hundredths // 10 % 10} h{hundredths % 10}"

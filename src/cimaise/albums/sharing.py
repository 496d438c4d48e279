"""An album as it is seen through a share link: every URL leads through the link. Pure functions."""

from dataclasses import replace
from urllib.parse import quote

from cimaise.albums.addresses import VariantSizes
from cimaise.albums.model import AlbumPage, Picture, Rendition


def share_url(token: str) -> str:
    """The page of a share."""
    return f"/s/{token}"


def shared_page(album: AlbumPage, token: str, sizes: VariantSizes, *, downloads: bool) -> AlbumPage:
    """The page with nothing that leads around the share.

    Args:
        album: As its owner sees it.
        token: The share's.
        sizes: Of the variants that are made.
        downloads: Pictures may be kept.
    """
    pictures = tuple(
        _shared(picture, share_url(token), sizes, downloads=downloads) for picture in album.pictures
    )
    return replace(album, pictures=pictures)


def _shared(picture: Picture, base: str, sizes: VariantSizes, *, downloads: bool) -> Picture:
    name = quote(picture.id or picture.name, safe="")
    widths = sizes.widths(picture.width)
    thumb_width, thumb_height = sizes.thumb(picture.width, picture.height)
    height = max(1, round(picture.height * widths[-1] / picture.width))
    renditions = tuple(
        Rendition(f"{base}/pictures/{name}?width={width}", width) for width in widths
    )
    return replace(
        picture,
        src=renditions[-1].url,
        thumb=f"{base}/pictures/{name}?width={sizes.thumb_px}",
        width=widths[-1],
        height=height,
        thumb_width=thumb_width,
        thumb_height=thumb_height,
        renditions=renditions,
        download=f"{base}/downloads/{name}" if downloads else None,
    )

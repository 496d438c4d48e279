"""Pictures and covers of folder albums, made of what is known. Pure functions."""

from collections.abc import Collection, Mapping, Sequence

from cimaise.albums.addresses import (
    VariantSizes,
    folder_file_url,
    resized_file_url,
    variants_of,
)
from cimaise.albums.dates import from_mtime, micros_of
from cimaise.albums.model import Picture, Rendition
from cimaise.albums.picture_types import is_in_every_browser, media_type_of
from cimaise.albums.sources.folder.albums import FolderAlbum
from cimaise.albums.sources.folder.index_rows import Facts
from cimaise.albums.sources.folder.tree import FolderFile, FolderPicture


def readable(
    pictures: Sequence[FolderPicture], unreadable: Collection[FolderFile]
) -> list[FolderPicture]:
    """Without what is known to be no picture, in the same order."""
    return [picture for picture in pictures if picture.file not in unreadable]


def is_shown(picture: FolderPicture, facts: Mapping[str, Facts]) -> bool:
    """Do the facts, by file name, say that it is one?"""
    found = facts.get(picture.file.name)
    return found is not None and found.is_picture


def taken_micros(file: FolderFile, facts: Facts | None) -> int | None:
    """When it was taken, microseconds since 1970; where the camera says nothing, its last change.

    ``None`` for what cannot be shown.
    """
    if facts is None or not facts.is_picture:
        return None
    return micros_of(facts.taken_at or from_mtime(file.mtime_ns))


def picture_of(
    album: FolderAlbum, picture: FolderPicture, facts: Mapping[str, Facts], sizes: VariantSizes
) -> Picture:
    """The picture with its thumbnail, or with a variant in its place."""
    name, own = picture.file.name, facts[picture.file.name]
    src = folder_file_url(album.name, name)
    variants = variants_of(src)
    url, (thumb_width, thumb_height) = _thumb(album, picture, facts, sizes, variants)
    return Picture(
        name=name,
        src=src,
        thumb=url,
        caption=album.description.captions.get(name, ""),
        dated_at=from_mtime(picture.file.mtime_ns),
        width=own.width,
        height=own.height,
        thumb_width=thumb_width,
        thumb_height=thumb_height,
        placeholder=own.placeholder or None,
        renditions=tuple(
            Rendition(f"{variants}{width}", width) for width in sizes.widths(own.width)
        ),
        taken_at=own.taken_at,
        download=f"{src}?download=1",
        is_in_every_browser=is_in_every_browser(media_type_of(name) or ""),
    )


def cover_url(
    album: FolderAlbum,
    pictures: Sequence[FolderPicture],
    blank: Collection[FolderFile],
    sizes: VariantSizes,
) -> str | None:
    """The described one; else the newest thumbnail; else a variant of the newest picture.

    Args:
        album: With the description.
        pictures: In the order of names.
        blank: Files of which nothing can be shown.
        sizes: Of the variants that are made.

    Returns:
        ``None`` where there is nothing to be shown.
    """
    with_thumb = [one for one in pictures if one.thumb and one.thumb not in blank]
    with_thumb.sort(key=_changed_ns, reverse=True)
    thumbs = {one.thumb.name: one for one in with_thumb if one.thumb}
    wanted = album.description.cover
    chosen = None
    drawn = [one for one in pictures if one.file not in blank] if blank else pictures
    if wanted:
        chosen = next((one for one in drawn if one.file.name == wanted), thumbs.get(wanted))
    chosen = chosen or next(iter(with_thumb), None) or max(drawn, key=_changed_ns, default=None)
    if chosen is None:
        return None
    if chosen.thumb and chosen.thumb.name in thumbs:
        return folder_file_url(album.name, chosen.thumb.name)
    return resized_file_url(album.name, chosen.file.name, sizes.thumb_px)


def _changed_ns(picture: FolderPicture) -> int:
    return picture.file.mtime_ns


def _thumb(
    album: FolderAlbum,
    picture: FolderPicture,
    facts: Mapping[str, Facts],
    sizes: VariantSizes,
    variants: str,
) -> tuple[str, tuple[int, int]]:
    own = facts[picture.file.name]
    thumb = facts.get(picture.thumb.name) if picture.thumb else None
    if picture.thumb and thumb and thumb.is_picture:
        return folder_file_url(album.name, picture.thumb.name), (thumb.width, thumb.height)
    return f"{variants}{sizes.thumb_px}", sizes.thumb(own.width, own.height)

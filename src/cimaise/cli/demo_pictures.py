"""Two albums of generated pictures, for a server that has nothing to show yet."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from cimaise.images.drawing.motifs import Style, draw_picture

_LANDSCAPE: Final = (2400, 1600)
_PORTRAIT: Final = (1600, 2133)
_WIDE: Final = (2240, 1260)
_SIZES: Final = (
    _LANDSCAPE, _LANDSCAPE, _WIDE, _PORTRAIT, _LANDSCAPE, _WIDE,
    _LANDSCAPE, _PORTRAIT, _LANDSCAPE, _WIDE, _PORTRAIT, _LANDSCAPE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DemoAlbum:
    """An album to be made: its folder, its title, and a caption for each of its pictures."""

    name: str
    title: str
    style: Style
    captions: tuple[str, ...]
    days_apart: float


DEMO_ALBUMS: Final = (
    DemoAlbum(
        "dunes", "Across the Sand", "dunes",
        (
            "First light on the ridge", "The well is behind the third dune", "Noon, no shadow left",
            "Wind from the west since morning", "What the night has smoothed",
            "A caravan went through here", "The long way round", "Heat above the far crest",
            "Nobody's footprints", "The hour before the stars", "Salt, then sand, then sky",
            "Last camp",
        ),
        2.4,
    ),
    DemoAlbum(
        "nocturnes", "Nights by the Water", "nocturnes",
        (
            "The lake does not move", "A cold light in the north", "Behind the firs",
            "Lanterns out, moon in", "Eleven o'clock, still blue", "The wood keeps its own time",
            "A late boat would be heard here", "The valley after rain", "Owls, somewhere",
            "Halfway between two villages", "The water repeats everything", "Embers of a long day",
        ),
        3.7,
    ),
)  # fmt: skip
"""Twelve captions each: one for every size."""


def make_demo_albums(
    albums_dir: Path,
    seed: int = 0,
    *,
    now: datetime,
    on_picture: Callable[[Path], None] = lambda _path: None,
) -> Sequence[Path]:
    """Draw the pictures that are not there yet. Blocks for some seconds.

    Args:
        albums_dir: Folder of the albums; made where it is missing.
        seed: Another number, other pictures.
        now: The newest picture is some hours old then, the others days and weeks older.
        on_picture: Told of every picture as soon as it lies in its place.

    Returns:
        The pictures that were drawn. A file that exists is left as it is, so that a second run
        goes on where a first one was broken off, and changes nothing of anybody's own.
    """
    drawn: list[Path] = []
    for album in DEMO_ALBUMS:
        folder = albums_dir / album.name
        folder.mkdir(parents=True, exist_ok=True)
        _write_once(folder / "album.toml", partial(_description, album))
        for number, (width, height) in enumerate(_SIZES):
            path = folder / _file_name(album, number)
            picture_seed = seed * len(_SIZES) + number
            made = _write_once(
                path,
                partial(draw_picture, picture_seed, width, height, style=album.style),
                at=now - timedelta(days=album.days_apart * number, hours=5 + number),
            )
            if made:
                drawn.append(path)
                on_picture(path)
    return drawn


def _file_name(album: DemoAlbum, number: int) -> str:
    return f"{album.name}-{number + 1:02}.jpg"


def _description(album: DemoAlbum) -> bytes:
    lines = [f'title = "{album.title}"', f'cover = "{_file_name(album, 0)}"', "", "[captions]"]
    named = enumerate(album.captions)
    lines += [f'"{_file_name(album, number)}" = "{text}"' for number, text in named]
    return ("\n".join(lines) + "\n").encode()


def _write_once(path: Path, made: Callable[[], bytes], at: datetime | None = None) -> bool:
    """Write whole or not at all; False where the file is there already."""
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.part")  # hidden: no album shows it
    draft.write_bytes(made())
    if at is not None:
        os.utime(draft, (at.timestamp(), at.timestamp()))
    draft.replace(path)
    return True

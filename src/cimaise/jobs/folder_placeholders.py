"""Draws what is shown until a picture of a folder album has come."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from cimaise.albums.folder_albums import HeldFile
from cimaise.albums.folder_placeholders import (
    NONE_POSSIBLE,
    BareFile,
    find_bare,
    keep_placeholders,
)
from cimaise.errors import CimaiseError, Unavailable
from cimaise.jobs.base import Turn
from cimaise.jobs.placeholders import Draw

MOST: Final = 100
"""Pictures a run: the next one comes soon, and other jobs have their turn between."""
_AT_ONCE: Final = 20  # in one transaction; what is cancelled has to be done again

FindLocal = Callable[[str, str], HeldFile]
"""Album and file name to the file as it is now; blocks. ``NotFound``, or ``OSError``."""


async def make_folder_placeholders(turn: Turn, find_local: FindLocal, draw: Draw) -> int:
    """One after another, the newest first; gives how many there are now.

    A picture that cannot be drawn is noted as such. One that is being replaced, or whose folder is
    away, is left for the next run, when the index knows more.
    """
    made = 0
    bare = await turn.database.read(partial(find_bare, limit=MOST))
    for start in range(0, len(bare), _AT_ONCE):
        drawn: dict[BareFile, str] = {}
        for picture in bare[start : start + _AT_ONCE]:
            text = await _drawn(picture, find_local, draw)
            if text is not None:
                drawn[picture] = text
        await turn.database.write(partial(keep_placeholders, drawn=drawn))
        made += sum(text != NONE_POSSIBLE for text in drawn.values())
    return made


async def _drawn(picture: BareFile, find_local: FindLocal, draw: Draw) -> str | None:
    try:
        found = (await asyncio.to_thread(find_local, picture.album, picture.name)).file
        if found is None or (found.mtime_ns, found.size) != (picture.mtime_ns, picture.size):
            return None
        return await draw(found.path)
    except (OSError, Unavailable):
        return None
    except CimaiseError:
        return NONE_POSSIBLE

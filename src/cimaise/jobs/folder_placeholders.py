"""Draws what is shown until a picture of a folder album has come."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from cimaise.albums.sources.folder.albums import HeldFile
from cimaise.albums.sources.folder.placeholders import (
    NONE_POSSIBLE,
    BareFile,
    find_bare,
    keep_placeholders,
)
from cimaise.errors import CimaiseError, Unavailable
from cimaise.jobs.base import Turn
from cimaise.jobs.passing import Passing
from cimaise.jobs.placeholders import BUSY, Draw

MOST: Final = 100
"""Pictures a run: the next one comes soon, and other jobs have their turn between."""
_AT_ONCE: Final = 20  # in one transaction; what is cancelled has to be done again

FindLocal = Callable[[str, str], HeldFile]
"""Album and file name to the file as it is now; blocks. ``NotFound``, or ``OSError``."""


async def make_folder_placeholders(
    turn: Turn, find_local: FindLocal, draw: Draw, *, passing: Passing[BareFile] | None = None
) -> int:
    """One after another, the newest first; gives how many there are now.

    A picture that cannot be drawn is noted as such. One that is being replaced, or whose folder is
    away, is left until all others were tried, when the index may know more. Ends when somebody
    waits for other pictures.
    """
    passing = passing or Passing()
    made, left, tried = 0, 0, 0
    bare = await turn.database.read(partial(find_bare, limit=MOST, after=passing.after))
    for start in range(0, len(bare), _AT_ONCE):
        some = bare[start : start + _AT_ONCE]
        drawn, done = await _drawn(some, find_local, draw)
        if drawn:
            await turn.database.write(partial(keep_placeholders, drawn=drawn))
        made += sum(text != NONE_POSSIBLE for text in drawn.values())
        tried, left = tried + done, left + done - len(drawn)
        if done < len(some):
            break
    is_last = tried == len(bare) < MOST
    passing.note(bare[:tried], is_last=is_last, is_left=left > 0)
    return made


async def _drawn(
    some: Sequence[BareFile], find_local: FindLocal, draw: Draw
) -> tuple[dict[BareFile, str], int]:
    """What could be drawn, and how many were tried before there was something better to do."""
    drawn: dict[BareFile, str] = {}
    for number, picture in enumerate(some):
        try:
            found = (await asyncio.to_thread(find_local, picture.album, picture.name)).file
            if found and (found.mtime_ns, found.size) == (picture.mtime_ns, picture.size):
                drawn[picture] = await draw(found.path)
        except Unavailable as fault:
            if fault.code == BUSY:
                return drawn, number
        except OSError:
            continue
        except CimaiseError:
            drawn[picture] = NONE_POSSIBLE
    return drawn, len(some)

"""Draws what is shown until a picture has come, for those that were published without."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from cimaise.errors import CimaiseError, Unavailable
from cimaise.images.stored import stored_source
from cimaise.jobs.base import Turn
from cimaise.jobs.passing import Passing
from cimaise.library.placeholders import NONE_POSSIBLE, BarePicture, find_bare, keep_placeholder
from cimaise.storage.base import Storage

MOST: Final = 100
"""Pictures a run: the next one comes soon, and other jobs have their turn between."""

BUSY: Final = "busy"
"""Code of the refusal to draw now."""

Draw = Callable[[bytes | Path], Awaitable[str]]
"""A picture's bytes or file to its ThumbHash, base64; a ``CimaiseError`` where it cannot be."""


async def make_placeholders(
    turn: Turn,
    storage: Storage,
    draw: Draw,
    *,
    max_bytes: int,
    passing: Passing[BarePicture] | None = None,
) -> int:
    """One after another, beside what visitors ask for; gives how many there are now.

    A picture that cannot be drawn is noted as such, one whose storage is away is tried again, when
    all others have been. Ends when somebody waits for other pictures.
    """
    passing = passing or Passing()
    bare = await turn.database.read(partial(find_bare, limit=MOST, after=passing.after))
    made, left, tried = 0, 0, 0
    for picture in bare:
        try:
            text = await _drawn(picture, storage, draw, max_bytes)
        except Unavailable as fault:
            if fault.code == BUSY:
                break
            left += 1
        else:
            keep = partial(keep_placeholder, picture=picture, text=text)
            made += await turn.database.write(keep) and text != NONE_POSSIBLE
        tried += 1
    is_last = tried == len(bare) < MOST
    passing.note(bare[:tried], is_last=is_last, is_left=left > 0)
    return made


async def _drawn(picture: BarePicture, storage: Storage, draw: Draw, max_bytes: int) -> str:
    opener = stored_source(storage, picture.storage_key, max_bytes=max_bytes)
    try:
        async with opener() as source:
            return await draw(source)
    except Unavailable:
        raise
    except CimaiseError:
        return NONE_POSSIBLE

"""What a file says of its picture, without decoding it."""

import asyncio
from collections import OrderedDict
from typing import Final

from cimaise.images.codec import ImageHeader, read_header
from cimaise.images.variants import OpenSource

_MOST: Final = 10_000


async def picture_info(open_source: OpenSource) -> ImageHeader:
    """The header of a source, in upright pixels.

    Raises:
        TypeNotAllowed: No picture of a known format (``not_an_image``).
        CimaiseError: What ``open_source`` raises.
    """
    async with open_source() as source:
        return await asyncio.to_thread(read_header, source)


class Headers:
    """Headers that have been read, for those who ask for many parts of one picture."""

    def __init__(self, *, most: int = _MOST) -> None:
        """Make an empty one that keeps the ``most`` that were asked for last."""
        self._known: OrderedDict[str, ImageHeader] = OrderedDict()
        self._most = most

    async def read(self, source_id: str, open_source: OpenSource) -> ImageHeader:
        """The header of a source; ``source_id`` is of these very bytes.

        Raises:
            TypeNotAllowed: No picture of a known format (``not_an_image``).
            CimaiseError: What ``open_source`` raises.
        """
        if source_id not in self._known:
            self._known[source_id] = await picture_info(open_source)
        self._known.move_to_end(source_id)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return self._known[source_id]

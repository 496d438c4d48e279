"""What a file says of its picture, without decoding it."""

import asyncio
from collections import OrderedDict
from typing import Final

from cimaise.images.codec import Codec
from cimaise.images.decoders.base import ImageHeader
from cimaise.images.making import OpenSource

_MOST: Final = 10_000


class Headers:
    """Headers that have been read, for those who ask for many parts of one picture."""

    def __init__(self, codec: Codec, *, most: int = _MOST) -> None:
        """Make an empty one that keeps the ``most`` that were asked for last."""
        self._codec = codec
        self._known: OrderedDict[str, ImageHeader] = OrderedDict()
        self._most = most

    async def read(self, source_id: str, open_source: OpenSource) -> ImageHeader:
        """The header of a source; ``source_id`` is of these very bytes.

        Raises:
            TypeNotAllowed: No picture of a known format (``not_an_image``).
            CimaiseError: What ``open_source`` raises.
        """
        if source_id not in self._known:
            async with open_source() as source:
                self._known[source_id] = await asyncio.to_thread(self._codec.read_header, source)
        self._known.move_to_end(source_id)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return self._known[source_id]

"""What a file says of its picture, without decoding it."""

import asyncio

from cimaise.images.codec import ImageHeader, read_header
from cimaise.images.variants import OpenSource


async def picture_info(open_source: OpenSource) -> ImageHeader:
    """The header of a source, in upright pixels.

    Raises:
        TypeNotAllowed: No picture of a known format (``not_an_image``).
        CimaiseError: What ``open_source`` raises.
    """
    async with open_source() as source:
        return await asyncio.to_thread(read_header, source)

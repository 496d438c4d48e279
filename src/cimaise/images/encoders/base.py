"""What an encoder promises."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pyvips

MAX_QUALITY: Final = 100


@dataclass(frozen=True, slots=True)
class Encoder:
    """How one format is written.

    Attributes:
        encode: ``(image, quality) -> bytes``, without any metadata. ``image`` is 8-bit sRGB with
            three bands, or four with alpha; frames lie below each other with ``page-height`` set.
            ``quality`` is 1 to 100 on WebP's scale; 100 for formats that lose nothing.
    """

    encode: Callable[[pyvips.Image, int], bytes]

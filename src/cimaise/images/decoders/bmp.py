"""Windows bitmaps, from whichever side their lines run."""

from typing import Final

from cimaise.images.decoders.base import Decoder
from cimaise.images.decoders.by_pillow import still

BMP: Final[Decoder] = still("bmp", "BMP")

"""Icons: the largest of the pictures in the file."""

from typing import Final

from cimaise.images.decoders.base import Decoder
from cimaise.images.decoders.by_pillow import still

ICO: Final[Decoder] = still("ico", "ICO")

"""Every operation. The order of this table is the order of execution."""

from typing import Final

from cimaise.images.operations.base import Operation
from cimaise.images.operations.blur import BLUR
from cimaise.images.operations.brightness import BRIGHTNESS
from cimaise.images.operations.contrast import CONTRAST
from cimaise.images.operations.filters import FILTER
from cimaise.images.operations.flip import FLIP
from cimaise.images.operations.rotate import ROTATE
from cimaise.images.operations.saturation import SATURATION
from cimaise.images.operations.sharpen import SHARPEN

OPERATIONS: Final[tuple[Operation, ...]] = (
    FLIP,
    ROTATE,
    BRIGHTNESS,
    CONTRAST,
    SATURATION,
    FILTER,
    BLUR,
    SHARPEN,
)

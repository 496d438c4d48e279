"""Sizes and tiles that a picture is offered in, each half of the one before."""

from collections.abc import Iterator
from typing import Final

from cimaise.images.iiif.dialect import Size
from cimaise.images.iiif.request import ImageRequest
from cimaise.images.iiif.size import largest_size

TILE_PX: Final = 512
_SMALLEST_PX: Final = 96
_ROUNDING_PX: Final = 1


def scale_factors(picture: Size) -> tuple[int, ...]:
    """1, 2, 4 … up to the one at which the picture is a single tile."""
    factors = [1]
    while _longer(picture) > TILE_PX * factors[-1]:
        factors.append(2 * factors[-1])
    return tuple(factors)


def offered_sizes(picture: Size, limit_px: int) -> tuple[Size, ...]:
    """Sizes of the whole picture, the smallest first; the last one is what ``max`` means."""
    largest = largest_size(picture, limit_px)
    smaller = [one for one in _halves(picture) if _longer(one) < _longer(largest)]
    return (*reversed(smaller), largest)


def is_offered(wanted: ImageRequest, limit_px: int) -> bool:
    """Is it one of the few pictures that ``info.json`` names: a size of the whole, or a tile?

    Only those are made where an installation allows no free choice (level 0 of the Image API).
    """
    is_plain = not wanted.is_mirrored and not wanted.degrees
    if not is_plain or wanted.quality != "default" or wanted.format != "jpg":
        return False
    if wanted.region == wanted.picture:
        sizes = offered_sizes(wanted.picture, limit_px)
        if any(_about(wanted.size, one) for one in sizes):
            return True
    return any(_is_tile(wanted, factor) for factor in scale_factors(wanted.picture))


def _longer(size: Size) -> int:
    return max(size.width, size.height)


def _halves(picture: Size) -> Iterator[Size]:
    factor = 1
    while _longer(picture) // factor >= _SMALLEST_PX:
        yield Size(-(-picture.width // factor), -(-picture.height // factor))
        factor *= 2


def _is_tile(wanted: ImageRequest, factor: int) -> bool:
    left, top, width, height = wanted.box
    side = TILE_PX * factor
    if left % side or top % side:
        return False
    reaches = width == min(side, wanted.picture.width - left) and height == min(
        side, wanted.picture.height - top
    )
    return reaches and _about(wanted.size, Size(-(-width // factor), -(-height // factor)))


def _about(size: Size, other: Size) -> bool:
    """The same but for the rounding of clients."""
    return (
        abs(size.width - other.width) <= _ROUNDING_PX
        and abs(size.height - other.height) <= _ROUNDING_PX
    )

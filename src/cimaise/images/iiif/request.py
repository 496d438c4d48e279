"""An image request: its four parts read, then made exact for one picture, then put canonically."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from cimaise.errors import Malformed
from cimaise.images.iiif.dialect import (
    OUR_FORMATS,
    QUALITIES,
    Size,
    Version,
    nearest,
    parse_decimal,
)
from cimaise.images.iiif.region import Region, parse_region
from cimaise.images.iiif.size import SizeWish, largest_size, parse_size
from cimaise.images.spec import Box

_FULL_TURN: Final = 360
_LOOKS: Final = {"gray": "grayscale", "bitonal": "bitonal"}


@dataclass(frozen=True, slots=True)
class Asked:
    """An image request whose form is right (Image API 3.0 §4, 2.1.1 §4)."""

    version: Version
    region: Region
    size: SizeWish
    is_mirrored: bool
    degrees: Fraction
    quality: str
    format: str


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What is wanted of one picture, in pixels.

    Attributes:
        version: Of the Image API.
        picture: The whole picture, upright.
        box: Left, top, width, height of the region.
        size: What the region is scaled to, before it is turned.
        is_mirrored: Left and right are exchanged, before it is turned.
        degrees: Clockwise, 0 to below 360.
        quality: One of :data:`QUALITIES`.
        format: Theirs: ``jpg``, ``png`` …
        largest: What ``max`` means for this region: canonical texts say ``max`` for it.
        largest_enlarged: What ``^max`` means.
    """

    version: Version
    picture: Size
    box: Box
    size: Size
    is_mirrored: bool
    degrees: Fraction
    quality: str
    format: str
    largest: Size = field(repr=False)
    largest_enlarged: Size = field(repr=False)

    @property
    def region(self) -> Size:
        """Size of the region."""
        return Size(*self.box[2:])

    @property
    def is_enlarged(self) -> bool:
        """Has more pixels across or down than the region."""
        return self.size.width > self.box[2] or self.size.height > self.box[3]

    def parameters(self) -> dict[str, str]:
        """The same as parameters for :func:`cimaise.images.spec.parse_spec`."""
        wanted = {
            "crop": ",".join(map(str, self.box)),
            "width": str(self.size.width),
            "height": str(self.size.height),
            "fit": "fill",
            "format": OUR_FORMATS[self.format],
        }
        if self.box == (0, 0, self.picture.width, self.picture.height):
            del wanted["crop"]
        if self.is_enlarged:
            wanted["enlarge"] = "1"
        if self.is_mirrored:
            wanted["flip"] = "h"
        if self.degrees:
            wanted["rotate"] = _decimal(self.degrees, places=6)
        if self.quality in _LOOKS:
            wanted["filter"] = _LOOKS[self.quality]
        return wanted

    def canonical(self) -> str:
        """``region/size/rotation/quality.format`` as all servers would write it (§4.7)."""
        mirror = "!" if self.is_mirrored else ""
        rotation = f"{mirror}{_decimal(self.degrees, places=10)}"
        return f"{self._region()}/{self._size()}/{rotation}/{self.quality}.{self.format}"

    def _region(self) -> str:
        whole = (0, 0, self.picture.width, self.picture.height)
        return "full" if self.box == whole else ",".join(map(str, self.box))

    def _size(self) -> str:
        size, region = self.size, self.region
        if self.version is Version.TWO:
            return _size_of_two(size, region)
        if size == self.largest:
            return "max"
        if self.is_enlarged:
            is_most = size == self.largest_enlarged
            return "^max" if is_most else f"^{size.width},{size.height}"
        return f"{size.width},{size.height}"


def parse_request(
    *, version: Version, region: str, size: str, rotation: str, quality: str, format_: str
) -> Asked:
    """Read the parts of the path, each percent-decoded.

    Raises:
        Malformed: One of them has no form that the Image API knows, or that is offered here.
    """
    is_mirrored = rotation.startswith("!")
    degrees = parse_decimal(rotation.removeprefix("!"), "rotation")
    if degrees > _FULL_TURN:
        raise Malformed("rotation is 0 to 360, with ! before it to mirror.", field="rotation")
    if quality not in QUALITIES:
        raise Malformed(f"quality is one of {', '.join(QUALITIES)}.", field="quality")
    if format_ not in OUR_FORMATS:
        raise Malformed(f"format is one of {', '.join(OUR_FORMATS)}.", field="format")
    return Asked(
        version,
        parse_region(region),
        parse_size(size, version),
        is_mirrored,
        degrees % _FULL_TURN,
        quality,
        format_,
    )


def resolve(asked: Asked, picture: Size, limit_px: int) -> ImageRequest:
    """What a request means for one picture.

    Args:
        asked: The request.
        picture: The whole picture, upright.
        limit_px: ``maxWidth``, which bounds the height as well.

    Raises:
        Malformed: The region lies outside, or the size cannot be had.
    """
    box = asked.region.within(picture)
    region = Size(*box[2:])
    return ImageRequest(
        version=asked.version,
        picture=picture,
        box=box,
        size=asked.size.of(region, limit_px),
        is_mirrored=asked.is_mirrored,
        degrees=asked.degrees,
        quality=asked.quality,
        format=asked.format,
        largest=largest_size(region, limit_px),
        largest_enlarged=largest_size(region, limit_px, may_enlarge=True),
    )


def _size_of_two(size: Size, region: Size) -> str:
    if size == region:
        return "full"
    if size.height == nearest(Fraction(region.height * size.width, region.width)):
        return f"{size.width},"
    return f"{size.width},{size.height}"


def _decimal(value: Fraction, *, places: int) -> str:
    """Digits, and those behind the point that count (§4.7: no trailing zeros)."""
    return f"{float(value):.{places}f}".rstrip("0").rstrip(".")

"""The size of a request: what the region is scaled to (Image API 3.0 §4.2, 2.1.1 §4.2)."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from cimaise.errors import Malformed
from cimaise.images.iiif.dialect import Size, Version, nearest, parse_decimal, parse_whole

_FORMS: Final = {
    Version.TWO: "size is full, max, w,  ,h  w,h  !w,h or pct:n.",
    Version.THREE: "size is max, w,  ,h  w,h  !w,h or pct:n, with ^ before it to enlarge.",
}
_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class SizeWish:
    """A size that was asked for, before the region is known.

    Attributes:
        is_largest: ``max``: as large as the server allows.
        is_full: ``full`` of version 2: exactly the region's own size.
        width: Pixels; ``None`` where it follows from the height.
        height: Pixels; ``None`` where it follows from the width.
        is_confined: ``!w,h``: proportions are kept, inside of both.
        percent: Of the region's sides.
        may_enlarge: More pixels than the region has are wanted (``^``; always in version 2).
    """

    is_largest: bool = False
    is_full: bool = False
    width: int | None = None
    height: int | None = None
    is_confined: bool = False
    percent: Fraction | None = None
    may_enlarge: bool = False

    def of(self, region: Size, limit_px: int) -> Size:
        """The size in pixels.

        Args:
            region: Size of the region.
            limit_px: ``maxWidth``, which bounds the height as well.

        Raises:
            Malformed: It is less than a pixel, above the limit, or larger than the region
                where enlarging was not asked for.
        """
        wanted = self._wanted(region, limit_px)
        if wanted.width < 1 or wanted.height < 1:
            raise Malformed("The picture would be less than a pixel.", field="size")
        if not self.may_enlarge and (wanted.width > region.width or wanted.height > region.height):
            raise Malformed("The size is larger than the region; ^ enlarges.", field="size")
        if max(wanted.width, wanted.height) > limit_px:
            raise Malformed(f"The size is above maxWidth, {limit_px}.", field="size")
        return wanted

    def _wanted(self, region: Size, limit_px: int) -> Size:
        if self.is_full:
            return region
        if self.is_largest:
            return largest_size(region, limit_px, may_enlarge=self.may_enlarge)
        if self.percent is not None:
            return _scaled(region, self.percent / 100)
        if self.width is not None and self.height is not None:
            return self._boxed(region, Size(self.width, self.height), limit_px)
        if self.width is not None:
            return Size(self.width, nearest(Fraction(region.height * self.width, region.width)))
        assert self.height is not None
        return Size(nearest(Fraction(region.width * self.height, region.height)), self.height)

    def _boxed(self, region: Size, box: Size, limit_px: int) -> Size:
        if not self.is_confined:
            return box
        scale = _inside(region, box)
        if scale > 1 and not self.may_enlarge:
            return box  # which is refused: docs/decisions says why
        return _at_least_a_pixel(region, min(scale, _inside(region, Size(limit_px, limit_px))))


def largest_size(region: Size, limit_px: int, *, may_enlarge: bool = False) -> Size:
    """What ``max`` means for a region, or with ``may_enlarge`` ``^max``."""
    most = _inside(region, Size(limit_px, limit_px))
    return _at_least_a_pixel(region, most if may_enlarge else min(most, Fraction(1)))


def parse_size(text: str, version: Version) -> SizeWish:
    """Read a size. ``Malformed`` where it has no form of this version."""
    may_enlarge = version is Version.TWO
    if version is Version.THREE and text.startswith("^"):
        text, may_enlarge = text[1:], True
    if text == "max":
        return SizeWish(is_largest=True, may_enlarge=may_enlarge and version is Version.THREE)
    if text == "full" and version is Version.TWO:
        return SizeWish(is_full=True)
    if text.startswith("pct:"):
        percent = parse_decimal(text.removeprefix("pct:"), "size")
        return SizeWish(percent=percent, may_enlarge=may_enlarge)
    return _parse_sides(text, version, may_enlarge=may_enlarge)


def _parse_sides(text: str, version: Version, *, may_enlarge: bool) -> SizeWish:
    is_confined = text.startswith("!")
    sides = text.removeprefix("!").split(",")
    if len(sides) != _TWO or not any(sides) or (is_confined and not all(sides)):
        raise Malformed(_FORMS[version], field="size")
    width, height = (parse_whole(side, "size") if side else None for side in sides)
    return SizeWish(width=width, height=height, is_confined=is_confined, may_enlarge=may_enlarge)


def _inside(region: Size, box: Size) -> Fraction:
    return min(Fraction(box.width, region.width), Fraction(box.height, region.height))


def _at_least_a_pixel(region: Size, scale: Fraction) -> Size:
    scaled = _scaled(region, scale)
    return Size(max(1, scaled.width), max(1, scaled.height))


def _scaled(region: Size, scale: Fraction) -> Size:
    return Size(nearest(region.width * scale), nearest(region.height * scale))

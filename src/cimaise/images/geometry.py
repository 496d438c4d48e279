"""Sizes and boxes, as pure arithmetic: what to read, how large to make it, what to cut or add."""

from dataclasses import dataclass
from typing import Final

from cimaise.errors import Invalid
from cimaise.images.spec import Box, ImageSpec

FREE_SIDE_FACTOR: Final = 4
"""A side that nobody asked for may be this many times ``max_width`` long (tall screenshots)."""
_MAX_SIDE_PX: Final = 16383  # WebP's own limit, the lowest of all formats
_QUARTER_TURN: Final = 90
_SWAPPING: Final = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class Plan:
    """How a picture gets its size, in pixels of the upright picture.

    Attributes:
        crop: Part of the source that is used.
        size: Width and height that the part is resized to.
        window: Width and height that are then cut out (``cover`` with ``smart``, which has to see
            the whole) or filled up to (``contain``); the same as ``size`` where neither is needed.
    """

    crop: Box
    size: tuple[int, int]
    window: tuple[int, int]


def plan_size(spec: ImageSpec, width: int, height: int, *, max_width: int) -> Plan:
    """Plan the geometry of a picture from an upright source of ``width`` x ``height`` pixels.

    Raises:
        Invalid: ``crop`` lies outside of the source.
    """
    crop = _inner(spec.crop, width, height)
    source = crop[2:]
    if spec.width is not None and spec.height is not None:
        return _boxed(spec, crop, (spec.width, spec.height), max_width)
    free_px = _free_side(spec, max_width)
    unasked = max_width if spec.width is None and spec.height is None else free_px
    box = (spec.width or unasked, spec.height or unasked)
    enlarge = spec.enlarge and not (spec.width is None and spec.height is None)
    scale = min(_inside(source, box), _most(enlarge=enlarge))
    size = _scaled(source, scale)
    return Plan(crop, size, size)


def to_stored(box: Box, orientation: int, width: int, height: int) -> Box:
    """Where a box of the upright picture lies in the stored one.

    Args:
        box: In pixels of the upright picture.
        orientation: EXIF orientation, 1 to 8.
        width: Width of the **stored** picture.
        height: Height of the **stored** picture.
    """
    left, top, box_width, box_height = box
    if orientation in _SWAPPING:
        left, top, box_width, box_height = top, left, box_height, box_width
    if orientation in (2, 3, 7, 8):
        left = width - left - box_width
    if orientation in (3, 4, 6, 7):
        top = height - top - box_height
    return left, top, box_width, box_height


def to_stored_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """The same size before the picture is turned upright (and the other way round)."""
    return size[::-1] if orientation in _SWAPPING else size


def place(outer_px: int, inner_px: int, focus: float) -> int:
    """Where a window of ``inner_px`` starts in ``outer_px`` so that ``focus`` is in its middle."""
    start = round(outer_px * focus - inner_px / 2)
    return max(0, min(start, outer_px - inner_px))


def _boxed(spec: ImageSpec, crop: Box, box: tuple[int, int], max_width: int) -> Plan:
    source = crop[2:]
    most = _most(enlarge=spec.enlarge)
    if spec.fit == "fill":
        size = (
            max(1, round(source[0] * min(box[0] / source[0], most))),
            max(1, round(source[1] * min(box[1] / source[1], most))),
        )
        return Plan(crop, size, size)
    if spec.fit == "cover":
        return _covering(spec, crop, box, max_width)
    width, height = _scaled(source, min(_inside(source, box), most))
    size = (min(width, box[0]), min(height, box[1]))
    return Plan(crop, size, box if spec.fit == "contain" else size)


def _covering(spec: ImageSpec, crop: Box, box: tuple[int, int], max_width: int) -> Plan:
    source = crop[2:]
    window = box if spec.enlarge else _scaled(box, min(1.0, _inside(box, source)))
    scale = max(window[0] / source[0], window[1] / source[1])
    if isinstance(spec.gravity, str):
        width, height = _scaled(source, scale)
        if max(width, height) <= max_width * FREE_SIDE_FACTOR:
            return Plan(crop, (max(width, window[0]), max(height, window[1])), window)
    focus = (0.5, 0.5) if isinstance(spec.gravity, str) else spec.gravity
    width = min(source[0], max(1, round(window[0] / scale)))
    height = min(source[1], max(1, round(window[1] / scale)))
    left = crop[0] + place(source[0], width, focus[0])
    top = crop[1] + place(source[1], height, focus[1])
    return Plan((left, top, width, height), window, window)


def _inside(size: tuple[int, int], box: tuple[int, int]) -> float:
    return min(box[0] / size[0], box[1] / size[1])


def _most(*, enlarge: bool) -> float:
    return float("inf") if enlarge else 1.0


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _free_side(spec: ImageSpec, max_width: int) -> int:
    if spec.edits.get("rotate", 0) % _QUARTER_TURN:  # the corners of a long strip are a huge square
        return max_width
    return min(max_width * FREE_SIDE_FACTOR, _MAX_SIDE_PX)


def _inner(crop: Box | None, width: int, height: int) -> Box:
    if crop is None:
        return 0, 0, width, height
    left, top = crop[:2]
    if left >= width or top >= height:
        raise Invalid(f"crop lies outside of the picture of {width} x {height}.", field="crop")
    return left, top, min(crop[2], width - left), min(crop[3], height - top)

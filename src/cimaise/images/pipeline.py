"""A source and a spec in, encoded bytes out. Pure computation: runs in a worker's thread.

The order: read the header, refuse what is too large, decode as small as the format allows, cut
and resize, sRGB, turn upright, operations in the order of their table, fill, encode. Everything
after resizing works in memory on a picture that is at most a few dozen megapixels.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyvips

from cimaise.images import codec
from cimaise.images.codec import ImageHeader
from cimaise.images.colour import to_srgb
from cimaise.images.formats import FORMATS
from cimaise.images.geometry import Plan, plan_size, to_stored, to_stored_size
from cimaise.images.operations.base import OPAQUE, with_alpha
from cimaise.images.operations.table import OPERATIONS
from cimaise.images.parameters import Colour
from cimaise.images.spec import ImageSpec
from cimaise.images.stopping import Stop

PIPELINE_VERSION: Final = 1
"""Raise it when the same spec gives other pixels; kept variants of older ones are then left."""

WHITE: Final[Colour] = (255, 255, 255, 255)
NOTHING: Final[Colour] = (0, 0, 0, 0)
_JPEG_SHRINKS: Final = (8, 4, 2)
_WEBP_RESERVE: Final = 2  # leaves this factor to our better filter


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderLimits:
    """What a source may be.

    Attributes:
        max_width: Bound of sides that nobody asked for; see :mod:`cimaise.images.geometry`.
        max_pixels: Most pixels of a source, all frames together.
        max_frames: Most frames that are kept of an animation.
    """

    max_width: int = 2560
    max_pixels: int = 100_000_000
    max_frames: int = 100


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished picture. ``width`` and ``height`` are of one frame."""

    body: bytes
    media_type: str
    width: int
    height: int


def render(
    source: bytes | Path, spec: ImageSpec, limits: RenderLimits, stop: Stop | None = None
) -> Rendered:
    """Make a picture.

    Args:
        source: A whole file, or its path.
        spec: What is wanted; ``format`` must not be ``auto`` any more.
        limits: What the source may be.
        stop: Where the wish to stop comes from.

    Raises:
        TypeNotAllowed: The source is no picture, or a broken one (``not_an_image``).
        Invalid: The source has too many pixels, or ``crop`` lies outside of it.
        ClientGone: Stopping was asked for.
    """
    stop = stop or Stop()
    header = codec.read_header(source)
    codec.require_pixels(header, limits.max_pixels)
    name = choose_output(spec, header)
    plan = plan_size(spec, header.width, header.height, max_width=limits.max_width)
    with codec.translating_faults("render"):
        try:
            return _render(
                source, spec, header, plan=plan, name=name, max_frames=limits.max_frames, stop=stop
            )
        except pyvips.Error:
            stop.require_wanted()
            raise


def choose_output(spec: ImageSpec, header: ImageHeader) -> str:
    """The format to write: another than asked for only where ``auto`` left a choice.

    A moving source stays moving, a transparent one at least transparent, if the client takes a
    format that can.
    """
    names = (spec.format, *spec.alternatives)
    clear = [name for name in names if FORMATS[name].has_alpha or not header.has_alpha]
    moving = [name for name in clear if FORMATS[name].is_animated or header.frames == 1]
    return (*moving, *clear, spec.format)[0]


def _render(
    source: bytes | Path,
    spec: ImageSpec,
    header: ImageHeader,
    *,
    plan: Plan,
    name: str,
    max_frames: int,
    stop: Stop,
) -> Rendered:
    count = min(header.frames, max_frames) if FORMATS[name].is_animated else 1
    background = spec.background or (NOTHING if FORMATS[name].has_alpha else WHITE)
    is_flat = spec.background is not None or not FORMATS[name].has_alpha
    frames = [
        _flattened(_edited(frame, spec, plan, background), background, is_flat=is_flat)
        for frame in _decoded(source, header, plan, count, stop)
    ]
    width, height = frames[0].width, frames[0].height
    body = codec.encode(_joined(frames), name, spec.quality, stop)
    return Rendered(body, FORMATS[name].media_type, width, height)


def _decoded(
    source: bytes | Path, header: ImageHeader, plan: Plan, count: int, stop: Stop
) -> list[pyvips.Image]:
    """Every frame in memory: resized, sRGB, upright."""
    stored = to_stored_size((header.width, header.height), header.orientation)
    box = to_stored(plan.crop, header.orientation, *stored)
    size = to_stored_size(plan.size, header.orientation)
    factor = min(box[2] / size[0], box[3] / size[1])
    image = codec.open_picture(
        source,
        header,
        frames=count,
        shrink=next((shrink for shrink in _JPEG_SHRINKS if shrink <= factor), 1),
        scale=min(1.0, _WEBP_RESERVE / factor),
    )
    page_height = image.height // count
    box = _loaded_box(box, stored, (image.width, page_height))
    frames = []
    for index in range(count):  # in order: the source can be read only once, from top to bottom
        left, top, width, height = box
        frame = image.extract_area(left, top + index * page_height, width, height)
        frames.append(stop.watch(to_srgb(_resized(frame, size))).copy_memory())
    return [_upright(frame, header.orientation) for frame in frames]


def _loaded_box(
    box: tuple[int, int, int, int], stored: tuple[int, int], loaded: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The box in pixels of what was loaded, which may be smaller than what is stored."""
    across, down = loaded[0] / stored[0], loaded[1] / stored[1]
    left = min(round(box[0] * across), loaded[0] - 1)
    top = min(round(box[1] * down), loaded[1] - 1)
    width = max(1, min(round(box[2] * across), loaded[0] - left))
    height = max(1, min(round(box[3] * down), loaded[1] - top))
    return left, top, width, height


def _resized(image: pyvips.Image, size: tuple[int, int]) -> pyvips.Image:
    if (image.width, image.height) == size:
        return image
    across, down = size[0] / image.width, size[1] / image.height
    if not image.hasalpha():
        return image.resize(across, vscale=down)
    form = image.format
    flat = image.premultiply().cast(form)
    return flat.resize(across, vscale=down).unpremultiply().cast(form)


def _upright(image: pyvips.Image, orientation: int) -> pyvips.Image:
    if orientation in (5, 6):
        image = image.rot90()
    elif orientation in (7, 8):
        image = image.rot270()
    elif orientation == 3:  # noqa: PLR2004
        image = image.rot180()
    elif orientation == 4:  # noqa: PLR2004
        image = image.flipver()
    return image.fliphor() if orientation in (2, 5, 7) else image


def _edited(image: pyvips.Image, spec: ImageSpec, plan: Plan, background: Colour) -> pyvips.Image:
    if spec.fit == "cover" and plan.window != plan.size:
        image = image.smartcrop(*plan.window, interesting="attention")
    elif plan.window != plan.size:
        image = _filled_up(image, spec, plan, background)
    for operation in OPERATIONS:
        if operation.name in spec.edits:
            image = operation.apply(image, spec.edits[operation.name], background)
    return image


def _filled_up(
    image: pyvips.Image, spec: ImageSpec, plan: Plan, background: Colour
) -> pyvips.Image:
    if background[3] != OPAQUE:
        image = with_alpha(image)
    focus = (0.5, 0.5) if isinstance(spec.gravity, str) else spec.gravity
    width, height = plan.window
    opacity = background[3] / OPAQUE
    shown = [*(band * opacity for band in background[:3]), background[3]][: image.bands]
    return image.embed(
        round((width - image.width) * focus[0]),
        round((height - image.height) * focus[1]),
        width,
        height,
        extend="background",
        background=shown,
    )


def _flattened(image: pyvips.Image, background: Colour, *, is_flat: bool) -> pyvips.Image:
    if not (is_flat and image.hasalpha() and background[3] == OPAQUE):
        return image
    return image.flatten(background=list(background[:3]))


def _joined(frames: list[pyvips.Image]) -> pyvips.Image:
    joined = (pyvips.Image.arrayjoin(frames, across=1) if len(frames) > 1 else frames[0]).copy()
    # The source's own page height came along; an encoder would cut the picture by it.
    joined.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
    if joined.get_typeof("orientation"):  # AVIF's encoder would turn the upright picture again
        joined.remove("orientation")
    return joined

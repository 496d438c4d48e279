"""A source and a spec in, encoded bytes out. Pure computation: runs in a worker's thread.

The order: read the header, refuse what is too large, decode as small as the format allows, cut
and resize, sRGB, turn upright, operations in the order of their table, watermark, fill, encode.
Everything after resizing works in memory on a picture that is at most a few dozen megapixels.
"""

from dataclasses import dataclass
from typing import Final

import pyvips

from cimaise.images.codec import Codec, OwnCodec
from cimaise.images.decoders.base import Cut, Frames, ImageHeader, Source, translating_faults
from cimaise.images.formats import FORMATS
from cimaise.images.geometry import Plan, plan_size
from cimaise.images.limits import RenderLimits, require_pixels
from cimaise.images.operations.base import OPAQUE, with_alpha
from cimaise.images.operations.table import OPERATIONS
from cimaise.images.parameters import Colour
from cimaise.images.spec import ImageSpec
from cimaise.images.stopping import Stop
from cimaise.images.watermark import NO_WATERMARKS, Watermarks, stamped

PIPELINE_VERSION: Final = 5
"""Raise it when the same spec gives other pixels; kept variants of older ones are then left."""

WHITE: Final[Colour] = (255, 255, 255, 255)
NOTHING: Final[Colour] = (0, 0, 0, 0)
_MOVING_OUTPUTS: Final = frozenset({"webp"})
MAX_MOVING_PIXELS: Final = 50_000_000
"""Most pixels of a written animation, all frames together; the frames beyond are left out."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished picture. ``width`` and ``height`` are of one frame."""

    body: bytes
    media_type: str
    width: int
    height: int


def render(
    source: Source,
    spec: ImageSpec,
    limits: RenderLimits,
    stop: Stop | None = None,
    *,
    codec: Codec | None = None,
    watermarks: Watermarks = NO_WATERMARKS,
) -> Rendered:
    """Make a picture.

    Args:
        source: A whole file, or its path.
        spec: What is wanted; ``format`` must not be ``auto`` any more.
        limits: What the source may be.
        stop: Where the wish to stop comes from.
        codec: Reads and writes; where none is given, this process does.
        watermarks: Those that ``spec`` may name.

    Raises:
        TypeNotAllowed: The source is no picture, or a broken one (``not_an_image``).
        Invalid: The source has too many pixels or takes too much time or memory, or ``crop`` lies
            outside of it.
        ClientGone: Stopping was asked for.
    """
    stop, codec = stop or Stop(), codec or OwnCodec()
    header = codec.read_header(source)
    require_pixels(header, limits.max_pixels)
    name = choose_output(spec, header)
    plan = plan_size(spec, header.width, header.height, max_width=limits.max_width)
    count = _frame_count(header, name, plan, limits.max_frames)
    frames = codec.decode(source, header, Cut(plan.crop, plan.size, count), stop)
    with translating_faults("render"):
        try:
            background = spec.background or (NOTHING if FORMATS[name].has_alpha else WHITE)
            edited = [_edited(image, spec, plan, background, watermarks) for image in frames.images]
            return _written(edited, frames, spec, name=name, codec=codec, stop=stop)
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
    moving = [name for name in clear if name in _MOVING_OUTPUTS or header.frames == 1]
    return (*moving, *clear, spec.format)[0]


def _frame_count(header: ImageHeader, name: str, plan: Plan, max_frames: int) -> int:
    if name not in _MOVING_OUTPUTS:
        return 1
    pixels = max(plan.size[0] * plan.size[1], plan.window[0] * plan.window[1])
    return min(header.frames, max_frames, max(1, MAX_MOVING_PIXELS // pixels))


def _written(
    images: list[pyvips.Image],
    frames: Frames,
    spec: ImageSpec,
    *,
    name: str,
    codec: Codec,
    stop: Stop,
) -> Rendered:
    if spec.background is not None or not FORMATS[name].has_alpha:
        images = [_flattened(image, spec.background or WHITE) for image in images]
    width, height = images[0].width, images[0].height
    body = codec.encode(_joined(images, frames), name, spec.quality, stop)
    return Rendered(body, FORMATS[name].media_type, width, height)


def _edited(
    image: pyvips.Image,
    spec: ImageSpec,
    plan: Plan,
    background: Colour,
    watermarks: Watermarks,
) -> pyvips.Image:
    if spec.fit == "cover" and plan.window != plan.size:
        image = image.smartcrop(*plan.window, interesting="attention")
    elif plan.window != plan.size:
        image = _filled_up(image, spec, plan, background)
    for operation in OPERATIONS:
        if operation.name in spec.edits:
            image = operation.apply(image, spec.edits[operation.name], background)
    return image if spec.watermark is None else stamped(image, spec.watermark, watermarks)


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


def _flattened(image: pyvips.Image, background: Colour) -> pyvips.Image:
    if not (image.hasalpha() and background[3] == OPAQUE):
        return image
    return image.flatten(background=list(background[:3]))


def _joined(images: list[pyvips.Image], frames: Frames) -> pyvips.Image:
    """Frames below each other, with nothing of the source's fields but their times."""
    joined = (pyvips.Image.arrayjoin(images, across=1) if len(images) > 1 else images[0]).copy()
    for field in ("delay", "loop", "orientation", "icc-profile-data"):
        if joined.get_typeof(field):
            joined.remove(field)
    joined.set_type(pyvips.GValue.gint_type, "page-height", images[0].height)
    if frames.delays_ms:
        joined.set_type(pyvips.GValue.array_int_type, "delay", list(frames.delays_ms))
        joined.set_type(pyvips.GValue.gint_type, "loop", frames.loop)
    return joined

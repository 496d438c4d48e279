"""What generated landscapes are painted with: ridges, layers, noise, grain, ramps of colours."""

import array
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyvips

from cimaise.images.drawing.palettes import Colour

STEP_PX: Final = 2
"""Between computed points of a ridge; those between are interpolated."""
_LEVELS: Final = 255
_GRAIN_PX: Final = 509  # side of the tile of grain; prime, so that it meets nothing else's period


@dataclass(frozen=True, slots=True)
class Canvas:
    """Size and randomness of one picture, in pixels."""

    width: int
    height: int
    dice: random.Random

    @property
    def unit(self) -> int:
        """The shorter side: what lengths are measured by."""
        return min(self.width, self.height)


@dataclass(frozen=True, slots=True)
class Light:
    """Sun or moon: middle and radius in pixels."""

    x: float
    y: float
    radius: float
    colour: Colour
    strength: float


def make_ridge(
    canvas: Canvas, base: float, swell: float, length: float, octaves: int
) -> list[float]:
    """Heights from left to right, every ``STEP_PX`` pixels.

    Args:
        canvas: What it is for.
        base: Mean row.
        swell: About half of the way from valley to crest, pixels.
        length: From crest to crest, pixels.
        octaves: How rugged it is.
    """
    heights = [0.0] * (canvas.width // STEP_PX + 2)
    for octave in range(octaves):
        span = length / 2**octave / 2
        knots = [
            canvas.dice.uniform(-1, 1) for _ in range(int((canvas.width + 2 * STEP_PX) / span) + 4)
        ]
        start = canvas.dice.random()
        for place in range(len(heights)):
            whole, part = divmod(place * STEP_PX / span + start, 1)
            eased = part * part * (3 - 2 * part)
            left, right = knots[int(whole)], knots[int(whole) + 1]
            heights[place] += (left + (right - left) * eased) * 0.47**octave
    return [base + swell * height for height in heights]


def rows_of(
    canvas: Canvas, ridge: Sequence[float], until: Sequence[float] | None
) -> tuple[int, int]:
    """The rows in which a layer can be seen, half-open."""
    top = min(max(0, int(min(ridge)) - 2), canvas.height - 4)
    bottom = canvas.height if until is None else min(canvas.height, int(max(until)) + 3)
    return top, max(bottom, top + 4)


def depth_below(canvas: Canvas, ridge: Sequence[float], top: int, bottom: int) -> pyvips.Image:
    """How far below the ridge each pixel is; negative above it."""
    row = as_row(canvas, ridge).embed(0, 0, canvas.width, bottom - top, extend="copy")
    return pyvips.Image.xyz(canvas.width, bottom - top)[1] - row + top


def as_row(canvas: Canvas, values: Sequence[float]) -> pyvips.Image:
    """Values every ``STEP_PX`` pixels as a row of the canvas."""
    row = image_of(values, len(values), 1)
    return row.resize(STEP_PX, vscale=1, kernel="linear").crop(0, 0, canvas.width, 1)


def with_layer(
    canvas: Canvas,
    below: pyvips.Image,
    depth: pyvips.Image,
    index: pyvips.Image,
    *,
    lut: pyvips.Image,
    top: int,
) -> pyvips.Image:
    """A layer over what is behind it, with a soft edge of a pixel; it begins at row ``top``."""
    colours = index.cast("uchar").maplut(lut)
    mask = (depth * _LEVELS + _LEVELS / 2).cast("uchar")
    behind = below.crop(0, top, canvas.width, depth.height)
    return below.insert(mask.ifthenelse(colours, behind, blend=True), 0, top)


def with_disc(canvas: Canvas, sky: pyvips.Image, light: Light) -> pyvips.Image:
    """The disc of sun or moon, on a sky that becomes bytes."""
    painted = sky.cast("uchar")
    left, top = max(0, int(light.x - light.radius) - 3), max(0, int(light.y - light.radius) - 3)
    side = int(light.radius * 2) + 6
    across, down = min(side, canvas.width - left), min(side, canvas.height - top)
    grid = pyvips.Image.xyz(across, down)
    away = ((grid[0] + left - light.x) ** 2 + (grid[1] + top - light.y) ** 2) ** 0.5
    mask = ((away * -1 + light.radius) * (_LEVELS / 2) + _LEVELS / 2).cast("uchar")
    under = painted.crop(left, top, across, down)
    return painted.insert(mask.ifthenelse(list(light.colour), under, blend=True), left, top)


def make_noise(canvas: Canvas, width: int, height: int, sigma: float) -> pyvips.Image:
    """Noise about 0, floating point."""
    seed = canvas.dice.getrandbits(30)
    return pyvips.Image.gaussnoise(width, height, mean=0, sigma=sigma, seed=seed)


def stretched(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Enlarged smoothly, to be a texture; two pixels of a side are given up."""
    larger = image.resize(
        (width + 1) / (image.width - 2), vscale=(height + 1) / (image.height - 2), kernel="cubic"
    )
    return larger.crop(0, 0, width, height)


def with_grain(image: pyvips.Image, seed: int) -> pyvips.Image:
    """Subtle grain, which also hides the steps of eight bits."""
    tile = pyvips.Image.gaussnoise(_GRAIN_PX, _GRAIN_PX, mean=0, sigma=3.4, seed=seed).copy_memory()
    across, down = image.width // _GRAIN_PX + 1, image.height // _GRAIN_PX + 1
    grain = tile.replicate(across, down).crop(0, 0, image.width, image.height)
    return (image + grain).cast("uchar").copy(interpretation="srgb")


def ramp_table(colours: Sequence[Colour]) -> pyvips.Image:
    """A table from 0 … 255 to a colour."""
    tones = (ramp_at(colours, level / _LEVELS) for level in range(_LEVELS + 1))
    return image_of([channel for tone in tones for channel in tone], 256, 1, 3).cast("uchar")


def ramp_at(colours: Sequence[Colour], position: float) -> Colour:
    """The colour at 0 … 1 of the way through all of them."""
    whole, part = divmod(position * (len(colours) - 1), 1)
    first = int(whole)
    return mixed(colours[first], colours[min(first + 1, len(colours) - 1)], part)


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """``share`` of the second, the rest of the first."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def image_of(values: Sequence[float], width: int, height: int, bands: int = 1) -> pyvips.Image:
    """Numbers as a picture, row by row."""
    return pyvips.Image.new_from_memory(
        array.array("f", values).tobytes(), width, height, bands, "float"
    )

"""Pictures that nobody took: generated landscapes, so that an empty server has something to show.

The same seed, size and style give the same picture with the same version of libvips. Layers are
painted from far to near, each only where it will be seen.
"""

import array
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import pyvips

from cimaise.images.drawing_palettes import NIGHTS, SANDS, Colour, Night, Sand

Style = Literal["dunes", "nocturnes"]

_QUALITY: Final = 88
_COARSE: Final = 8  # skies are soft: they are painted so many times smaller
_STEP_PX: Final = 2  # between computed points of a ridge; those between are interpolated
_LEVELS: Final = 255
_GRAIN_PX: Final = 509  # side of the tile of grain; prime, so that it meets nothing else's period


@dataclass(frozen=True, slots=True)
class _Canvas:
    """Size and randomness of one picture, in pixels."""

    width: int
    height: int
    dice: random.Random

    @property
    def unit(self) -> int:
        """The shorter side: what lengths are measured by."""
        return min(self.width, self.height)


@dataclass(frozen=True, slots=True)
class _Light:
    """Sun or moon: middle and radius in pixels."""

    x: float
    y: float
    radius: float
    colour: Colour
    strength: float


def draw_picture(seed: int, width: int, height: int, *, style: Style) -> bytes:
    """Draw a landscape. Blocks, a few tenths of a second.

    Args:
        seed: Another number, another picture; neighbours differ in their colours.
        width: Pixels.
        height: Pixels.
        style: ``dunes`` by day, or ``nocturnes``: hills at night, over water or behind trees.

    Returns:
        A JPEG in sRGB.
    """
    canvas = _Canvas(width, height, random.Random(f"{style} {seed}"))
    if style == "dunes":
        image = _dunes(canvas, SANDS[seed % len(SANDS)])
    else:
        image = _nocturne(canvas, NIGHTS[seed % len(NIGHTS)], over_water=seed % 3 != 2)  # noqa: PLR2004
    finished = _grained(image, seed)
    return bytes(finished.write_to_buffer(".jpg", Q=_QUALITY))


def _dunes(canvas: _Canvas, sand: Sand) -> pyvips.Image:
    dice, unit = canvas.dice, canvas.unit
    horizon = canvas.height * dice.uniform(0.34, 0.5)
    sun = _Light(
        canvas.width * dice.choice((dice.uniform(0.16, 0.4), dice.uniform(0.6, 0.84))),
        horizon - unit * dice.uniform(0.05, 0.24),
        unit * dice.uniform(0.03, 0.06),
        sand.sun,
        0.62,
    )
    image = _lit(canvas, _sky(canvas, sand.sky, horizon, sun), sun)
    count = dice.randint(5, 7)
    ridges = []
    for layer in range(count):
        near = layer / (count - 1)
        base = horizon + (canvas.height - horizon) * (0.02 + 0.8 * near**1.4)
        swell = unit * (0.012 + 0.12 * near)
        ridges.append(_ridge(canvas, base, swell, unit * (0.5 + 0.75 * near), octaves=3))
    for layer, ridge in enumerate(ridges):
        until = ridges[layer + 1] if layer + 1 < count else None
        near = layer / (count - 1)
        image = _dune(canvas, image, ridge, until, near, sand, sun)
    return image


def _dune(
    canvas: _Canvas, below: pyvips.Image, ridge: Sequence[float],
    until: Sequence[float] | None, near: float, sand: Sand, sun: _Light,
) -> pyvips.Image:  # fmt: skip
    """A dune: flanks that fall towards the sun are in its light, the others in the shade."""
    top, bottom = _rows(canvas, ridge, until)
    depth = _depth(canvas, ridge, top, bottom)
    side = 1 if sun.x < canvas.width / 2 else -1
    slope = [side * (after - before) / _STEP_PX for before, after in pairwise([ridge[0], *ridge])]
    swing = max(max(map(abs, slope)), 1e-6)
    flank = [math.tanh(2.6 * (value / swing + 0.12)) for value in slope]
    # The edge between light and shade runs down from the crest, away from the sun.
    shear = side * (0.9 + 1.2 * near)
    wide = _row(canvas, flank).embed(0, 0, canvas.width, bottom - top, extend="copy")
    grid = pyvips.Image.xyz(canvas.width, bottom - top)
    sheared = wide.mapim(
        (grid[0] - depth * shear).bandjoin(grid[1]),
        interpolate=pyvips.Interpolate.new("bilinear"),
        extend="copy",
    )
    fall = canvas.unit * (0.1 + 0.55 * near)
    waves = _ripples(canvas, grid, depth, near) if near > 0.5 else 0.0  # noqa: PLR2004
    index = sheared * 88 + (depth * (-70 / fall)) + 142 + waves
    distance = 0.72 * (1 - near) ** 1.3
    ramp = [_mixed(colour, sand.haze, distance) for colour in (sand.shade, sand.middle, sand.light)]
    return _painted(canvas, below, depth, index, _lut(ramp), top)


def _ripples(
    canvas: _Canvas, grid: pyvips.Image, depth: pyvips.Image, near: float
) -> pyvips.Image:
    """Wind ripples: fine bands that follow the dune, wider towards the viewer."""
    length = canvas.unit * 0.012 * (0.5 + near)
    wander = (grid[0] * (360 / (canvas.unit * 0.31))).math("sin") * length * 1.1
    bands = ((depth * 0.9 + grid[0] * 0.28 + wander) * (360 / length)).math("sin")
    return bands * (7 * near)


def _nocturne(canvas: _Canvas, night: Night, *, over_water: bool) -> pyvips.Image:
    dice, unit = canvas.dice, canvas.unit
    shore = canvas.height * (dice.uniform(0.62, 0.72) if over_water else 0.86)
    moon = _Light(
        canvas.width * dice.uniform(0.18, 0.82),
        canvas.height * dice.uniform(0.14, 0.3),
        unit * dice.uniform(0.026, 0.05),
        night.moon,
        0.34,
    )
    sky = _starry(canvas, _sky(canvas, night.sky, shore, moon, _aurora(canvas, night, shore)), shore)
    image = _lit(canvas, sky, moon)
    count = dice.randint(4, 5)
    for layer in range(count):
        near = layer / (count - 1)
        base = shore - unit * (0.3 * (1 - near) ** 1.2 + 0.015)
        ridge = _ridge(canvas, base, unit * (0.13 - 0.08 * near), unit * (0.62 - 0.2 * near), 6)
        if near == 1 and not over_water:
            ridge = _wooded(canvas, [value + unit * 0.03 for value in ridge])
        image = _hill(canvas, image, ridge, near, night)
    if over_water:
        return _mirrored(canvas, image, int(shore), moon, night)
    ridge = _wooded(canvas, _ridge(canvas, canvas.height * 0.95, unit * 0.03, unit * 0.8, 3), 1.7)
    return _hill(canvas, image, ridge, 1.25, night)


def _hill(
    canvas: _Canvas, below: pyvips.Image, ridge: Sequence[float], near: float, night: Night
) -> pyvips.Image:
    """A hill as a shape, with mist at its foot."""
    top, bottom = _rows(canvas, ridge, None)
    depth = _depth(canvas, ridge, top, bottom)
    crest = _mixed(night.far, night.near, near)
    foot = _mixed(crest, night.sky[2], max(0.0, 0.55 * (1 - near)))
    index = depth * (_LEVELS / (canvas.unit * 0.3))
    return _painted(canvas, below, depth, index, _lut([crest, foot]), top)


def _mirrored(
    canvas: _Canvas, image: pyvips.Image, shore: int, moon: _Light, night: Night
) -> pyvips.Image:
    """Water below ``shore``: what is above it upside down, drawn out by small waves."""
    rows = canvas.height - shore
    grid = pyvips.Image.xyz(canvas.width, rows)
    swell = _swell(canvas, rows)
    reach = grid[1] * (0.022 * 600 / canvas.unit) + 2
    place = (grid[0] + swell * reach * 1.2).bandjoin(
        (grid[1] * -(shore * 0.96 / rows) + (shore - 3)) + swell * reach * 2.2
    )
    mirror = image.mapim(place, interpolate=pyvips.Interpolate.new("bilinear"), extend="copy")
    dark = mirror * 0.62 + [channel * 0.14 for channel in night.sky[1]]
    spread = grid[1] * 0.16 + moon.radius * 0.9
    column = ((grid[0] - moon.x) / spread) ** 2 * -1
    glints = ((swell * 1.5 + column * 0.9 - 0.35) * 200).cast("uchar") * (0.62 / _LEVELS)
    wet = dark + glints.bandjoin([glints, glints]) * list(night.moon)
    return image.insert(wet.cast("uchar"), 0, shore)


def _swell(canvas: _Canvas, rows: int) -> pyvips.Image:
    """Noise between about -1 and 1, long from side to side, finer towards the far shore."""
    far = pyvips.Image.gaussnoise(
        canvas.width // 48 + 4, rows // 4 + 4, mean=0, sigma=0.5, seed=canvas.dice.getrandbits(30)
    )
    near = pyvips.Image.gaussnoise(
        canvas.width // 110 + 4, rows // 11 + 4, mean=0, sigma=0.6, seed=canvas.dice.getrandbits(30)
    )
    return _stretched(far, canvas.width, rows) + _stretched(near, canvas.width, rows)


def _stretched(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    larger = image.resize(
        (width + 1) / (image.width - 2), vscale=(height + 1) / (image.height - 2), kernel="cubic"
    )
    return larger.crop(0, 0, width, height)


def _sky(
    canvas: _Canvas,
    colours: tuple[Colour, Colour, Colour],
    horizon: float,
    light: _Light,
    more: pyvips.Image | None = None,
) -> pyvips.Image:
    """The whole canvas as sky, floating point: from above to the horizon, bright about a light."""
    width, height = canvas.width // _COARSE + 2, canvas.height // _COARSE + 2
    tones = [_ramped(colours, min(1.0, row * _COARSE / horizon)) for row in range(height)]
    column = _image_of([channel for tone in tones for channel in tone], 1, height, bands=3)
    sky = column.embed(0, 0, width, height, extend="copy")
    grid = pyvips.Image.xyz(width, height) * _COARSE
    away = ((grid[0] - light.x) ** 2 + (grid[1] - light.y) ** 2) ** 0.5
    for reach, strength in ((0.09, 0.55), (0.42, 0.6)):
        glow = (away * (-1 / (canvas.unit * reach))).exp() * (light.strength * strength)
        sky = sky + glow * (sky * -1 + list(light.colour))
    if more is not None:
        sky = sky + more
    return sky.resize(_COARSE, kernel="linear").crop(0, 0, canvas.width, canvas.height)


def _aurora(canvas: _Canvas, night: Night, horizon: float) -> pyvips.Image | None:
    """Curtains of light, at the size that skies are painted in; ``None`` in most nights."""
    if canvas.dice.random() < 0.5:  # noqa: PLR2004
        return None
    width, height = canvas.width // _COARSE + 2, canvas.height // _COARSE + 2
    rays = _stretched(
        pyvips.Image.gaussnoise(width // 3 + 4, 4, mean=0.55, sigma=0.3,
                                seed=canvas.dice.getrandbits(30)),
        width, height,
    )  # fmt: skip
    foot = [
        value / _COARSE
        for value in _ridge(canvas, horizon * 0.55, canvas.unit * 0.12, canvas.unit * 0.9, 2)
    ]
    line = _image_of(foot, len(foot), 1).resize(width / len(foot), vscale=1, kernel="linear")
    rise = line.embed(0, 0, width, height, extend="copy") - pyvips.Image.xyz(width, height)[1]
    tall = canvas.unit * 0.3 / _COARSE
    above = (rise * (-1 / tall)).exp() * (rise > 0) / _LEVELS
    under = (rise * (6 / tall)).exp() * (rise <= 0) / _LEVELS
    veil = (above + under).gaussblur(1.2) * rays
    return veil * [channel * 0.55 for channel in night.aurora]


def _starry(canvas: _Canvas, sky: pyvips.Image, horizon: float) -> pyvips.Image:
    """Stars: most faint and a pixel or two, a few with a halo."""
    rows = int(horizon)
    points = bytearray(canvas.width * rows)
    for _ in range(int(canvas.width * rows / 2600)):
        x = canvas.dice.randrange(3, canvas.width - 3)
        y = int(canvas.dice.random() ** 1.3 * (rows - 8)) + 3
        brightness = 40 + 215 * canvas.dice.random() ** 4
        reach = 2 if brightness > 190 else 1  # noqa: PLR2004
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                fade = math.exp(-(right * right + down * down) / (0.55 * reach))
                place = (y + down) * canvas.width + x + right
                points[place] = min(_LEVELS, points[place] + int(brightness * fade))
    stars = pyvips.Image.new_from_memory(bytes(points), canvas.width, rows, 1, "uchar")
    return sky + stars.embed(0, 0, canvas.width, canvas.height)


def _lit(canvas: _Canvas, sky: pyvips.Image, light: _Light) -> pyvips.Image:
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


def _painted(
    canvas: _Canvas,
    below: pyvips.Image,
    depth: pyvips.Image,
    index: pyvips.Image,
    lut: pyvips.Image,
    top: int,
) -> pyvips.Image:
    """A layer over what is behind it, with a soft edge of a pixel; it begins at row ``top``."""
    colours = index.cast("uchar").maplut(lut)
    mask = (depth * _LEVELS + _LEVELS / 2).cast("uchar")
    behind = below.crop(0, top, canvas.width, depth.height)
    return below.insert(mask.ifthenelse(colours, behind, blend=True), 0, top)


def _rows(
    canvas: _Canvas, ridge: Sequence[float], until: Sequence[float] | None
) -> tuple[int, int]:
    """The rows in which a layer can be seen, half-open."""
    top = min(max(0, int(min(ridge)) - 2), canvas.height - 4)
    bottom = canvas.height if until is None else min(canvas.height, int(max(until)) + 3)
    return top, max(bottom, top + 4)


def _depth(canvas: _Canvas, ridge: Sequence[float], top: int, bottom: int) -> pyvips.Image:
    """How far below the ridge each pixel is; negative above it."""
    row = _row(canvas, ridge).embed(0, 0, canvas.width, bottom - top, extend="copy")
    return pyvips.Image.xyz(canvas.width, bottom - top)[1] - row + top


def _ridge(
    canvas: _Canvas, base: float, swell: float, length: float, octaves: int
) -> list[float]:
    """Heights from left to right, every ``_STEP_PX`` pixels.

    Args:
        canvas: What it is for.
        base: Mean row.
        swell: About half of the way from valley to crest, pixels.
        length: From crest to crest, pixels.
        octaves: How rugged it is.
    """
    heights = [0.0] * (canvas.width // _STEP_PX + 2)
    for octave in range(octaves):
        span = length / 2**octave / 2
        knots = [canvas.dice.uniform(-1, 1) for _ in range(int(canvas.width / span) + 4)]
        start = canvas.dice.random()
        for place in range(len(heights)):
            whole, part = divmod(place * _STEP_PX / span + start, 1)
            eased = part * part * (3 - 2 * part)
            left, right = knots[int(whole)], knots[int(whole) + 1]
            heights[place] += (left + (right - left) * eased) * 0.47**octave
    return [base + swell * height for height in heights]


def _wooded(canvas: _Canvas, ridge: Sequence[float], scale: float = 1.0) -> list[float]:
    """The ridge with firs on it."""
    heights = list(ridge)
    unit, place = canvas.unit / _STEP_PX, 0.0
    while place < len(ridge):
        tall = canvas.unit * canvas.dice.triangular(0.025, 0.1, 0.045) * scale
        half = tall / _STEP_PX * canvas.dice.uniform(0.16, 0.22)
        for at in range(max(0, int(place - half)), min(len(ridge), int(place + half) + 1)):
            out = abs(at - place) / half
            boughs = (1 - out) * tall + math.sin(out * 22) * tall * 0.035
            heights[at] = min(heights[at], ridge[at] - boughs)
        place += unit * canvas.dice.triangular(0.006, 0.05, 0.014) * scale
    return heights


def _row(canvas: _Canvas, values: Sequence[float]) -> pyvips.Image:
    """Values every ``_STEP_PX`` pixels as a row of the canvas."""
    row = _image_of(values, len(values), 1)
    return row.resize(_STEP_PX, vscale=1, kernel="linear").crop(0, 0, canvas.width, 1)


def _image_of(values: Sequence[float], width: int, height: int, bands: int = 1) -> pyvips.Image:
    return pyvips.Image.new_from_memory(
        array.array("f", values).tobytes(), width, height, bands, "float"
    )


def _lut(colours: Sequence[Colour]) -> pyvips.Image:
    """A table from 0 … 255 to a colour."""
    tones = (_ramped(colours, level / _LEVELS) for level in range(_LEVELS + 1))
    return _image_of([channel for tone in tones for channel in tone], 256, 1, 3).cast("uchar")


def _ramped(colours: Sequence[Colour], position: float) -> Colour:
    """The colour at 0 … 1 of the way through all of them."""
    whole, part = divmod(position * (len(colours) - 1), 1)
    first = int(whole)
    return _mixed(colours[first], colours[min(first + 1, len(colours) - 1)], part)


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    """``share`` of the second, the rest of the first."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def _grained(image: pyvips.Image, seed: int) -> pyvips.Image:
    """Subtle grain, which also hides the steps of eight bits."""
    tile = pyvips.Image.gaussnoise(_GRAIN_PX, _GRAIN_PX, mean=0, sigma=3.4, seed=seed).copy_memory()
    across, down = image.width // _GRAIN_PX + 1, image.height // _GRAIN_PX + 1
    grain = tile.replicate(across, down).crop(0, 0, image.width, image.height)
    return (image + grain).cast("uchar").copy(interpretation="srgb")

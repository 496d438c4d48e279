"""Pictures that nobody took: generated landscapes, so that an empty server has something to show.

The same seed, size and style give the same picture with the same version of libvips. Layers are
painted from far to near, each only where it will be seen.
"""

import math
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

import pyvips

from cimaise.images.drawing.palettes import NIGHTS, SANDS, Colour, Night, Sand
from cimaise.images.drawing.strokes import (
    STEP_PX,
    Canvas,
    Light,
    as_row,
    depth_below,
    image_of,
    make_noise,
    make_ridge,
    mixed,
    ramp_at,
    ramp_table,
    rows_of,
    stretched,
    with_disc,
    with_grain,
    with_layer,
)

Style = Literal["dunes", "nocturnes"]

_QUALITY: Final = 88
_COARSE: Final = 8  # skies are soft: they are painted so many times smaller
_LEVELS: Final = 255
_MARGIN_PX: Final = 96  # beside a mirrored picture, for the waves to reach into


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
    canvas = Canvas(width, height, random.Random(f"{style} {seed}"))
    if style == "dunes":
        image = _dunes(canvas, SANDS[seed % len(SANDS)])
    else:
        image = _nocturne(canvas, NIGHTS[seed % len(NIGHTS)], over_water=seed % 3 != 2)  # noqa: PLR2004
    finished = with_grain(image, seed)
    return bytes(finished.write_to_buffer(".jpg", Q=_QUALITY))


def _dunes(canvas: Canvas, sand: Sand) -> pyvips.Image:
    dice, unit = canvas.dice, canvas.unit
    horizon = canvas.height * dice.uniform(0.34, 0.5)
    sun = Light(
        canvas.width * dice.choice((dice.uniform(0.16, 0.4), dice.uniform(0.6, 0.84))),
        horizon - unit * dice.uniform(0.05, 0.24),
        unit * dice.uniform(0.03, 0.06),
        sand.sun,
        0.62,
    )
    image = with_disc(canvas, _sky(canvas, sand.sky, horizon, sun), sun)
    count = dice.randint(5, 7)
    ridges = []
    for layer in range(count):
        near = layer / (count - 1)
        base = horizon + (canvas.height - horizon) * (0.02 + 0.8 * near**1.4)
        swell = unit * (0.012 + 0.12 * near)
        ridges.append(make_ridge(canvas, base, swell, unit * (0.5 + 0.75 * near), octaves=3))
    for layer, ridge in enumerate(ridges):
        until = ridges[layer + 1] if layer + 1 < count else None
        near = layer / (count - 1)
        image = _dune(canvas, image, ridge, until=until, near=near, sand=sand, sun=sun)
    return image


def _dune(
    canvas: Canvas, below: pyvips.Image, ridge: Sequence[float], *,
    until: Sequence[float] | None, near: float, sand: Sand, sun: Light,
) -> pyvips.Image:  # fmt: skip
    """A dune: flanks that fall towards the sun are in its light, the others in the shade."""
    top, bottom = rows_of(canvas, ridge, until)
    depth = depth_below(canvas, ridge, top, bottom)
    side = 1 if sun.x < canvas.width / 2 else -1
    slope = [side * (after - before) / STEP_PX for before, after in pairwise([ridge[0], *ridge])]
    swing = max(1e-6, *map(abs, slope))
    flank = [math.tanh(2.6 * (value / swing + 0.12)) for value in slope]
    # The edge between light and shade runs down from the crest, away from the sun.
    shear = side * (0.9 + 1.2 * near)
    wide = as_row(canvas, flank).embed(0, 0, canvas.width, bottom - top, extend="copy")
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
    ramp = [mixed(colour, sand.haze, distance) for colour in (sand.shade, sand.middle, sand.light)]
    return with_layer(canvas, below, depth, index, lut=ramp_table(ramp), top=top)


def _ripples(canvas: Canvas, grid: pyvips.Image, depth: pyvips.Image, near: float) -> pyvips.Image:
    """Wind ripples: fine bands that follow the dune, wider towards the viewer."""
    length = canvas.unit * 0.012 * (0.5 + near)
    wander = (grid[0] * (360 / (canvas.unit * 0.31))).math("sin") * length * 1.1
    bands = ((depth * 0.9 + grid[0] * 0.28 + wander) * (360 / length)).math("sin")
    return bands * (7 * near)


def _nocturne(canvas: Canvas, night: Night, *, over_water: bool) -> pyvips.Image:
    dice, unit = canvas.dice, canvas.unit
    shore = canvas.height * (dice.uniform(0.62, 0.72) if over_water else 0.86)
    moon = Light(
        canvas.width * dice.uniform(0.18, 0.82),
        canvas.height * dice.uniform(0.14, 0.3),
        unit * dice.uniform(0.026, 0.05),
        night.moon,
        0.34,
    )
    sky = _starry(
        canvas, _sky(canvas, night.sky, shore, moon, _aurora(canvas, night, shore)), shore
    )
    image = with_disc(canvas, sky, moon)
    count = dice.randint(4, 5)
    for layer in range(count):
        near = layer / (count - 1)
        base = shore - unit * (0.3 * (1 - near) ** 1.2 + 0.015)
        ridge = make_ridge(canvas, base, unit * (0.13 - 0.08 * near), unit * (0.62 - 0.2 * near), 6)
        if near == 1 and not over_water:
            ridge = _wooded(canvas, [value + unit * 0.03 for value in ridge])
        image = _hill(canvas, image, ridge, near, night)
    if over_water:
        return _mirrored(canvas, image, int(shore), moon, night)
    ridge = _wooded(
        canvas, make_ridge(canvas, canvas.height * 0.95, unit * 0.03, unit * 0.8, 3), 1.7
    )
    return _hill(canvas, image, ridge, 1.25, night)


def _hill(
    canvas: Canvas, below: pyvips.Image, ridge: Sequence[float], near: float, night: Night
) -> pyvips.Image:
    """A hill as a shape, with mist at its foot."""
    top, bottom = rows_of(canvas, ridge, None)
    depth = depth_below(canvas, ridge, top, bottom)
    crest = mixed(night.far, night.near, near)
    foot = mixed(crest, night.sky[2], max(0.0, 0.55 * (1 - near)))
    index = depth * (_LEVELS / (canvas.unit * 0.3))
    return with_layer(canvas, below, depth, index, lut=ramp_table([crest, foot]), top=top)


def _mirrored(
    canvas: Canvas, image: pyvips.Image, shore: int, moon: Light, night: Night
) -> pyvips.Image:
    """Water below ``shore``: what is above it upside down, drawn out by small waves."""
    image = image.copy_memory()  # it is looked at in two places
    rows = canvas.height - shore
    grid = pyvips.Image.xyz(canvas.width, rows)
    swell = _swell(canvas, rows)
    reach = grid[1] * (0.022 * 600 / canvas.unit) + 2
    place = (grid[0] + swell * reach * 1.2 + _MARGIN_PX).bandjoin(
        (grid[1] * -(shore * 0.96 / rows) + (shore - 3)) + swell * reach * 2.2
    )
    wider = image.embed(
        _MARGIN_PX, 0, canvas.width + 2 * _MARGIN_PX, canvas.height, extend="mirror"
    )
    mirror = wider.mapim(place, interpolate=pyvips.Interpolate.new("bilinear"), extend="copy")
    dark = mirror * 0.62 + [channel * 0.14 for channel in night.sky[1]]
    spread = grid[1] * 0.16 + moon.radius * 0.9
    column = ((grid[0] - moon.x) / spread) ** 2 * -1
    glints = ((swell * 1.5 + column * 0.9 - 0.35) * 200).cast("uchar") * (0.62 / _LEVELS)
    wet = dark + glints.bandjoin([glints, glints]) * list(night.moon)
    return image.insert(wet.cast("uchar"), 0, shore)


def _swell(canvas: Canvas, rows: int) -> pyvips.Image:
    """Noise between about -1 and 1, long from side to side, finer towards the far shore."""
    far = make_noise(canvas, canvas.width // 48 + 4, rows // 4 + 4, 0.5)
    near = make_noise(canvas, canvas.width // 110 + 4, rows // 11 + 4, 0.6)
    return stretched(far, canvas.width, rows) + stretched(near, canvas.width, rows)


def _sky(
    canvas: Canvas,
    colours: tuple[Colour, Colour, Colour],
    horizon: float,
    light: Light,
    more: pyvips.Image | None = None,
) -> pyvips.Image:
    """The whole canvas as sky, floating point: from above to the horizon, bright about a light."""
    width, height = canvas.width // _COARSE + 2, canvas.height // _COARSE + 2
    tones = [ramp_at(colours, min(1.0, row * _COARSE / horizon)) for row in range(height)]
    column = image_of([channel for tone in tones for channel in tone], 1, height, bands=3)
    sky = column.embed(0, 0, width, height, extend="copy")
    grid = pyvips.Image.xyz(width, height) * _COARSE
    away = ((grid[0] - light.x) ** 2 + (grid[1] - light.y) ** 2) ** 0.5
    for reach, strength in ((0.08, 0.6), (0.4, 0.48)):
        glow = (away * (-1 / (canvas.unit * reach))).exp() * (light.strength * strength)
        sky = sky + glow * (sky * -1 + list(light.colour))
    if more is not None:
        sky = sky + more
    return sky.resize(_COARSE, kernel="linear").crop(0, 0, canvas.width, canvas.height)


def _aurora(canvas: Canvas, night: Night, horizon: float) -> pyvips.Image | None:
    """Curtains of light, at the size that skies are painted in; ``None`` in most nights."""
    if canvas.dice.random() < 0.5:  # noqa: PLR2004
        return None
    width, height = canvas.width // _COARSE + 2, canvas.height // _COARSE + 2
    rays = stretched(make_noise(canvas, width // 14 + 4, 4, 0.22), width, height) + stretched(
        make_noise(canvas, width // 4 + 4, 4, 0.09), width, height
    )
    foot = [
        value / _COARSE
        for value in make_ridge(canvas, horizon * 0.55, canvas.unit * 0.12, canvas.unit * 0.9, 2)
    ]
    line = image_of(foot, len(foot), 1).resize(width / len(foot), vscale=1, kernel="linear")
    rise = line.embed(0, 0, width, height, extend="copy") - pyvips.Image.xyz(width, height)[1]
    tall = canvas.unit * 0.2 / _COARSE
    above = (rise * (-1 / tall)).exp() * (rise > 0) / _LEVELS
    under = (rise * (6 / tall)).exp() * (rise <= 0) / _LEVELS
    veil = (above + under).gaussblur(1.5) * (rays + 0.55)
    return veil * [channel * 0.6 for channel in night.aurora]


def _starry(canvas: Canvas, sky: pyvips.Image, horizon: float) -> pyvips.Image:
    """Stars: most faint and a pixel or two, a few with a halo."""
    rows = int(horizon)
    points = bytearray(canvas.width * rows)
    for _ in range(int(canvas.width * rows / 2200)):
        x = canvas.dice.randrange(3, canvas.width - 3)
        y = int(canvas.dice.random() ** 1.3 * (rows - 8)) + 3
        brightness = 50 + 205 * canvas.dice.random() ** 3
        reach = 2 if brightness > 130 else 1  # noqa: PLR2004
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                fade = math.exp(-(right * right + down * down) / (0.7 * reach))
                place = (y + down) * canvas.width + x + right
                points[place] = min(_LEVELS, points[place] + int(brightness * fade))
    stars = pyvips.Image.new_from_memory(bytes(points), canvas.width, rows, 1, "uchar")
    return sky + stars.embed(0, 0, canvas.width, canvas.height)


def _wooded(canvas: Canvas, ridge: Sequence[float], scale: float = 1.0) -> list[float]:
    """The ridge with firs on it."""
    heights = list(ridge)
    unit, place = canvas.unit / STEP_PX, 0.0
    while place < len(ridge):
        tall = canvas.unit * canvas.dice.triangular(0.025, 0.1, 0.045) * scale
        half = tall / STEP_PX * canvas.dice.uniform(0.16, 0.22)
        for at in range(max(0, int(place - half)), min(len(ridge), int(place + half) + 1)):
            out = abs(at - place) / half
            boughs = (1 - out) * tall + math.sin(out * 22) * tall * 0.035
            heights[at] = min(heights[at], ridge[at] - boughs)
        place += unit * canvas.dice.triangular(0.006, 0.05, 0.014) * scale
    return heights

"""Colours of the generated landscapes."""

from dataclasses import dataclass
from typing import Final

Colour = tuple[float, float, float]
"""Red, green, blue, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Sand:
    """A desert: sky from above to the horizon, sun, sand in shade, between and in light, haze."""

    sky: tuple[Colour, Colour, Colour]
    sun: Colour
    shade: Colour
    middle: Colour
    light: Colour
    haze: Colour


@dataclass(frozen=True, slots=True)
class Night:
    """A night: sky from above to the horizon, moon, hills far and near, aurora."""

    sky: tuple[Colour, Colour, Colour]
    moon: Colour
    far: Colour
    near: Colour
    aurora: Colour


SANDS: Final = (
    Sand(((52, 74, 124), (226, 142, 120), (255, 212, 158)), (255, 242, 208),
         (82, 40, 62), (190, 104, 74), (248, 176, 108), (252, 190, 148)),
    Sand(((112, 174, 208), (186, 216, 218), (252, 236, 208)), (255, 253, 238),
         (134, 88, 80), (206, 156, 116), (248, 216, 166), (246, 228, 204)),
    Sand(((54, 34, 84), (178, 72, 112), (255, 160, 106)), (255, 224, 168),
         (48, 22, 56), (142, 58, 80), (236, 124, 92), (238, 134, 114)),
    Sand(((226, 172, 168), (248, 206, 184), (255, 238, 214)), (255, 255, 244),
         (112, 72, 96), (182, 114, 116), (240, 180, 150), (250, 218, 200)),
    Sand(((20, 56, 88), (84, 144, 152), (248, 206, 146)), (255, 240, 198),
         (36, 38, 60), (132, 88, 74), (232, 168, 106), (226, 188, 148)),
)  # fmt: skip
NIGHTS: Final = (
    Night(((5, 9, 32), (18, 40, 92), (84, 112, 168)), (250, 245, 226),
          (56, 80, 134), (4, 8, 20), (80, 240, 170)),
    Night(((5, 14, 28), (10, 60, 78), (92, 164, 156)), (255, 249, 228),
          (46, 108, 116), (3, 12, 18), (120, 250, 140)),
    Night(((14, 7, 38), (62, 28, 100), (196, 100, 132)), (255, 234, 216),
          (112, 62, 116), (12, 5, 24), (240, 110, 210)),
    Night(((9, 13, 28), (40, 52, 86), (214, 146, 104)), (255, 238, 204),
          (98, 82, 98), (9, 9, 18), (110, 200, 250)),
)  # fmt: skip

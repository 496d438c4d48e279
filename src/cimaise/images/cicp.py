"""Colours by code points (CICP, ITU-T H.273): wide and high-dynamic-range ones to 8-bit sRGB.

AVIF and HEIC say with three numbers how their colours are meant. Where these say PQ or HLG, light
that is brighter than paper white is brought below it by the curve that browsers use on ordinary
screens; a picture shown as it is stored looks grey and flat instead.
"""

import math
import struct
from dataclasses import dataclass
from functools import cache
from typing import Final

import pyvips

_P3: Final = 12
_P3_DCI: Final = 11
_BT2020: Final = 9
_PQ: Final = 16
_HLG: Final = 18
_WHITE_NITS: Final = 203.0  # of paper, in a picture of high dynamic range: ITU-R BT.2408
_PEAK_NITS: Final = 1000.0  # of the screen that such pictures are made for
_TO_BT709: Final = {
    _BT2020: (
        (1.660491, -0.587641, -0.072850),
        (-0.124550, 1.132900, -0.008349),
        (-0.018151, -0.100579, 1.118730),
    ),
    _P3: (
        (1.224940, -0.224940, 0.0),
        (-0.042057, 1.042057, 0.0),
        (-0.019638, -0.078636, 1.098274),
    ),
}
_BT2020_LUMINANCE: Final = (0.2627, 0.6780, 0.0593)
_FIELD: Final = "cimaise-cicp"
_STEPS: Final = 65536
_BYTE: Final = 255
_COLOURS: Final = 3


@dataclass(frozen=True, slots=True)
class Cicp:
    """What a file says of its colours.

    Attributes:
        primaries: Which red, green and blue are meant; 1 is sRGB's.
        transfer: How light becomes numbers; 13 is sRGB's.
    """

    primaries: int
    transfer: int

    @property
    def is_hdr(self) -> bool:
        """Can hold light that is brighter than white."""
        return self.transfer in (_PQ, _HLG)

    @property
    def is_plain(self) -> bool:
        """Shown as it is: sRGB, or so near to it that browsers make no difference."""
        return not self.is_hdr and self._known_primaries not in _TO_BT709

    @property
    def _known_primaries(self) -> int:
        return _P3 if self.primaries == _P3_DCI else self.primaries

    @property
    def matrix(self) -> tuple[tuple[float, ...], ...] | None:
        """From these primaries to sRGB's, in linear light."""
        return _TO_BT709.get(self._known_primaries)


def marked(image: pyvips.Image, cicp: Cicp | None) -> pyvips.Image:
    """The image, which knows from now on how its colours are meant."""
    if cicp is not None:
        image = image.copy()
        image.set_type(pyvips.GValue.array_int_type, _FIELD, [cicp.primaries, cicp.transfer])
    return image


def mark_of(image: pyvips.Image) -> Cicp | None:
    """What :func:`marked` left on it."""
    return Cicp(*image.get(_FIELD)) if image.get_typeof(_FIELD) else None


def from_cicp(image: pyvips.Image, cicp: Cicp) -> pyvips.Image:
    """8-bit sRGB of 8-bit colours that are meant so; alpha stays as it is."""
    colours = image[0:_COLOURS] if image.bands > _COLOURS else image
    light = colours.maplut(_lightness(cicp.transfer))
    if cicp.transfer == _HLG:
        luminance = _dot(light, _BT2020_LUMINANCE)
        light = light * (luminance**0.2 * (_PEAK_NITS / _WHITE_NITS))  # ITU-R BT.2100, table 5
    if cicp.matrix is not None:
        light = light.recomb([list(row) for row in cicp.matrix])
    light = (light > 0).ifthenelse(light, 0)
    if cicp.is_hdr:
        light = _below_white(light)
    steps = (light * (_STEPS - 1)).cast("ushort", shift=False)
    done = steps.maplut(_srgb()).copy(interpretation="srgb")
    done.remove(_FIELD)
    return done.bandjoin(image[_COLOURS]) if image.bands > _COLOURS else done


def _below_white(light: pyvips.Image) -> pyvips.Image:
    """Reinhard's curve on the brightest of the three, so that hues stay; the peak becomes 1."""
    most = light[0].bandrank([light[1], light[2]], index=2)
    peak = _PEAK_NITS / _WHITE_NITS
    return light * ((most / peak**2 + 1) / (most + 1))


def _dot(image: pyvips.Image, weights: tuple[float, ...]) -> pyvips.Image:
    return image.recomb([list(weights)])


@cache
def _lightness(transfer: int) -> pyvips.Image:
    """A byte to linear light, where 1 is paper white; HLG's of the scene, before its screen."""
    to_light = {_PQ: _pq, _HLG: _hlg}.get(transfer, _from_srgb)
    return _table([to_light(step / _BYTE) for step in range(_BYTE + 1)])


@cache
def _srgb() -> pyvips.Image:
    """Linear light, in steps, to a byte."""
    values = [round(_BYTE * _to_srgb(step / (_STEPS - 1))) for step in range(_STEPS)]
    return pyvips.Image.new_from_memory(bytes(values), _STEPS, 1, 1, "uchar")


def _table(values: list[float]) -> pyvips.Image:
    packed = struct.pack(f"={len(values)}f", *values)
    return pyvips.Image.new_from_memory(packed, len(values), 1, 1, "float")


def _pq(value: float) -> float:
    """SMPTE ST 2084, its numbers as ITU-R BT.2100 table 4 gives them."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = math.pow(value, 1 / m2)
    return math.pow(max(root - c1, 0.0) / (c2 - c3 * root), 1 / m1) * 10_000 / _WHITE_NITS


def _hlg(value: float) -> float:
    """ITU-R BT.2100 table 5: back to the light of the scene, 0 to 1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return value**2 / 3 if value <= 0.5 else (math.exp((value - c) / a) + b) / 12  # noqa: PLR2004


def _from_srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else math.pow((value + 0.055) / 1.055, 2.4)  # noqa: PLR2004


def _to_srgb(light: float) -> float:
    if light <= 0.0031308:  # noqa: PLR2004
        return 12.92 * light
    return float(1.055 * light ** (1 / 2.4) - 0.055)

"""What is shown until a picture has come: a ThumbHash (https://evanw.github.io/thumbhash/).

About 25 bytes that hold the average colour, the proportions and the few lowest frequencies of the
picture: luminance, two colour differences and, where there is transparency, alpha.
"""

import base64
import math
from collections.abc import Sequence
from typing import Final

from cimaise.images.codec import Codec, OwnCodec
from cimaise.images.decoders.base import Cut, Source, translating_faults
from cimaise.images.geometry import plan_size
from cimaise.images.limits import RenderLimits, require_pixels
from cimaise.images.operations.base import with_alpha
from cimaise.images.spec import ImageSpec
from cimaise.images.stopping import Stop

_SIDE_PX: Final = 32  # the format allows 100; the seven lowest frequencies need no more
_OPAQUE: Final = 255

_Channel = tuple[float, list[float], float]  # constant, other terms scaled to 0..1, their scale


def make_placeholder(
    source: Source, limits: RenderLimits, stop: Stop | None = None, *, codec: Codec | None = None
) -> str:
    """The ThumbHash of a picture as base64 text.

    Costs about as much as a thumbnail; make it from one that exists, then it is nearly free.

    Raises:
        TypeNotAllowed: The source is no picture (``not_an_image``).
        Invalid: It has too many pixels, or takes too much time or memory.
    """
    codec = codec or OwnCodec()
    header = codec.read_header(source)
    require_pixels(header, limits.max_pixels)
    small = ImageSpec(width=_SIDE_PX, height=_SIDE_PX)
    plan = plan_size(small, header.width, header.height, max_width=_SIDE_PX)
    frames = codec.decode(source, header, Cut(plan.crop, plan.size), stop or Stop())
    with translating_faults("placeholder"):
        image = with_alpha(frames.images[0])
        pixels = bytes(image.write_to_memory())
    return base64.b64encode(thumbhash(image.width, image.height, pixels)).decode()


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """The ThumbHash of ``width`` x ``height`` pixels of four bytes, not premultiplied."""
    red, green, blue, alpha = ([value / _OPAQUE for value in rgba[band::4]] for band in range(4))
    total = sum(alpha)
    is_transparent = total < width * height
    bands = [_on_average(band, alpha, total) for band in (red, green, blue)]
    luminance = [sum(colours) / 3 for colours in zip(*bands, strict=True)]
    yellow_blue = [(r + g) / 2 - b for r, g, b in zip(*bands, strict=True)]
    red_green = [r - g for r, g, _ in zip(*bands, strict=True)]

    limit = 5 if is_transparent else 7
    terms_x = max(1, _rounded(limit * width / max(width, height)))
    terms_y = max(1, _rounded(limit * height / max(width, height)))
    size = (width, height)
    l_channel = _encode(luminance, size, max(3, terms_x), max(3, terms_y))
    p_channel = _encode(yellow_blue, size, 3, 3)
    q_channel = _encode(red_green, size, 3, 3)
    head = _head(l_channel, p_channel, q_channel, is_transparent=is_transparent)
    shorter = terms_y if width > height else terms_x
    head += (
        shorter
        | _rounded(63 * p_channel[2]) << 3
        | _rounded(63 * q_channel[2]) << 9
        | (width > height) << 15
    ).to_bytes(2, "little")
    terms = l_channel[1] + p_channel[1] + q_channel[1]
    if is_transparent:
        a_channel = _encode(alpha, size, 5, 5)
        head += bytes([_rounded(15 * a_channel[0]) | _rounded(15 * a_channel[2]) << 4])
        terms += a_channel[1]
    return head + _nibbles(terms)


def _on_average(band: Sequence[float], alpha: Sequence[float], total: float) -> list[float]:
    """The band over its own average, so that transparent pixels do not show."""
    average = math.fsum(v * a for v, a in zip(band, alpha, strict=True)) / total if total else 0.0
    return [average * (1 - a) + v * a for v, a in zip(band, alpha, strict=True)]


def _head(
    l_channel: _Channel, p_channel: _Channel, q_channel: _Channel, *, is_transparent: bool
) -> bytes:
    return (
        _rounded(63 * l_channel[0])
        | _rounded(31.5 + 31.5 * p_channel[0]) << 6
        | _rounded(31.5 + 31.5 * q_channel[0]) << 12
        | _rounded(31 * l_channel[2]) << 18
        | is_transparent << 23
    ).to_bytes(3, "little")


def _encode(values: Sequence[float], size: tuple[int, int], terms_x: int, terms_y: int) -> _Channel:
    """The low triangle of the cosine transform; rows first, then columns."""
    width, height = size
    waves_x, waves_y = _waves(terms_x, width), _waves(terms_y, height)
    rows = [values[row * width : (row + 1) * width] for row in range(height)]
    by_x = [[_dot(wave, row) for row in rows] for wave in waves_x]
    terms = [
        _dot(waves_y[y], by_x[x]) / (width * height)
        for y in range(terms_y)
        for x in range(terms_x)
        if x * terms_y < terms_x * (terms_y - y)
    ]
    constant, others = terms[0], terms[1:]
    scale = max(map(abs, others), default=0.0)
    return constant, [0.5 + 0.5 * term / scale if scale else 0.0 for term in others], scale


def _waves(terms: int, count: int) -> list[list[float]]:
    return [
        [math.cos(math.pi / count * term * (at + 0.5)) for at in range(count)]
        for term in range(terms)
    ]


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _nibbles(terms: Sequence[float]) -> bytes:
    halves = [_rounded(15 * term) for term in terms]
    halves += [0] * (len(halves) % 2)
    return bytes(low | high << 4 for low, high in zip(halves[::2], halves[1::2], strict=True))


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)

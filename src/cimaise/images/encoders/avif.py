"""AVIF. Its encoder cannot be stopped, so large pictures get the fastest one."""

from typing import Final

import pyvips

from cimaise.images.encoders.base import Encoder

_SMALL_PIXELS: Final = 2_000_000
_TUNE: Final = "ssim"
"""Not libvips' "iq": at the same SSIM that takes a tenth more bytes and a fifth more time."""


def avif_quality(quality: int) -> int:
    """AVIF's number for the look that WebP's ``quality`` gives: 80 is 65, 100 stays 100."""
    if quality <= 80:  # noqa: PLR2004
        return max(1, round(quality * 65 / 80))
    return round(65 + (quality - 80) * 35 / 20)


def _encode(image: pyvips.Image, quality: int) -> bytes:
    effort = 1 if image.width * image.height <= _SMALL_PIXELS else 0
    return bytes(
        image.heifsave_buffer(
            compression="av1",
            Q=avif_quality(quality),
            effort=effort,
            tune=_TUNE,
            keep="none",
        )
    )


AVIF: Final = Encoder(_encode)

"""Colours: from whatever the source has to 8-bit sRGB."""

import struct
from typing import Final

import pyvips

from cimaise.images.cicp import from_cicp, mark_of
from cimaise.telemetry import log

_TAG_TABLE_START: Final = 128  # ICC.1:2022 section 7.3: after the header of 128 bytes
_TAG_ENTRY_BYTES: Final = 12
_MAX_TAGS: Final = 100
_PROFILE: Final = "icc-profile-data"
_PLAIN: Final = ("srgb", "uchar")


def to_srgb(image: pyvips.Image) -> pyvips.Image:
    """8-bit sRGB with three bands, or four with alpha.

    The profile is used only where there is one that is not sRGB itself: a transform costs as much
    as half of a thumbnail, also where it changes nothing. A profile that cannot be used is
    ignored, as browsers do. Code points count where there is no profile, and where they speak of
    a high dynamic range, of which profiles know nothing.
    """
    cicp, has_profile = mark_of(image), bool(image.get_typeof(_PROFILE))
    has_points = cicp is not None and (cicp.is_hdr or not has_profile) and not cicp.is_plain
    if cicp is not None and has_points and (image.interpretation, image.format) == _PLAIN:
        return from_cicp(image, cicp)
    if has_profile and not is_srgb_profile(image.get(_PROFILE)):
        try:
            image = image.icc_transform("srgb", embedded=True, intent="perceptual", depth=8)
        except pyvips.Error as fault:
            log("picture_failed", level="debug", reason="colour profile ignored", detail=str(fault))
    if image.interpretation != "srgb" or image.bands < 3:  # noqa: PLR2004
        image = image.colourspace("srgb")
    if image.bands > 4:  # noqa: PLR2004
        image = image.extract_band(0, n=4)
    return image if image.format == "uchar" else image.cast("uchar")


def is_srgb_profile(profile: bytes) -> bool:
    """Whether an ICC profile calls itself sRGB in its description tag (ICC.1:2022 section 9.2.41)."""
    description = _description(profile)
    return b"sRGB" in description or "sRGB".encode("utf-16-be") in description


def _description(profile: bytes) -> bytes:
    try:
        (count,) = struct.unpack_from(">I", profile, _TAG_TABLE_START)
        for index in range(min(count, _MAX_TAGS)):
            at = _TAG_TABLE_START + 4 + index * _TAG_ENTRY_BYTES
            name, start, size = struct.unpack_from(">4sII", profile, at)
            if name == b"desc":
                return profile[start : start + size]
    except struct.error:
        pass
    return b""

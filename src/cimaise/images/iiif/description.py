"""``info.json``: what there is to know of a picture, and what may be asked (3.0 §5, 2.1.1 §5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cimaise.images.iiif.dialect import OUR_FORMATS, QUALITIES, Size, Version
from cimaise.images.iiif.pyramid import TILE_PX, offered_sizes, scale_factors

PROTOCOL: Final = "http://iiif.io/api/image"
_EXTRA_FEATURES: Final = (
    "canonicalLinkHeader",
    "mirroring",
    "profileLinkHeader",
    "rotationArbitrary",
    "sizeUpscaling",
)
_SUPPORTS_OF_TWO: Final = (
    "baseUriRedirect",
    "canonicalLinkHeader",
    "cors",
    "jsonldMediaType",
    "mirroring",
    "profileLinkHeader",
    "regionByPct",
    "regionByPx",
    "regionSquare",
    "rotationArbitrary",
    "rotationBy90s",
    "sizeAboveFull",
    "sizeByConfinedWh",
    "sizeByDistortedWh",
    "sizeByH",
    "sizeByPct",
    "sizeByW",
    "sizeByWh",
)
_REQUIRED_FORMATS: Final = ("jpg", "png")
_OF_LEVEL_0: Final = ("baseUriRedirect", "cors", "jsonldMediaType", "profileLinkHeader")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server lets people ask for.

    Attributes:
        limit_px: ``maxWidth``, which bounds the height as well.
        formats: What the server can write, by our names.
        is_free: Anything within the limits (level 2), rather than the named sizes and tiles
            only (level 0).
    """

    limit_px: int
    formats: Sequence[str]
    is_free: bool = True

    @property
    def level(self) -> str:
        """Of compliance."""
        return "level2" if self.is_free else "level0"

    @property
    def their_formats(self) -> tuple[str, ...]:
        """By the names of the Image API."""
        if not self.is_free:
            return ("jpg",)
        return tuple(theirs for theirs, ours in OUR_FORMATS.items() if ours in self.formats)


def context_uri(version: Version) -> str:
    """The JSON-LD context of ``info.json``."""
    return f"{version.level_uri}/context.json"


def profile_uri(version: Version, offer: Offer) -> str:
    """The compliance level, for ``Link: …;rel="profile"``."""
    return f"{version.level_uri}/{offer.level}.json"


def describe(version: Version, base_uri: str, picture: Size, offer: Offer) -> dict[str, Any]:
    """The members of ``info.json``, in the order that the specification shows them.

    Args:
        version: Of the Image API.
        base_uri: Of the picture, without a slash at its end.
        picture: Its size, upright.
        offer: What may be asked for.
    """
    sides = {"width": picture.width, "height": picture.height}
    common = sides | {
        "sizes": [_json(size) for size in offered_sizes(picture, offer.limit_px)],
        "tiles": [{"width": TILE_PX, "scaleFactors": list(scale_factors(picture))}],
    }
    if version is Version.TWO:
        return _version_2(base_uri, common, offer)
    return _version_3(base_uri, common, offer)


def _version_3(base_uri: str, common: dict[str, Any], offer: Offer) -> dict[str, Any]:
    named = {
        "@context": context_uri(Version.THREE),
        "id": base_uri,
        "type": "ImageService3",
        "protocol": PROTOCOL,
        "profile": offer.level,
    }
    described = named | common | {"maxWidth": offer.limit_px}
    if not offer.is_free:
        return described | {"extraFeatures": list(_OF_LEVEL_0)}
    extra = [name for name in offer.their_formats if name not in _REQUIRED_FORMATS]
    preferred = [name for name in ("webp", "jpg") if name in offer.their_formats]
    return described | {
        "preferredFormats": preferred,
        "extraFormats": extra,
        "extraQualities": list(QUALITIES[1:]),
        "extraFeatures": list(_EXTRA_FEATURES),
    }


def _version_2(base_uri: str, common: dict[str, Any], offer: Offer) -> dict[str, Any]:
    features = _SUPPORTS_OF_TWO if offer.is_free else _OF_LEVEL_0
    details = {
        "formats": list(offer.their_formats),
        "qualities": list(QUALITIES if offer.is_free else QUALITIES[:1]),
        "supports": list(features),
        "maxWidth": offer.limit_px,
    }
    named = {"@context": context_uri(Version.TWO), "@id": base_uri, "protocol": PROTOCOL}
    return named | common | {"profile": [profile_uri(Version.TWO, offer), details]}


def _json(size: Size) -> dict[str, int]:
    return {"width": size.width, "height": size.height}

"""The IIIF Image API: a region and a size within the limits, and a canonical text that means them."""

import atheris

from fuzz.harness import fuzz

with atheris.instrument_imports(include=["cimaise"]):
    from cimaise.images.iiif.dialect import Size, Version
    from cimaise.images.iiif.identifiers import parse_identifier
    from cimaise.images.iiif.request import ImageRequest, parse_request, resolve
    from cimaise.images.spec import SpecLimits, parse_spec

LIMIT_PX = 2560
PICTURE = Size(3000, 2001)
LIMITS = SpecLimits(max_width=LIMIT_PX)
SEEDS = (
    b"3full/max/0/default.jpg", b"2full/full/0/default.png", b"3square/^!500,500/!90/gray.webp",
    b"310,10,80.5,90/pct:50/22.5/color.jpg", b"2pct:1,2.5,30,40/,200/359.99/bitonal.png",
    b"3pct:0,0,100,100/^max/0/default.jpg", b"20,0,3000,2001/!2560,2/360/default.webp",
)  # fmt: skip
_PARTS = 4


def target(data: bytes) -> None:
    version = Version.TWO if data[:1] == b"2" else Version.THREE
    text = data[1:].decode("latin-1")
    if text.count("/") != _PARTS - 1:
        parse_identifier(text)
        return
    wanted = _resolved(version, text)
    left, top, width, height = wanted.box
    assert min(left, top, width - 1, height - 1) >= 0, wanted
    assert left + width <= PICTURE.width, wanted
    assert top + height <= PICTURE.height, wanted
    assert min(wanted.size.width, wanted.size.height) >= 1, wanted
    assert max(wanted.size.width, wanted.size.height) <= LIMIT_PX, wanted
    again = _resolved(version, wanted.canonical())
    assert (again.box, again.size) == (wanted.box, wanted.size), (wanted, wanted.canonical())
    parse_spec(wanted.parameters(), limits=LIMITS)


def _resolved(version: Version, text: str) -> ImageRequest:
    region, size, rotation, last = text.split("/")
    quality, _, format_ = last.rpartition(".")
    asked = parse_request(
        version=version, region=region, size=size, rotation=rotation, quality=quality,
        format_=format_,
    )  # fmt: skip
    return resolve(asked, PICTURE, LIMIT_PX)


if __name__ == "__main__":
    fuzz(target, SEEDS, max_bytes=300)

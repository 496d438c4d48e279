"""Parameters of pictures: a wanted picture within the limits, or why not."""

from urllib.parse import parse_qsl

import atheris

from fuzz.harness import fuzz

with atheris.instrument_imports(include=["cimaise"]):
    from cimaise.images.spec import SpecLimits, canonical, parse_preset, parse_spec

LIMITS = SpecLimits(watermarks={"logo": "1a2b"})
SEEDS = (
    b"width=640&height=480&fit=cover&gravity=smart&dpr=2",
    b"width=100&crop=0,0,10,10&quality=80",
    b"height=9&fit=contain&background=%23ff000080&gravity=0.25,0.75&enlarge=1&format=auto",
    b"blur=2&sharpen=1&rotate=90&flip=h&brightness=1.5&contrast=0.5&saturation=0&format=avif",
    b"watermark=logo&watermark_position=tile&watermark_opacity=0.5&watermark_scale=0.3",
    b"preset=thumb&format=png&dpr=1.5",
)


def target(data: bytes) -> None:
    params = dict(parse_qsl(data.decode("latin-1"), keep_blank_values=True, max_num_fields=100))
    preset = params.pop("preset", None)
    if preset is None:
        spec = parse_spec(params, limits=LIMITS)
    else:
        spec = parse_preset(preset, params, limits=LIMITS)
    assert max(spec.width or 1, spec.height or 1) <= LIMITS.max_width
    assert 1 <= spec.quality <= 100  # noqa: PLR2004
    assert canonical(spec).isascii()


def foreseen(data: bytes) -> None:
    """``parse_qsl`` of the standard library refuses too many fields by ``ValueError``."""
    if data.count(b"&") < 100:  # noqa: PLR2004
        target(data)


if __name__ == "__main__":
    fuzz(foreseen, SEEDS, max_bytes=1024)

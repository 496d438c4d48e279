"""Pictures made for tests, and how to look at pixels."""

import atexit
import io
from functools import cache
from pathlib import Path
from typing import Any

import PIL.Image
import pillow_jxl  # noqa: F401  # registers itself
import pyvips

from cimaise.images.encoders.table import available_formats
from cimaise.images.formats import HEAD_BYTES, sniff
from cimaise.images.guarded_codec import GuardedCodec
from cimaise.images.isolation.processes import Processes
from cimaise.images.libvips import prepare_libvips
from cimaise.images.limits import RenderLimits
from cimaise.images.pipeline import Rendered, render
from cimaise.images.spec import SpecLimits, parse_spec

prepare_libvips()  # as in a server: whatever a test does with a broken file, Python is kept out of it


def quadrants(width: int, height: int) -> pyvips.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    left, top = width // 2, height // 2

    def plain(colour: tuple[int, int, int], across: int, down: int) -> pyvips.Image:
        black = pyvips.Image.black(across, down, bands=3)
        return (black + list(colour)).cast("uchar").copy(interpretation="srgb")

    upper = plain((255, 0, 0), left, top).join(plain((0, 255, 0), width - left, top), "horizontal")
    lower = plain((0, 0, 255), left, height - top).join(
        plain((255, 255, 255), width - left, height - top), "horizontal"
    )
    return upper.join(lower, "vertical").copy_memory()


def decoded(body: bytes) -> pyvips.Image:
    """The first frame, in memory; AVIF and JPEG XL by another library than the server's."""
    known = sniff(body[:HEAD_BYTES])
    if known is None or not known.is_isolated:
        return pyvips.Image.new_from_buffer(body, "").copy_memory()
    with PIL.Image.open(io.BytesIO(body)) as picture:
        plain = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    bands = len(plain.getbands())
    pixels = pyvips.Image.new_from_memory(
        plain.tobytes(), plain.width, plain.height, bands, "uchar"
    )
    return pixels.copy(interpretation="srgb")


def pixel(image: pyvips.Image, x: float, y: float) -> list[int]:
    """The colour at a place given from 0 to 1."""
    across = min(int(x * image.width), image.width - 1)
    return [round(v) for v in image.getpoint(across, min(int(y * image.height), image.height - 1))]


def corner_names(image: pyvips.Image) -> str:
    """The corners clockwise from the top left: r, g, b, w (or ? where it is none of these)."""
    names = {(1, 0, 0): "r", (0, 1, 0): "g", (0, 0, 1): "b", (1, 1, 1): "w"}
    found = ""
    for x, y in ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)):
        colour = pixel(image, x, y)[:3]
        found += names.get((colour[0] > 128, colour[1] > 128, colour[2] > 128), "?")
    return found


def make(source: bytes | Path, limits: RenderLimits | None = None, **params: Any) -> Rendered:
    """Render with parameters as a client sends them."""
    texts = {name: str(value) for name, value in params.items()}
    spec = parse_spec(texts, limits=SpecLimits(formats=available_formats()))
    return render(source, spec, limits or RenderLimits(), codec=guarded_codec())


@cache
def guarded_codec() -> GuardedCodec:
    """Decodes as the server does: dangerous formats in processes, which end with the tests."""
    processes = Processes(at_most=2, max_bytes=1024**3)
    atexit.register(processes.close)
    return GuardedCodec(processes, max_s=120, max_bytes=1024**3)


def animation(frames: int = 5, width: int = 40, height: int = 30, suffix: str = ".gif") -> bytes:
    """Frames of one colour each; frame ``i`` has red ``40 * i`` and is shown 100 + 10 * i ms."""
    colours = [[40 * i, 255 - 40 * i, 90] for i in range(frames)]
    base = pyvips.Image.black(width, height, bands=3)
    pages = [(base + c).cast("uchar").copy(interpretation="srgb") for c in colours]
    joined = pyvips.Image.arrayjoin(pages, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", height)
    joined.set_type(
        pyvips.GValue.array_int_type, "delay", [100 + 10 * index for index in range(frames)]
    )
    joined.set_type(pyvips.GValue.gint_type, "loop", 3)
    return bytes(joined.write_to_buffer(suffix))


def likeness(one: bytes, other: bytes) -> float:
    """Mean SSIM of two pictures of one size, 1 at most (Wang and others, 2004), of their greys."""
    a, b = (decoded(x).colourspace("b-w")[0].cast("float") for x in (one, other))

    def blurred(image: pyvips.Image) -> pyvips.Image:
        return image.gaussblur(1.5)

    mean_a, mean_b = blurred(a), blurred(b)
    varies_a, varies_b = blurred(a * a) - mean_a * mean_a, blurred(b * b) - mean_b * mean_b
    together = blurred(a * b) - mean_a * mean_b
    light, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    alike = (mean_a * mean_b * 2 + light) * (together * 2 + contrast)
    at_most = (mean_a * mean_a + mean_b * mean_b + light) * (varies_a + varies_b + contrast)
    return float((alike / at_most).avg())

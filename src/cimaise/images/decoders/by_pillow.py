"""What the decoders that Pillow and its plug-ins bring have in common."""

import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyvips
from PIL import ExifTags, Image

from cimaise.images.decoders.base import Decoder, ImageHeader, Source
from cimaise.images.exif import camera_facts, taken_at
from cimaise.images.formats import FORMATS

Image.MAX_IMAGE_PIXELS = None  # ours is checked from the header, and is the operator's to set
_DEFAULT_DELAY_MS: Final = 100
_ORIENTATION: Final = 0x0112
_PIXEL_BYTES: Final = 8  # once as the decoder has it, once as it is handed on


def open_image(source: Source, plugin: str) -> Image.Image:
    """Open with one of Pillow's plug-ins and no other."""
    file = source if isinstance(source, Path) else io.BytesIO(source)
    return Image.open(file, formats=(plugin,))


def header_of(name: str, image: Image.Image, *, orientation: int | None = None) -> ImageHeader:
    """The header of an opened picture.

    Args:
        name: Of the format.
        image: Opened, not decoded.
        orientation: Where the decoder does not turn the picture upright by itself; ``None``: as
            EXIF says.
    """
    exif = image.getexif()
    if orientation is None:
        orientation = int(exif.get(_ORIENTATION, 1))
    orientation = orientation if orientation in range(1, 9) else 1
    width, height = image.size
    if orientation > 4:  # noqa: PLR2004
        width, height = height, width
    text_of = _texts(exif)
    frames = getattr(image, "n_frames", 1) if FORMATS[name].is_animated else 1
    return ImageHeader(
        width=width,
        height=height,
        format=name,
        media_type=FORMATS[name].media_type,
        frames=frames,
        orientation=orientation,
        has_alpha=image.has_transparency_data,
        taken_at=taken_at(text_of),
        exif=camera_facts(text_of),
        whole_bytes=width * height * _PIXEL_BYTES,
    )


def still(name: str, plugin: str) -> Decoder:
    """A decoder of files of which one picture is shown; ``name`` is the format's, as we call it."""

    def read_header(source: Source) -> ImageHeader:
        with open_image(source, plugin) as image:
            return header_of(name, image)

    def open_(source: Source, _header: ImageHeader, _frames: int, _factor: float) -> pyvips.Image:
        with open_image(source, plugin) as image:
            return frames_of(image, 1)

    return Decoder(read_header, open_)


def frames_of(image: Image.Image, count: int) -> pyvips.Image:
    """The first frames below each other, with their times."""
    if count == 1:
        return _stored(image)
    images, delays = [], []
    for index in range(count):
        image.seek(index)
        images.append(_stored(image))
        delays.append(round(image.info.get("duration", 0)) or _DEFAULT_DELAY_MS)
    return _moving(images, delays, int(image.info.get("loop", 0)))


def _moving(images: Sequence[pyvips.Image], delays: list[int], loop: int) -> pyvips.Image:
    joined = pyvips.Image.arrayjoin(list(images), across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", images[0].height)
    joined.set_type(pyvips.GValue.array_int_type, "delay", delays)
    joined.set_type(pyvips.GValue.gint_type, "loop", loop)
    return joined


def _stored(image: Image.Image) -> pyvips.Image:
    """One frame, in its own colours; its profile comes along."""
    if image.mode == "LAB":
        return _lab(image)
    image = _plain(image)
    is_wide = image.mode.startswith("I;16")
    bands = len(image.getbands())
    stored = pyvips.Image.new_from_memory(
        image.tobytes(), image.width, image.height, bands, "ushort" if is_wide else "uchar"
    )
    stored = stored.copy(interpretation=_interpretation(image.mode))
    profile = image.info.get("icc_profile")
    if profile:
        stored.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return stored


def _lab(image: Image.Image) -> pyvips.Image:
    """CIELAB of 8 bits under D50 (TIFF 6.0 section 23): lightness, then two signed numbers."""
    stored = pyvips.Image.new_from_memory(image.tobytes(), image.width, image.height, 3, "uchar")
    lightness = stored[0].linear(100 / 255, 0)
    colours = stored.copy(format="char").extract_band(1, n=2)
    lab = lightness.bandjoin(colours).copy(interpretation="lab")
    shown = lab.icc_export(output_profile="srgb", intent="relative", depth=8).copy_memory()
    shown.remove("icc-profile-data")
    return shown


def _plain(image: Image.Image) -> Image.Image:
    """In a mode that libvips has a word for."""
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK", "I;16"):
        image.load()
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _interpretation(mode: str) -> str:
    if mode in ("L", "LA"):
        return "b-w"
    return {"CMYK": "cmyk", "I;16": "grey16"}.get(mode, "srgb")


def _texts(exif: Image.Exif) -> Any:
    """Fields by the names that libvips has for them, as it writes them."""
    own = {f"exif-ifd0-{ExifTags.TAGS.get(tag, tag)}": value for tag, value in exif.items()}
    for tag, value in exif.get_ifd(ExifTags.IFD.Exif).items():
        own[f"exif-ifd2-{ExifTags.TAGS.get(tag, tag)}"] = value

    def text_of(field: str) -> str | None:
        value = own.get(field)
        return None if value is None or isinstance(value, (bytes, datetime)) else f"{value} ()"

    return text_of

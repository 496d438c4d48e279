"""The only place that opens and writes pictures. Loaders that are not on the list are blocked.

``prepare_libvips`` must have been called once in the process before anything else here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pyvips

from cimaise.errors import Invalid, Limit, NotFound, TypeNotAllowed
from cimaise.images.exif import camera_facts, taken_at
from cimaise.images.formats import FORMATS, HEAD_BYTES, Format, sniff
from cimaise.images.stopping import Stop
from cimaise.telemetry import log

LEAST_VERSION: Final = (8, 15)  # "keep" exists, and WebP without metadata really has none
_LOADERS: Final = ("Jpeg", "Png", "Webp", "Heif", "Nsgif", "Tiff")
_SAVERS: Final = {"webp": ".webp", "avif": ".avif", "jpeg": ".jpg", "png": ".png"}

MAX_AVIF_PIXELS: Final = 25_000_000
"""AVIF is decoded whole, at about 24 bytes a pixel; so its limit is lower."""
_SMALL_AVIF_PIXELS: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What a file says of its picture.

    Attributes:
        width: Pixels, upright (EXIF orientation applied).
        height: Pixels, upright; of one frame.
        format: ``jpeg``, ``png``, ``webp``, ``gif``, ``avif``, ``heic`` or ``tiff``.
        media_type: For ``Content-Type``.
        frames: Frames of an animation, else 1.
        orientation: EXIF orientation that was applied to width and height, 1 to 8.
        has_alpha: Has transparency, or could.
        taken_at: Aware UTC, where the camera wrote it.
        exif: What :func:`cimaise.images.exif.camera_facts` tells.
    """

    width: int
    height: int
    format: str
    media_type: str
    frames: int = 1
    orientation: int = 1
    has_alpha: bool = False
    taken_at: datetime | None = None
    exif: Mapping[str, str | float] = field(default_factory=lambda: MappingProxyType({}))


def prepare_libvips() -> None:
    """Make libvips fit for strangers' pictures: loaders blocked, no cache, one thread a picture.

    Raises:
        RuntimeError: libvips is too old, or its loaders cannot be blocked.
    """
    found = (pyvips.version(0), pyvips.version(1))
    if found < LEAST_VERSION:
        # Typically pyvips was built against the system's library instead of the wheel's.
        raise RuntimeError(f"libvips {found[0]}.{found[1]} is too old: at least 8.15 is needed")
    try:
        pyvips.operation_block_set("VipsForeignLoad", True)  # noqa: FBT003
        for name in _LOADERS:
            pyvips.operation_block_set(f"VipsForeignLoad{name}", False)  # noqa: FBT003
    except (AttributeError, pyvips.Error) as fault:
        raise RuntimeError("libvips cannot block its loaders") from fault
    pyvips.cache_set_max(0)
    pyvips.concurrency_set(1)


def available_formats() -> tuple[str, ...]:
    """Formats that this libvips can write, the preferred first."""
    suffixes = pyvips.get_suffixes()
    return tuple(name for name, suffix in _SAVERS.items() if suffix in suffixes)


def library_version() -> str:
    """Version of libvips; belongs into cache keys, for encoders change between versions."""
    return ".".join(str(pyvips.version(part)) for part in range(3))


def read_header(source: bytes | Path) -> ImageHeader:
    """Read what the file says, in about a millisecond and without decoding a pixel.

    Args:
        source: A whole file, or its path. The first 64 KiB are enough for most JPEG and PNG files,
            not for the others.

    Raises:
        TypeNotAllowed: No picture of a known format (``not_an_image``).
        NotFound: There is no such file (``file_missing``).
    """
    known = _sniffed(source)
    with translating_faults("header"):
        image = _load(known, source)
        return _header(known, image)


def require_pixels(header: ImageHeader, max_pixels: int) -> None:
    """Refuse a picture that is too large to decode.

    Raises:
        Invalid: ``too_many_pixels``; width x height x frames is above the limit.
    """
    most = min(max_pixels, MAX_AVIF_PIXELS) if header.format == "avif" else max_pixels
    pixels = header.width * header.height * header.frames
    if pixels > most:
        raise Invalid(
            f"The picture has {pixels} pixels, the limit is {most}.",
            code="too_many_pixels",
            limit=Limit("max_pixels", most, pixels),
        )


def open_picture(
    source: bytes | Path, header: ImageHeader, *, frames: int, shrink: int = 1, scale: float = 1.0
) -> pyvips.Image:
    """Open for reading once from top to bottom; frames lie below each other.

    Args:
        source: The file or its path; must stay as it is until the image is computed.
        header: Of the same file.
        frames: How many frames to read.
        shrink: JPEG only: 1, 2, 4 or 8 times smaller while decoding.
        scale: WebP only: 0 to 1, smaller while decoding.

    Raises:
        TypeNotAllowed: The format can be recognised but not decoded here (HEIC).
    """
    if header.format == "heic":
        raise TypeNotAllowed("HEIC pictures cannot be converted here.")
    options: dict[str, Any] = {"access": "sequential", "fail_on": "truncated"}
    if FORMATS[header.format].is_animated:
        options["n"] = frames
    if header.format == "jpeg" and shrink > 1:
        options["shrink"] = shrink
    if header.format == "webp" and scale < 1:
        options["scale"] = scale
    return _load(FORMATS[header.format], source, **options)


def encode(image: pyvips.Image, name: str, quality: int, stop: Stop) -> bytes:
    """Write without any metadata.

    Args:
        image: 8-bit sRGB; frames below each other with ``page-height`` set.
        name: ``webp``, ``avif``, ``jpeg`` or ``png``.
        quality: 1 to 100 on WebP's scale.
        stop: Where the wish to stop comes from.
    """
    watched = stop.watch(image)
    if name == "webp":
        body = watched.webpsave_buffer(Q=quality, effort=2, keep="none")
    elif name == "avif":
        body = _encode_avif(watched, quality)
    elif name == "jpeg":
        body = watched.jpegsave_buffer(Q=quality, optimize_coding=True, keep="none")
    else:
        body = watched.pngsave_buffer(compression=6, keep="none")
    return bytes(body)


@contextmanager
def translating_faults(stage: str) -> Iterator[None]:
    """Turn what libvips says into ours. Its own words hold paths: they go into the log only."""
    try:
        yield
    except pyvips.Error as fault:
        detail = " ".join(str(fault).split())[:500]
        log("picture_failed", level="info", stage=stage, detail=detail)
        raise TypeNotAllowed(
            "The file is no picture that can be read.", code="not_an_image"
        ) from None


def _sniffed(source: bytes | Path) -> Format:
    head = source[:HEAD_BYTES] if isinstance(source, bytes) else _head_of(source)
    known = sniff(head)
    if known is None:
        raise TypeNotAllowed("The file is no picture of a known format.", code="not_an_image")
    return known


def _head_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except FileNotFoundError:
        raise NotFound("The file of the picture is missing.", code="file_missing") from None


def _load(known: Format, source: bytes | Path, **options: Any) -> pyvips.Image:
    if isinstance(source, bytes):
        return getattr(pyvips.Image, f"{known.loader}_buffer")(source, **options)
    return getattr(pyvips.Image, known.loader)(str(source), **options)


def _header(known: Format, image: pyvips.Image) -> ImageHeader:
    if known.loader == "heifload":
        coding = image.get("heif-compression") if image.get_typeof("heif-compression") else ""
        known = FORMATS["avif" if coding == "av1" else "heic"]
    orientation = image.get("orientation") if image.get_typeof("orientation") else 1
    orientation = orientation if orientation in range(1, 9) else 1
    is_moving = known.is_animated and image.get_typeof("n-pages")
    width, height = image.width, image.height
    if orientation > 4:  # noqa: PLR2004
        width, height = height, width

    def text_of(name: str) -> str | None:
        return str(image.get(name)) if image.get_typeof(name) else None

    return ImageHeader(
        width=width,
        height=height,
        format=known.name,
        media_type=known.media_type,
        frames=image.get("n-pages") if is_moving else 1,
        orientation=orientation,
        has_alpha=bool(image.hasalpha()),
        taken_at=taken_at(text_of),
        exif=MappingProxyType(camera_facts(text_of)),
    )


def _encode_avif(image: pyvips.Image, quality: int) -> Any:
    # An AVIF encoder cannot be stopped, so large pictures get the fastest one.
    is_small = image.width * image.height <= _SMALL_AVIF_PIXELS
    return image.heifsave_buffer(
        compression="av1", Q=avif_quality(quality), effort=1 if is_small else 0, keep="none"
    )


def avif_quality(quality: int) -> int:
    """AVIF's number for the look that WebP's ``quality`` gives: 80 is 65, 100 stays 100."""
    if quality <= 80:  # noqa: PLR2004
        return max(1, round(quality * 65 / 80))
    return round(65 + (quality - 80) * 35 / 20)

"""Images, wired."""

from collections.abc import Callable
from pathlib import Path

from cimaise.images.cache import Cache
from cimaise.images.codec import ImageHeader, available_formats, read_header, require_pixels
from cimaise.images.pipeline import RenderLimits
from cimaise.images.remote import Remote
from cimaise.images.spec import SpecLimits
from cimaise.images.variants import Variants
from cimaise.images.workers import Workers
from cimaise.settings import Settings


def picture_reader(settings: Settings) -> Callable[[bytes], ImageHeader]:
    """The header of an uploaded picture; one with too many pixels is refused at the gate."""

    def read(head: bytes) -> ImageHeader:
        header = read_header(head)
        require_pixels(header, settings.images.max_pixels)
        return header

    return read


def spec_limits(settings: Settings) -> SpecLimits:
    """What may be asked for."""
    return SpecLimits(
        max_width=settings.images.max_width,
        default_quality=settings.images.default_quality,
        formats=available_formats(),
    )


def open_variants(settings: Settings, cache: Cache, remote_dir: Path) -> Variants:
    """Kept variants, the workers that make them, and where remote sources come from."""
    images = settings.images
    return Variants(
        cache=cache,
        workers=Workers(threads=images.workers, queue=images.queue),
        remote=_remote(settings, remote_dir),
        limits=RenderLimits(
            max_width=images.max_width, max_pixels=images.max_pixels, max_frames=images.max_frames
        ),
        error_ttl_s=images.error_ttl,
        queue=images.queue,
    )


def _remote(settings: Settings, remote_dir: Path) -> Remote:
    images = settings.images
    return Remote(
        timeout_s=images.fetch_timeout,
        max_bytes=images.max_source_bytes,
        allowed_hosts=images.allowed_hosts,
        allow_addresses=images.allow_addresses,
        ca_file=images.ca_file,
        folder=remote_dir,
        queue=images.queue,
    )

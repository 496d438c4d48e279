"""Images, wired."""

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from cimaise.app.sources import utc_now
from cimaise.images.bases import Bases
from cimaise.images.codec import Codec
from cimaise.images.decoders.base import ImageHeader
from cimaise.images.encoders.table import available_formats
from cimaise.images.guarded_codec import GuardedCodec
from cimaise.images.isolation.processes import Processes
from cimaise.images.keeping.alone import Alone
from cimaise.images.keeping.cache import Cache
from cimaise.images.keeping.hot import Answers
from cimaise.images.keeping.hot_own import OwnAnswers
from cimaise.images.keeping.kept import Kept
from cimaise.images.keeping.shared_cache import SharedCache
from cimaise.images.lanes import Lanes
from cimaise.images.limits import RenderLimits, require_pixels
from cimaise.images.pipeline import render
from cimaise.images.placeholder import make_placeholder
from cimaise.images.policy import ImagePolicy, Policy, signing_keys
from cimaise.images.remote.fetching import Remote
from cimaise.images.spec import SpecLimits
from cimaise.images.variants import Variants
from cimaise.images.watermark import Watermarks
from cimaise.settings import Settings
from cimaise.state.base import State
from cimaise.storage.base import Storage


def open_codec(settings: Settings) -> GuardedCodec:
    """What reads and writes pictures, with processes for what must not harm the server."""
    images = settings.images
    threads = images.workers or os.cpu_count() or 1
    processes = Processes(at_most=threads + 1, max_bytes=images.decoder_bytes)
    return GuardedCodec(processes, max_s=images.time_limit, max_bytes=images.decoder_bytes)


def picture_reader(settings: Settings, codec: Codec) -> Callable[[bytes], ImageHeader]:
    """The header of an uploaded picture; one with too many pixels is refused at the gate."""

    def read(head: bytes) -> ImageHeader:
        header = codec.read_header(head)
        require_pixels(header, settings.images.max_pixels)
        return header

    return read


def spec_limits(settings: Settings, watermarks: Watermarks) -> SpecLimits:
    """What may be asked for."""
    return SpecLimits(
        max_width=settings.images.max_width,
        default_quality=settings.images.default_quality,
        formats=available_formats(),
        watermarks=watermarks.digests,
    )


def forgetter(answers: Answers, own_answers: OwnAnswers) -> Callable[[str], None]:
    """What is called where a source has changed, or (empty) anything may have."""

    def forget(folder: str) -> None:
        answers.change(folder)
        own_answers.change()

    return forget


def open_kept(
    settings: Settings,
    cache: Cache,
    storage: Storage,
    state: State,
    on_change: Callable[[str], None],
) -> Kept:
    """Where variants are kept: on this machine, and behind that for all, where wanted."""
    is_shared = settings.images.shared_bytes > 0
    locks = settings.data.dir.absolute() / "cache" / "locks"
    return Kept(
        cache,
        shared=SharedCache(storage) if is_shared else None,
        alone=Alone(locks, fleet=state if is_shared else None),
        state=state,
        on_change=on_change,
    )


def image_policy(settings: Settings, secrets: Sequence[bytes]) -> ImagePolicy:
    """What may be asked for, and who may ask for more."""
    images = settings.images
    return ImagePolicy(Policy(images.policy), signing_keys(images.signing_keys, secrets), utc_now)


def open_lanes(settings: Settings) -> Lanes:
    """Where pictures are computed; whoever has the variants closes them."""
    images = settings.images
    return Lanes(
        threads=images.workers,
        queue=images.queue,
        costly_queue=images.costly_queue,
        max_s=images.time_limit,
    )


def open_variants(
    settings: Settings,
    kept: Kept,
    lanes: Lanes,
    *,
    remote_dir: Path,
    codec: Codec,
    watermarks: Watermarks,
) -> Variants:
    """Kept variants, the workers that make them, and where remote sources come from."""
    images = settings.images
    return Variants(
        kept=kept,
        lanes=lanes,
        remote=_remote(settings, remote_dir),
        limits=_limits(settings),
        error_ttl_s=images.error_ttl,
        remote_ttl_s=images.remote_ttl,
        render=partial(
            render, codec=Bases(codec, max_bytes=images.base_bytes), watermarks=watermarks
        ),
    )


def _limits(settings: Settings) -> RenderLimits:
    images = settings.images
    return RenderLimits(
        max_width=images.max_width, max_pixels=images.max_pixels, max_frames=images.max_frames
    )


def placeholder_maker(
    settings: Settings, codec: Codec, lanes: Lanes
) -> Callable[[bytes | Path], Awaitable[str]]:
    """Draws what is shown until a picture has come, when nothing else is to be done."""
    limits = _limits(settings)

    async def draw(source: bytes | Path) -> str:
        return await lanes.in_background(
            lambda stop: make_placeholder(source, limits, stop, codec=codec)
        )

    return draw


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

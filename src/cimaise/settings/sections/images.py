"""Pictures made on the fly."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from cimaise.settings import parsing as p
from cimaise.settings.knob import GB, KB, MB, knob


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Pictures made on the fly."""

    max_width: int = knob(
        2560, p.parse_count, "Widest and tallest picture made, in pixels.", low=16, high=16383
    )
    default_quality: int = knob(80, p.parse_count, "Quality, 1 to 100.", low=1, high=100)
    fetch_timeout: float = knob(
        15.0, p.parse_duration, "Time for fetching a remote picture.", low=0.1, high=300
    )
    max_pixels: int = knob(
        100_000_000, p.parse_pixels, "Most pixels of a source, all frames together.", low=1
    )
    max_source_bytes: int = knob(
        100 * MB, p.parse_bytes, "Longest remote source.", low=KB, high=4 * GB
    )
    max_frames: int = knob(100, p.parse_count, "Most frames of an animation kept.", low=1)
    time_limit: float = knob(
        20.0, p.parse_duration, "Longest work on one picture.", low=0.1, high=3600
    )
    base_bytes: int = knob(
        64 * MB,
        p.parse_bytes,
        "Decoded pictures kept in memory for a minute, so that many widths cost one decode; 0: none.",
        high=64 * GB,
    )
    decoder_bytes: int = knob(
        GB,
        p.parse_bytes,
        "Memory of each process that decodes what must not be able to harm the server.",
        low=128 * MB,
        high=64 * GB,
    )
    cache_bytes: int = knob(10 * GB, p.parse_bytes, "Size of the cache of variants.", low=MB)
    shared_bytes: int = knob(
        0,
        p.parse_bytes,
        "Size of a cache of variants in the storage, for all machines; 0: none, each has its own.",
    )
    watermarks: tuple[tuple[str, Path], ...] = knob(
        (), p.parse_named_paths, "Pictures that may be laid over others: name=/path, name=/path."
    )
    remote_ttl: float = knob(
        7 * 86400.0,
        p.parse_duration,
        "After so long the other server is asked whether a remote picture has changed; 0: never.",
        high=10 * 365 * 86400,
    )
    error_ttl: float = knob(
        60.0, p.parse_duration, "How long a remote failure is remembered.", high=3600
    )
    allowed_hosts: tuple[str, ...] = knob(
        (), p.parse_names, "Hosts that may be fetched from; empty: any public one."
    )
    policy: str = knob(
        "open",
        p.parse_text,
        "Which variants may be asked for: open: any; presets: named sizes and those of our pages; signed: these, and what was signed.",
        choices=("open", "presets", "signed"),
    )
    signing_keys: tuple[str, ...] = knob(
        (),
        p.parse_secrets,
        "Keys of signed image URLs, for programs that sign: the first signs, all verify; empty: only this server can.",
        secret=True,
    )
    allow_addresses: tuple[IPv4Network | IPv6Network, ...] = knob(
        (), p.parse_networks, "Exceptions to the address block, for private networks and tests."
    )
    ca_file: str = knob("", p.parse_text, "Further CA certificates for remote fetches (PEM).")
    workers: int = knob(
        0,
        p.parse_count,
        "Pictures made at the same time; 0: one more than there are cores.",
        high=256,
    )
    queue: int = knob(
        200, p.parse_count, "Pictures waiting to be made; one more is answered 503.", high=100_000
    )
    costly_queue: int = knob(
        50,
        p.parse_count,
        "AVIF, HEIC and very large pictures waiting to be made, in a queue of their own.",
        high=100_000,
    )

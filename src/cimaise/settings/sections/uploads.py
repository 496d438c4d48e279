"""What may come in, and how much of it."""

from dataclasses import dataclass

from cimaise.settings import parsing as p
from cimaise.settings.knob import GB, MB, TB, knob


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """Bytes coming in."""

    single_max_bytes: int = knob(
        50 * MB, p.parse_bytes, "Up to here one request, above in parts.", low=1, high=5 * GB
    )
    max_bytes: int = knob(5 * TB, p.parse_bytes, "Largest file.", low=1, high=48 * TB)
    part_bytes: int = knob(10 * MB, p.parse_bytes, "Size of a part.", low=5 * MB, high=20 * MB)
    session_ttl: float = knob(
        86400.0, p.parse_duration, "How long an unfinished upload is kept.", low=60, high=30 * 86400
    )
    url_ttl: float = knob(
        3600.0, p.parse_duration, "How long a signed upload URL lives.", low=1, high=7 * 86400
    )
    hash_max_bytes: int = knob(
        64 * MB,
        p.parse_bytes,
        "Files up to here get a SHA-256 on a local disk, by whichever door they come.",
        high=48 * TB,
    )
    extensions: tuple[str, ...] = knob(
        (), p.parse_extensions, "File extensions that are accepted; any for all."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What an account may store, where nothing is set for it; 0 is no limit."""

    daily_bytes: int = knob(0, p.parse_bytes, "Bytes a day (00:00 UTC).")
    daily_files: int = knob(0, p.parse_count, "Files a day (00:00 UTC).")
    total_bytes: int = knob(0, p.parse_bytes, "Bytes in all.")
    unfinished_files: int = knob(
        10_000, p.parse_count, "Uploads begun on a day and not ended yet; 0: no limit."
    )
    failed_uploads_an_hour: int = knob(
        1000, p.parse_count, "Uploads of an hour that may come to nothing; 0: no limit."
    )
